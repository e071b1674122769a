"""Photos of many people → a gallery: what became of each file, one after the other, for whoever shows it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch

from ssn.answers.faces import check_spectrum, subject_of
from ssn.answers.people import enrolment_row
from ssn.errors import (
    GalleryUnreachableError,
    GalleryUnwritableError,
    ImageTooLargeError,
    NotAnImageError,
    SSNError,
)
from ssn.faces.read import MAX_BYTES, read_image
from ssn.faces.types import AlignedFace
from ssn.gallery.enrol import Enrolment, check_name, content_digest, enrol_face
from ssn.gallery.people_folder import PeopleFolder, Photo
from ssn.gallery.people_lists import read_zip
from ssn.gallery.quality import Quality, measure_quality
from ssn.gallery.store import GalleryStore
from ssn.recognizer import Recognizer
from ssn.visibility import hidden_share, shared_visibility

MOST_ENTRIES, MOST_UNPACKED = 5_000, 2**30
"""Of a ZIP file that is sent to a server: its entries, and the bytes these unpack to."""
MeasureQuality = Callable[[AlignedFace], Quality]
NOTHING_MORE = (GalleryUnwritableError, GalleryUnreachableError)
"""What goes wrong with every further photo too."""
Fate = Literal["enrolled", "already", "refused", "skipped", "not_reached"]


@lru_cache(maxsize=2)
def quality_measure(device: str | torch.device = "auto") -> MeasureQuality:
    """How faces are measured; what is hidden of them as well where the visibility network is installed. Raises
    CheckpointError or DeviceError."""
    finder = shared_visibility(str(device))
    if finder is None:
        return measure_quality
    return lambda face: measure_quality(face, lambda seen: hidden_share(finder.visibility(seen)))


@dataclass(frozen=True)
class Choices:
    """What is taken of a photo: the face of a number, from 1, left to right, or without one who is clearly meant; how
    many bits the sensor gave; the page, from 0, or without one the first that shows a face."""

    face: int | None = None
    bits: int | None = None
    page: int | None = None

    def told(self) -> list[tuple[str, int]]:
        """What was said, and so is not the usual. Earlier releases counted faces by their size and called that
        ``face``."""
        said = {"face from the left": self.face, "bits": self.bits, "page": self.page}
        return [(name, value) for name, value in said.items() if value is not None]


Look = Callable[[bytes, Photo, Choices], AlignedFace]
"""A photo's content → the face that is meant. Raises the errors of reading and of faces."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file: ``row`` is the documented form, ``lines`` are what is worth saying;
    ``stopped`` is why no further photo can be enrolled either."""

    fate: Fate
    photo: Path
    row: dict
    lines: tuple[str, ...] = ()
    stopped: str = ""


@dataclass
class Report:
    """What became of every file; grows while they are enrolled. Each of ``found`` is in one of the lists."""

    found: int
    enrolled: list[dict] = field(default_factory=list)
    already: list[dict] = field(default_factory=list)
    refused: list[dict] = field(default_factory=list)
    skipped: list[dict] = field(default_factory=list)
    not_reached: list[dict] = field(default_factory=list)
    deeper: int = 0
    named_by_file: int = 0
    stopped: str = ""
    """Why no more photos were tried: nothing more can be written."""

    @classmethod
    def of(cls, folder: PeopleFolder) -> Report:
        """Nothing has been done yet."""
        deeper, by_file = (sum(getattr(photo, what) for photo in folder.photos) for what in ("deeper", "by_file"))
        return cls(len(folder.photos) + len(folder.skipped), deeper=deeper, named_by_file=by_file)

    def add(self, outcome: Outcome) -> None:
        getattr(self, outcome.fate).append(outcome.row)
        self.stopped = self.stopped or outcome.stopped

    @property
    def done(self) -> int:
        """How many files have their line."""
        return sum(map(len, (self.enrolled, self.already, self.refused, self.skipped, self.not_reached)))

    @property
    def interrupted(self) -> bool:
        return bool(self.not_reached) and not self.stopped

    def text(self, gallery: str) -> str:
        """How many of each."""
        count = len(self.enrolled)
        parts = [f"{count} photo{'' if count == 1 else 's'} enrolled in {gallery}"]
        parts += [f"{len(self.already)} enrolled before"] if self.already else []
        parts += [f"{len(self.refused)} refused"]
        parts += [f"{len(self.skipped)} skipped"] if self.skipped else []
        why = "the gallery cannot be written" if self.stopped else "interrupted"
        parts += [f"{len(self.not_reached)} not reached: {why}"] if self.not_reached else []
        text = f"{', '.join(parts)}."
        if self.deeper:
            text += f" {self.deeper} lie in folders within a person's folder, and count as that person's."
        people = {row["person"] for row in (*self.enrolled, *self.already)}
        if self.deeper > 1 and len(people) == 1:
            text += f' All are "{people.pop()}": if the folders within are people, give that folder, or pack these.'
        if self.named_by_file > 1:
            text += f" {self.named_by_file} lie in no person's folder, and count as people of their own file names."
        return text

    def data(self) -> dict:
        """The documented form."""
        return {**asdict(self), "interrupted": self.interrupted}


class Enroller:
    """Enrols photos into one gallery; each is decoded and searched for faces once, and not at all where this person has
    been enrolled from the same content. ``look`` finds the face, ``in_words`` says an error in one line."""

    def __init__(
        self,
        store: GalleryStore,
        recognizer: Recognizer,
        look: Look,
        spectrum: str = "vis",
        exact_name: bool = False,
        quality: MeasureQuality | None = None,
        in_words: Callable[[SSNError], str] = str,
    ):
        check_spectrum(spectrum)
        self.store, self.recognizer, self.look = store, recognizer, look
        self.spectrum, self.exact_name = spectrum, exact_name
        self.quality, self._in_words = quality, in_words

    def enrol(self, photo: Photo, choices: Choices, anew: bool = False) -> Outcome:
        """One photo. ``anew``: it is looked at even where this person has been enrolled from it. Raises the errors of
        names, reading, faces and the gallery."""
        name = check_name(self.store, photo.name, self.exact_name)
        content = _content(photo.path) if photo.content is None else _unpacked(photo.path, photo.content)
        digest = content_digest(content, self.spectrum, *choices.told())
        if not anew and (known := self.store.with_digest(name, digest)) is not None:
            return _outcome(photo, Enrolment(known, name, already=True), {})
        face = self.look(content, photo, choices)
        quality = None if self.quality is None else self.quality(face)
        origin, exact = photo.path.name, self.exact_name
        done = enrol_face(self.store, self.recognizer, face, name, origin, digest=digest, exact_name=exact)
        return _outcome(photo, done, subject_of(face), quality)

    def outcomes(
        self, folder: PeopleFolder, choices: Choices | None = None, stop: Callable[[], bool] = lambda: False
    ) -> Iterator[Outcome]:
        """Every file of a folder, first what is no photo. After ``stop`` the photo under way is finished, and the
        rest is not reached. An error of one photo stops no other, but for those of ``NOTHING_MORE``."""
        for other in folder.skipped:
            row = {"photo": str(other.path), "reason": other.reason}
            yield Outcome("skipped", other.path, row, (f"skipped: {other.reason}",))
        stopped = ""
        for photo in folder.photos:
            if stopped or stop():
                yield Outcome("not_reached", photo.path, {"photo": str(photo.path)})
                continue
            try:
                yield self.enrol(photo, choices or Choices())
            except SSNError as error:
                reason = self._in_words(error)
                stopped = str(error) if isinstance(error, NOTHING_MORE) else ""
                yield Outcome("refused", photo.path, {"photo": str(photo.path), "reason": reason}, (reason,), stopped)


def enrol_zip(
    enroller: Enroller, content: bytes, stop: Callable[[], bool], told: Callable[[Report, Outcome], object]
) -> Report:
    """Everybody in a ZIP file that was sent, of bounded size; nothing of it is written to the disk. ``told`` hears of
    each file. Raises DataError for a file that is none, or holds too much."""
    folder = read_zip(io.BytesIO(content), MOST_ENTRIES, MOST_UNPACKED)
    report = Report.of(folder)
    for outcome in enroller.outcomes(folder, stop=stop):
        report.add(outcome)
        told(report, outcome)
    return report


def _outcome(photo: Photo, done: Enrolment, face: dict, quality: Quality | None = None) -> Outcome:
    row = {"photo": str(photo.path), **enrolment_row(done, photo.name, face, quality)}
    lines = [done.warning] if done.warning else []
    if quality is not None:
        lines.append(f"{done.person}: {', '.join(quality.concerns) or 'good'} ({quality.text})")
    return Outcome("already" if done.already else "enrolled", photo.path, row, tuple(lines))


def _unpacked(place: Path, content: Callable[[], bytes]) -> bytes:
    """As :func:`_content`, for what lies in a ZIP file."""
    try:
        data = content()
    except OSError as error:
        raise NotAnImageError(f"{place.name} cannot be unpacked.", "Pack it again.") from error
    if len(data) > MAX_BYTES:
        raise ImageTooLargeError(f"{place.name} unpacks to more than {MAX_BYTES // 2**20} MB.", "Save it smaller.")
    return data


def _content(photo: Path) -> bytes:
    """A file's bytes. Raises NotAnImageError, and ImageTooLargeError before much is read."""
    try:
        if not photo.is_file() or photo.stat().st_size > MAX_BYTES:
            read_image(photo)  # raises, and says why
        return photo.read_bytes()
    except (OSError, ValueError) as error:
        raise NotAnImageError(f"The file {photo.name} cannot be opened.", "Check its path and permissions.") from error
