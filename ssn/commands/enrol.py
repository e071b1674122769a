"""``enrol``: photos of people → a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssn.commands.enrolling import Enroller, Report, by_number, with_option
from ssn.commands.options import DEFAULT, Checkpoint, Device, FaceNumber, JsonFile, SpectrumName, check_spectrum, say
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
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Enrol people into a gallery. The same photo of the same person counts once, however often it is given."""
    check_spectrum(spectrum)
    recognizer = Recognizer.load(checkpoint, device)
    people = None if folder.is_file() else read_folder(folder)
    if people is None and not name:
        raise DataError("One photo needs the person's name.", "Add --name NAME.")
    with open_store(gallery, recognizer.model_id, recognizer.device) as store:
        enroller = Enroller(store, recognizer, spectrum, exact_name)
        report = enroller.enrol_folder(people) if people else _enrol_photo(enroller, folder, name or "", face)
    say(report.text(gallery), {"model": recognizer.model_id, "gallery": gallery, **report.data()}, json_file)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)


def _enrol_photo(enroller: Enroller, photo: Path, name: str, face: int | None) -> Report:
    """One photo, whose errors are the command's."""
    report = Report(1)
    try:
        done = enroller.enrol(photo, name, by_number(face), *([] if face is None else [face]))
    except NameCaseError as error:
        raise GalleryError(with_option(error)) from error
    report.note(photo, name, done)
    return report
