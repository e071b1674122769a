"""Options that several commands share, with one wording each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from ssn.errors import DataError
from ssn.faces.occlude import OCCLUSIONS, named_mask, occlude
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import SPECTRA, AlignedFace
from ssn.files import json_text, write_json
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


def say(text: str, data: dict | list, json_file: str | None) -> None:
    """Print for people, and write for scripts; with ``--json -`` only JSON reaches standard output, in whatever
    encoding that has."""
    if json_file == "-":
        sys.stdout.write(json_text(data, sys.stdout.encoding) + "\n")
        return
    typer.echo(text)
    if json_file:
        write_json(data, json_file)


def read_probe(
    recognizer: Recognizer, photo: Path, spectrum: str = "vis", occlusion: str = "none", face: int | None = None
) -> AlignedFace:
    """A photo file → the aligned face in the asked spectrum, occluded as asked. Raises the library's typed errors."""
    check_choices(spectrum, occlusion)
    found = in_spectrum(recognizer.face(photo, "nir" if spectrum == "nir" else "vis", face), spectrum)
    return occlude(found, named_mask(occlusion, found.landmarks))


def in_spectrum(face: AlignedFace, spectrum: str) -> AlignedFace:
    """A face as it was photographed → in the asked spectrum, which may have to be simulated."""
    return simulated_nir_face(face) if spectrum == "nir-simulated" else face


def check_spectrum(spectrum: str) -> None:
    """Raises DataError."""
    if spectrum not in SPECTRA:
        raise DataError(f"{spectrum!r} is no spectrum.", f"Use one of {', '.join(SPECTRA)}.")


def check_choices(spectrum: str, occlusion: str) -> None:
    """Raises DataError, before anything takes time."""
    check_spectrum(spectrum)
    if occlusion not in OCCLUSIONS:
        raise DataError(f"{occlusion!r} is no occlusion.", f"Use one of {', '.join(OCCLUSIONS)}.")


def warn(about: Path, reason: object) -> None:
    """Something about a photo of many: say it, above a progress bar if there is one, and go on."""
    tqdm.write(f"{about}: {reason}", file=sys.stderr)
