"""``visibility``: which pixels of a photo's face show the face."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from ssn.answers.faces import check_choices, subject_of
from ssn.commands.options import (
    Bits,
    Device,
    FaceNumber,
    JsonFile,
    Numbered,
    Page,
    SpectrumName,
    find_in_photo,
    occlusion_option,
    pick_face,
    say,
    tell_pages,
)
from ssn.errors import DataError
from ssn.faces.finder import Found
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.types import AlignedFace
from ssn.files import atomically
from ssn.machine import choose_device
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT
from ssn.visibility import HIDDEN, VisibilityFinder, hidden_share


def _face(found: Found, face: AlignedFace) -> dict:
    """Which face of the photo it is, and where in the photo it lies."""
    box = found.faces[face.subject.index if face.subject else 0]
    place = {"xyxy": [round(float(v), 2) for v in box.xyxy], "confidence": round(float(box.confidence), 4)}
    return {**subject_of(face), **place, "spectrum": face.spectrum, "transform": face.transform.round(6).tolist()}


def _write_picture(visibility: np.ndarray, out: Path) -> None:
    """A visibility map → a gray PNG, white where visible. Raises DataError where it cannot be written."""
    try:
        with atomically(out) as part:
            Image.fromarray(np.round(255 * visibility).astype(np.uint8)).save(part, "PNG")
    except OSError as error:
        raise DataError(f"{out} cannot be written.", "Name another file.") from error


def visibility(
    photo: Annotated[Path, typer.Argument(help="The photo.")],
    out: Annotated[Path, typer.Option(help="The map as a PNG, 128×128 as the aligned face; white is visible.")],
    spectrum: SpectrumName = "vis",
    occlusion: Annotated[str, occlusion_option()] = "none",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = None,
    checkpoint: Annotated[Path, typer.Option(help="The visibility network's file.")] = VISIBILITY_CHECKPOINT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Show which pixels of a face are seen, and which are hidden by something worn, held or painted. Of real hats
    less than half is found (docs/visibility.md)."""
    check_choices(spectrum, occlusion)
    finder = VisibilityFinder.load(checkpoint, device)
    where = choose_device(device)
    found = find_in_photo(photo, where, numbered, bits, page)
    tell_pages(photo, found, page)
    picked = pick_face(found, photo, where, spectrum, face)
    seen = finder.visibility(occlude(picked, named_mask(occlusion, picked.landmarks)))
    _write_picture(seen, out)
    hidden = hidden_share(seen)
    data = {
        "model": finder.model_id,
        "hidden_share": hidden,
        "face": _face(found, picked),
        "photo": str(photo),
        "occlusion": occlusion,
        "hidden_below": HIDDEN,
        "file": str(out),
    }
    say(f"{100 * hidden:.1f} % of the aligned face is hidden; the map is in {out}.", data, json_file)
