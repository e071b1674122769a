"""Enrolling on the command line: what ``enrol`` does, and ``match`` where its gallery is a folder."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from ssn.answers.enrolling import Choices, Enroller, MeasureQuality, Report
from ssn.commands.interrupt import interruptible
from ssn.commands.options import find_in_photo, pick_face, tell_pages, warn
from ssn.errors import NameCaseError, SSNError
from ssn.faces.types import AlignedFace
from ssn.gallery.people_folder import PeopleFolder, Photo
from ssn.gallery.store import GalleryStore
from ssn.recognizer import Recognizer


def with_option(error: SSNError) -> str:
    """An error as one line; where an option is the way out, with its name."""
    return f"{error} Add --exact-name if another person is meant." if isinstance(error, NameCaseError) else str(error)


def enroller(
    store: GalleryStore,
    recognizer: Recognizer,
    spectrum: str = "vis",
    exact_name: bool = False,
    quality: MeasureQuality | None = None,
    numbered: Path | None = None,
) -> Enroller:
    """``numbered`` is where to draw the faces of a photo. Raises DataError for a spectrum that is none."""
    device = recognizer.device

    def look(content: bytes, photo: Photo, choices: Choices) -> AlignedFace:
        found = find_in_photo(content, device, numbered, choices.bits, choices.page)
        tell_pages(photo.path, found, choices.page)
        return pick_face(found, photo.path, device, spectrum, choices.face)

    return Enroller(store, recognizer, look, spectrum, exact_name, quality, with_option)


def enrol_folder(enrolling: Enroller, folder: PeopleFolder, choices: Choices | None = None) -> tuple[Report, int]:
    """Everybody in a folder, with a line per file and progress on standard error → what became of each, and the exit
    status of whoever wished an end, or 0. After Ctrl+C the photo under way is finished, and the rest is noted as not
    reached; so it is where the gallery cannot be written any more."""
    report = Report.of(folder)
    with interruptible() as stop, tqdm(total=len(folder.photos), desc="enrol", unit="photo", mininterval=0.5) as bar:
        for outcome in enrolling.outcomes(folder, choices, lambda: bool(stop)):
            report.add(outcome)
            for line in outcome.lines:
                warn(outcome.photo, line)
            bar.update(outcome.fate not in ("skipped", "not_reached"))
    return report, stop.status if report.interrupted else 0
