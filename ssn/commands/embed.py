"""``embed``: photos → templates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ssn.answers.templates import template_row
from ssn.commands.interrupt import interruptible
from ssn.commands.options import (
    DEFAULT,
    Bits,
    Checkpoint,
    Device,
    Engine,
    FaceNumber,
    JsonFile,
    Numbered,
    Page,
    SpectrumName,
    occlusion_option,
    one_photo_only,
    read_probe,
    say,
    warn,
)
from ssn.errors import SSNError
from ssn.export.engine import load_recognizer
from ssn.files import printable


def embed(
    photos: Annotated[list[Path], typer.Argument(help="One or more photos, each with one face.")],
    spectrum: SpectrumName = "vis",
    occlusion: Annotated[str, occlusion_option()] = "none",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = None,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    engine: Engine = "torch",
    json_file: JsonFile = None,
) -> None:
    """Turn photos into templates: 256 numbers of unit length. Of many, those that cannot be used are named, and the
    others given."""
    one_photo_only(len(photos), numbered=numbered)
    recognizer = load_recognizer(checkpoint, device, engine)
    rows: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    not_reached: list[dict[str, str]] = []
    with interruptible() as stop:
        for photo in photos:
            if stop:
                not_reached.append({"photo": str(photo)})
                continue
            try:
                probe = read_probe(recognizer, photo, spectrum, occlusion, face, numbered, bits, page)
            except SSNError as error:
                if len(photos) == 1:
                    raise
                warn(photo, error)
                refused.append({"photo": str(photo), "reason": str(error)})
                continue
            rows.append({"photo": str(photo), **template_row(recognizer, probe)})
    text = "\n".join(f"{printable(r['photo'])}: {' '.join(f'{v:+.3f}' for v in r['vector'][:6])} …" for r in rows)
    if refused or not_reached:
        rest = f", {len(not_reached)} not reached: interrupted" if not_reached else ""
        text += f"\n{len(rows)} of {len(photos)} photos embedded, {len(refused)} refused{rest}."
    data = {"model": recognizer.model_id, "templates": rows, "refused": refused, "not_reached": not_reached}
    say(text.lstrip(), data, json_file)
    if refused or not_reached:
        raise typer.Exit(stop.status or 2)
