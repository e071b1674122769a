"""``enrol``: photos of people → a gallery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ssn.answers.enrolling import Choices, Enroller, Report, quality_measure
from ssn.answers.faces import check_spectrum
from ssn.commands.enrolling import enrol_folder, enroller, with_option
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
    one_photo_only,
    say,
    warn,
)
from ssn.errors import DataError, GalleryError, NameCaseError
from ssn.gallery.people_folder import PeopleFolder, Photo, read_folder
from ssn.gallery.people_lists import read_csv, read_zip
from ssn.gallery.registry import open_store
from ssn.recognizer import Recognizer

LISTS: dict[str, Callable[[Path], PeopleFolder]] = {".zip": read_zip, ".csv": read_csv}


def enrol(
    folder: Annotated[
        Path,
        typer.Argument(
            help="FOLDER/Name/photo.jpg or FOLDER/Name.jpg; a ZIP file of the same; a CSV file of lines path,name; "
            "or a photo and --name."
        ),
    ],
    gallery: Annotated[
        str, typer.Option(help="Gallery file, made if it is not there; or http://host:19530 for one on Milvus.")
    ],
    name: Annotated[
        str | None, typer.Option(help="The person's name, where one photo is given, or photos of one person only.")
    ] = None,
    exact_name: Annotated[
        bool, typer.Option("--exact-name", help='Upper and lower case are meant: "alex" is not the enrolled "Alex".')
    ] = False,
    spectrum: SpectrumName = "vis",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = None,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Enrol people into a gallery. The same photo of the same person counts once, however often it is given."""
    check_spectrum(spectrum)
    people = _people(folder)
    if people is not None:
        one_photo_only(0, face=face, numbered=numbered, page=page)
        people = people if name is None else people.all_of(name)
    if people is None and not name:
        raise DataError("One photo needs the person's name.", "Add --name NAME.")
    recognizer = Recognizer.load(checkpoint, device)
    choices = Choices(face, bits, page)
    with open_store(gallery, recognizer.model_id, recognizer.device) as store:
        enrolling = enroller(store, recognizer, spectrum, exact_name, quality_measure(device), numbered)
        if people is not None:
            report, status = enrol_folder(enrolling, people, choices)
        else:
            report, status = Report(1), 0
            _enrol_photo(report, enrolling, Photo(folder, name or "", False), choices, anew=numbered is not None)
    say(report.text(gallery), {"model": recognizer.model_id, "gallery": gallery, **report.data()}, json_file)
    if report.stopped:
        raise GalleryError("Not all photos could be enrolled.", report.stopped)
    if status:
        raise typer.Exit(status)


def _people(path: Path) -> PeopleFolder | None:
    """Whose photos lie there; None for a single photo. Raises DataError."""
    if not path.exists():
        raise DataError(f"There is no folder or photo {path}.", "Check its path.")
    if path.is_file() and path.suffix.lower() in LISTS:
        return LISTS[path.suffix.lower()](path)
    return None if path.is_file() else read_folder(path)


def _enrol_photo(report: Report, enrolling: Enroller, photo: Photo, choices: Choices, anew: bool) -> None:
    """One photo, whose errors are the command's."""
    try:
        outcome = enrolling.enrol(photo, choices, anew)
    except NameCaseError as error:
        raise GalleryError(with_option(error)) from error
    report.add(outcome)
    for line in outcome.lines:
        warn(photo.path, line)
