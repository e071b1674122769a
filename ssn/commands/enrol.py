"""``enrol``: photos of people → a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssn.answers.faces import check_spectrum
from ssn.commands.enrolling import Choices, Enroller, MeasureQuality, Report, with_option
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
)
from ssn.errors import DataError, GalleryError, NameCaseError
from ssn.gallery.people_folder import PeopleFolder, Photo, read_folder
from ssn.gallery.people_lists import read_csv, read_zip
from ssn.gallery.quality import measure_quality
from ssn.gallery.registry import open_store
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT
from ssn.recognizer import Recognizer
from ssn.visibility import VisibilityFinder, hidden_share

LISTS = {".zip": read_zip, ".csv": read_csv}
INTERRUPTED = 130
"""Exit status after Ctrl+C, as shells give it."""


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
    people = _people(folder)
    if people is not None:
        one_photo_only(0, name=name, face=face, numbered=numbered, page=page or None)
    if people is None and not name:
        raise DataError("One photo needs the person's name.", "Add --name NAME.")
    recognizer = Recognizer.load(checkpoint, device)
    choices = Choices(face, bits, page)
    with open_store(gallery, recognizer.model_id, recognizer.device) as store:
        enroller = Enroller(store, recognizer, spectrum, exact_name, _quality(device))
        if people is not None:
            report = enroller.enrol_folder(people, choices)
        else:
            report = _enrol_photo(enroller, folder, name or "", choices, numbered)
    say(report.text(gallery), {"model": recognizer.model_id, "gallery": gallery, **report.data()}, json_file)
    if report.stopped:
        raise GalleryError("Not all photos could be enrolled.", report.stopped)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)


def _people(path: Path) -> PeopleFolder | None:
    """Whose photos lie there; None for a single photo."""
    if path.is_file() and path.suffix.lower() in LISTS:
        return LISTS[path.suffix.lower()](path)
    return None if path.is_file() else read_folder(path)


def _quality(device: str) -> MeasureQuality:
    """How faces are measured; what is hidden of them as well where the visibility network is installed."""
    if not VISIBILITY_CHECKPOINT.is_file():
        return measure_quality
    finder = VisibilityFinder.load(device=device)
    return lambda face: measure_quality(face, lambda seen: hidden_share(finder.visibility(seen)))


def _enrol_photo(enroller: Enroller, photo: Path, name: str, choices: Choices, numbered: Path | None) -> Report:
    """One photo, whose errors are the command's."""
    report = Report(1)
    try:
        done, face, quality = enroller.enrol(Photo(photo, name, False), choices, numbered)
    except NameCaseError as error:
        raise GalleryError(with_option(error)) from error
    report.note(photo, name, done, face, quality)
    return report
