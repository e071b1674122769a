"""``enrol``: photos of people → a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssn.commands.enrolling import Choices, Enroller, Report, with_option
from ssn.commands.options import (
    DEFAULT,
    Bits,
    Checkpoint,
    Device,
    FaceNumber,
    JsonFile,
    Numbered,
    Page,
    SpectrumName,
    check_spectrum,
    one_photo_only,
    say,
)
from ssn.errors import DataError, GalleryError, NameCaseError
from ssn.gallery.people_folder import read_folder
from ssn.gallery.registry import open_store
from ssn.recognizer import Recognizer

INTERRUPTED = 130
"""Exit status after Ctrl+C, as shells give it."""


def enrol(
    folder: Annotated[Path, typer.Argument(help="FOLDER/Name/photo.jpg or FOLDER/Name.jpg; or a photo and --name.")],
    gallery: Annotated[str, typer.Option(help="Gallery file; made if it is not there.")],
    name: Annotated[str | None, typer.Option(help="The person's name, where one photo is given.")] = None,
    exact_name: Annotated[
        bool, typer.Option("--exact-name", help='Upper and lower case are meant: "alex" is not the enrolled "Alex".')
    ] = False,
    spectrum: SpectrumName = "vis",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = 0,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Enrol people into a gallery. The same photo of the same person counts once, however often it is given."""
    check_spectrum(spectrum)
    people = None if folder.is_file() else read_folder(folder)
    if people is not None:
        one_photo_only(0, name=name, face=face, numbered=numbered, page=page or None)
    if people is None and not name:
        raise DataError("One photo needs the person's name.", "Add --name NAME.")
    recognizer = Recognizer.load(checkpoint, device)
    choices = Choices(face, bits, page)
    with open_store(gallery, recognizer.model_id, recognizer.device) as store:
        enroller = Enroller(store, recognizer, spectrum, exact_name)
        if people is not None:
            report = enroller.enrol_folder(people, choices)
        else:
            report = _enrol_photo(enroller, folder, name or "", choices, numbered)
    say(report.text(gallery), {"model": recognizer.model_id, "gallery": gallery, **report.data()}, json_file)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)


def _enrol_photo(enroller: Enroller, photo: Path, name: str, choices: Choices, numbered: Path | None) -> Report:
    """One photo, whose errors are the command's."""
    report = Report(1)
    try:
        done, face = enroller.enrol(photo, name, choices, numbered)
    except NameCaseError as error:
        raise GalleryError(with_option(error)) from error
    report.note(photo, name, done, face)
    return report
