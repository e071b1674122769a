"""Options that several commands share, with one wording each."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from ssn.errors import DataError, SeveralFacesError, SSNError
from ssn.evaluation.report import write_json
from ssn.faces.finder import Found, shared_finder
from ssn.faces.occlude import OCCLUSIONS, named_mask, occlude
from ssn.faces.read import SUFFIXES, read_image
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.subject import numbered_picture
from ssn.faces.types import SPECTRA, AlignedFace
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer

Checkpoint = Annotated[Path, typer.Option(help="Weights: a .safetensors of ours, or the official Light CNN .pth.tar.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
JsonFile = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - prints it.")]
SpectrumName = Annotated[
    str, typer.Option(help="What the photo is: vis, nir, or nir-simulated (made from a VIS photo).")
]
FaceNumber = Annotated[
    int | None, typer.Option(min=1, help="Which face, counted from 1, the largest, if there are several.")
]
Numbered = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the photo with a frame and a number on every face.")
]
Bits = Annotated[
    int | None,
    typer.Option(min=8, max=16, help="Bits the sensor gave, where the file holds more than 8."),
]
Page = Annotated[int, typer.Option(min=0, help="Which page of a file of several, counted from 0.")]

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
    recognizer: Recognizer,
    photo: Path,
    spectrum: str = "vis",
    occlusion: str = "none",
    face: int | None = None,
    numbered: Path | None = None,
    bits: int | None = None,
    page: int = 0,
) -> AlignedFace:
    """A photo file → the aligned face in the asked spectrum, occluded as asked. Of several faces ``face`` (from 1) is
    taken, or the one that is clearly meant, which is then said; ``numbered`` is where to draw the choice. Raises the
    library's typed errors."""
    if spectrum not in SPECTRA:
        raise DataError(f"{spectrum!r} is no spectrum.", f"Use one of {', '.join(SPECTRA)}.")
    if occlusion not in OCCLUSIONS:
        raise DataError(f"{occlusion!r} is no occlusion.", f"Use one of {', '.join(OCCLUSIONS)}.")
    finder = shared_finder(recognizer.device)
    found = finder.find(read_image(photo, bits, page))
    if numbered is not None:
        _write_numbered(found, numbered)
    try:
        aligned = finder.pick(found, "nir" if spectrum == "nir" else "vis", None if face is None else face - 1)
    except SeveralFacesError as error:
        hint = f"{error.hint} Say it with --face; --numbered FILE writes the photo with the numbers."
        raise SeveralFacesError(error.what, hint, error.count) from error
    if face is None and len(found.faces) > 1:
        typer.echo(f"{photo.name}: face {aligned.subject.number} is taken, {aligned.subject.reason}.", err=True)
    if spectrum == "nir-simulated":
        aligned = simulated_nir_face(aligned)
    return occlude(aligned, named_mask(occlusion, aligned.landmarks))


def _write_numbered(found: Found, file: Path) -> None:
    """As PNG or whatever else the name asks for. Raises DataError where that cannot be written."""
    try:
        Image.fromarray(numbered_picture(found.image, found.faces)).save(file)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be written: {error}.", "Name a .png in a folder that is there.") from error


def subject_of(face: AlignedFace) -> dict:
    """For JSON: which face of the photo was taken, of how many, and why."""
    subject = face.subject
    return {} if subject is None else {"number": subject.number, "of": subject.count, "reason": subject.reason}


def photos_in(folder: Path) -> list[tuple[str, Path]]:
    """``FOLDER/Name/any.jpg`` and ``FOLDER/Name.jpg`` → (name, file), sorted. Raises DataError for none."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.", "Name a folder of photos or a gallery file.")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise DataError(f"{folder} holds no photos.", "Put them as FOLDER/Name/photo.jpg or FOLDER/Name.jpg.")
    return [(p.parent.name if p.parent != folder else p.stem, p) for p in files]


def warn(error: SSNError, about: Path) -> None:
    """A photo of many that cannot be used: say so and go on."""
    typer.echo(f"{about.name}: {error}", err=True)
