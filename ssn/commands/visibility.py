"""``visibility``: which pixels of a photo's face show the face."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from ssn.commands.options import (
    Device,
    FaceNumber,
    JsonFile,
    SpectrumName,
    check_choices,
    in_spectrum,
    occlusion_option,
    say,
)
from ssn.errors import DataError
from ssn.faces.align import align
from ssn.faces.detect import FaceDetector, choose_face
from ssn.faces.landmarks import find_landmarks
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.read import read_image
from ssn.faces.types import AlignedFace
from ssn.files import atomically
from ssn.machine import choose_device
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT
from ssn.visibility import HIDDEN, VisibilityFinder, hidden_share


def _face(photo: Path, spectrum: str, occlusion: str, index: int | None, device: str) -> tuple[AlignedFace, dict]:
    """A photo file → its aligned face as asked, and where in the photo that lies."""
    image = read_image(photo)
    box = choose_face(FaceDetector(choose_device(device)).detect(image), index)
    photographed = align(image, find_landmarks(image, box), "nir" if spectrum == "nir" else "vis")
    face = in_spectrum(photographed, spectrum)
    place = {"xyxy": [round(float(v), 2) for v in box.xyxy], "confidence": round(float(box.confidence), 4)}
    return occlude(face, named_mask(occlusion, face.landmarks)), place


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
    checkpoint: Annotated[Path, typer.Option(help="The visibility network's file.")] = VISIBILITY_CHECKPOINT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Show which pixels of a face are seen, and which are hidden by something worn, held or painted."""
    check_choices(spectrum, occlusion)
    finder = VisibilityFinder.load(checkpoint, device)
    found, place = _face(photo, spectrum, occlusion, face, device)
    seen = finder.visibility(found)
    _write_picture(seen, out)
    data = {
        "model": finder.model_id,
        "hidden_share": hidden_share(seen),
        "face": {**place, "spectrum": found.spectrum, "transform": found.transform.round(6).tolist()},
        "photo": str(photo),
        "occlusion": occlusion,
        "hidden_below": HIDDEN,
        "file": str(out),
    }
    say(f"{100 * data['hidden_share']:.1f} % of the aligned face is hidden; the map is in {out}.", data, json_file)
