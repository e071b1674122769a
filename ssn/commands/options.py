"""Options that several commands share, with one wording each."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ssn.errors import DataError, SSNError
from ssn.evaluation.report import write_json
from ssn.faces.occlude import OCCLUSIONS, named_mask, occlude
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import SPECTRA, AlignedFace
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer

Checkpoint = Annotated[Path, typer.Option(help="Weights: a .safetensors of ours, or the official Light CNN .pth.tar.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
JsonFile = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - prints it.")]
SpectrumName = Annotated[
    str, typer.Option(help="What the photo is: vis, nir, or nir-simulated (made from a VIS photo).")
]
FaceNumber = Annotated[int | None, typer.Option(help="Which face, counted from 0, the largest, if there are several.")]

DEFAULT = DEFAULT_CHECKPOINT


def occlusion_option() -> Any:
    """The option that hides a part of a face. To be written into a command's annotation, which is read when the command
    is: an occlusion registered from outside is then a choice too."""
    return typer.Option(metavar=f"[{'|'.join(OCCLUSIONS)}]", help="Hide a part of the probe.")


def say(text: str, data: dict, json_file: str | None) -> None:
    """Print for people, and write for scripts; with ``--json -`` only JSON reaches standard output."""
    if json_file == "-":
        json.dump(data, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    typer.echo(text)
    if json_file:
        write_json(data, json_file)


def read_probe(
    recognizer: Recognizer, photo: Path, spectrum: str = "vis", occlusion: str = "none", face: int | None = None
) -> AlignedFace:
    """A photo file → the aligned face in the asked spectrum, occluded as asked. Raises the library's typed errors."""
    if spectrum not in SPECTRA:
        raise DataError(f"{spectrum!r} is no spectrum.", f"Use one of {', '.join(SPECTRA)}.")
    if occlusion not in OCCLUSIONS:
        raise DataError(f"{occlusion!r} is no occlusion.", f"Use one of {', '.join(OCCLUSIONS)}.")
    found = recognizer.face(photo, "nir" if spectrum == "nir" else "vis", face)
    if spectrum == "nir-simulated":
        found = simulated_nir_face(found)
    return occlude(found, named_mask(occlusion, found.landmarks))


PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}


def photos_in(folder: Path) -> list[tuple[str, Path]]:
    """``FOLDER/Name/any.jpg`` and ``FOLDER/Name.jpg`` → (name, file), sorted. Raises DataError for none."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.", "Name a folder of photos or a gallery file.")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file())
    if not files:
        raise DataError(f"{folder} holds no photos.", "Put them as FOLDER/Name/photo.jpg or FOLDER/Name.jpg.")
    return [(p.parent.name if p.parent != folder else p.stem, p) for p in files]


def warn(error: SSNError, about: Path) -> None:
    """A photo of many that cannot be used: say so and go on."""
    typer.echo(f"{about.name}: {error}", err=True)
