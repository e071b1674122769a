"""Photos → people in a gallery: what ``enrol`` does, and ``match`` where its gallery is a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tqdm import tqdm

from ssn.answers.faces import check_spectrum, subject_of
from ssn.answers.people import enrolment_row
from ssn.commands.interrupt import interruptible
from ssn.commands.options import find_in_photo, pick_face, tell_pages, warn
from ssn.errors import (
    GalleryUnreachableError,
    GalleryUnwritableError,
    ImageTooLargeError,
    NameCaseError,
    NotAnImageError,
    SSNError,
)
from ssn.faces.read import MAX_BYTES, read_image
from ssn.faces.types import AlignedFace
from ssn.gallery.enrol import Enrolment, check_name, content_digest, enrol_face
from ssn.gallery.people_folder import PeopleFolder, Photo
from ssn.gallery.quality import Quality
from ssn.gallery.store import GalleryStore
from ssn.recognizer import Recognizer

NOTHING_MORE = (GalleryUnwritableError, GalleryUnreachableError)
"""What goes wrong with every further photo too."""
MeasureQuality = Callable[[AlignedFace], Quality]


@dataclass(frozen=True)
class Choices:
    """What is taken of a photo: the face of a number, from 1, or without one who is clearly meant; how many bits the
    sensor gave; the page, from 0."""

    face: int | None = None
    bits: int | None = None
    page: int = 0

    def told(self) -> list[tuple[str, int]]:
        """What was said, and so is not the usual."""
        return [(name, value) for name, value in asdict(self).items() if value]


@dataclass
class Report:
    """What became of every photo; grows while they are enrolled. Each of ``found`` is in one of the lists."""

    found: int
    enrolled: list[dict] = field(default_factory=list)
    already: list[dict] = field(default_factory=list)
    refused: list[dict] = field(default_factory=list)
    skipped: list[dict] = field(default_factory=list)
    not_reached: list[dict] = field(default_factory=list)
    deeper: int = 0
    stopped: str = ""
    """Why no more photos were tried: nothing more can be written."""

    def note(self, photo: Path, name: str, done: Enrolment, face: dict, quality: Quality | None = None) -> None:
        """One photo is enrolled, with its face of ``subject_of``, which is empty where nobody looked: a line about its
        quality, and who looks like somebody else is said at once."""
        row = {"photo": str(photo), **enrolment_row(done, name, face, quality)}
        if done.warning:
            warn(photo, done.warning)
        if quality is not None:
            warn(photo, f"{done.person}: {', '.join(quality.concerns) or 'good'} ({quality.text})")
        (self.already if done.already else self.enrolled).append(row)

    def refuse(self, photo: Path, error: SSNError) -> None:
        """One photo cannot be enrolled."""
        reason = with_option(error)
        warn(photo, reason)
        self.refused.append({"photo": str(photo), "reason": reason})

    def skip(self, path: Path, reason: str) -> None:
        """Something is no photo."""
        warn(path, f"skipped: {reason}")
        self.skipped.append({"photo": str(path), "reason": reason})

    @property
    def interrupted(self) -> bool:
        return bool(self.not_reached) and not self.stopped

    def text(self, gallery: str) -> str:
        """How many of each."""
        parts = [f"{len(self.enrolled)} photos enrolled in {gallery}"]
        parts += [f"{len(self.already)} enrolled before"] if self.already else []
        parts += [f"{len(self.refused)} refused"]
        parts += [f"{len(self.skipped)} skipped"] if self.skipped else []
        why = "the gallery cannot be written" if self.stopped else "interrupted"
        parts += [f"{len(self.not_reached)} not reached: {why}"] if self.not_reached else []
        text = f"{', '.join(parts)}."
        if self.deeper:
            text += f" {self.deeper} lie in folders within a person's folder, and count as that person's."
        return text

    def data(self) -> dict:
        """The documented form."""
        return {**asdict(self), "interrupted": self.interrupted}


def with_option(error: SSNError) -> str:
    """An error as one line; where an option is the way out, with its name."""
    return f"{error} Add --exact-name if another person is meant." if isinstance(error, NameCaseError) else str(error)


class Enroller:
    """Enrols photos into one gallery; each is decoded and searched for faces once, and not at all where this person has
    been enrolled from the same content."""

    def __init__(
        self,
        store: GalleryStore,
        recognizer: Recognizer,
        spectrum: str = "vis",
        exact_name: bool = False,
        quality: MeasureQuality | None = None,
    ):
        check_spectrum(spectrum)
        self.store, self.recognizer, self.spectrum, self.exact_name = store, recognizer, spectrum, exact_name
        self.quality = quality

    def enrol(
        self, photo: Photo, choices: Choices, numbered: Path | None = None
    ) -> tuple[Enrolment, dict, Quality | None]:
        """→ what came of it, which face it is (``subject_of``), empty where nobody had to look, and its quality where
        that was measured. ``numbered`` is where to draw the faces. Raises the errors of names, reading, faces and the
        gallery."""
        name = check_name(self.store, photo.name, self.exact_name)
        content = _content(photo.path) if photo.content is None else _unpacked(photo.path, photo.content)
        digest = content_digest(content, self.spectrum, *choices.told())
        if numbered is None and (known := self.store.with_digest(name, digest)) is not None:
            return Enrolment(known, name, already=True), {}, None
        device, exact = self.recognizer.device, self.exact_name
        found = find_in_photo(content, device, numbered, choices.bits, choices.page)
        tell_pages(photo.path, content, choices.page)
        face = pick_face(found, photo.path, device, self.spectrum, choices.face)
        quality = None if self.quality is None else self.quality(face)
        done = enrol_face(self.store, self.recognizer, face, name, photo.path.name, digest=digest, exact_name=exact)
        return done, subject_of(face), quality

    def enrol_folder(self, folder: PeopleFolder, choices: Choices | None = None) -> Report:
        """Everybody in a folder, with progress on standard error. After Ctrl+C the photo under way is finished, and the
        rest is noted as not reached; so it is where the gallery cannot be written any more."""
        report = Report(len(folder.photos) + len(folder.skipped), deeper=sum(p.deeper for p in folder.photos))
        for other in folder.skipped:
            report.skip(other.path, other.reason)
        with interruptible() as stop, tqdm(folder.photos, desc="enrol", unit="photo", mininterval=0.5) as photos:
            for photo in photos:
                if stop or report.stopped:
                    report.not_reached.append({"photo": str(photo.path)})
                else:
                    self._enrol_into(report, photo, choices or Choices())
        return report

    def _enrol_into(self, report: Report, photo: Photo, choices: Choices) -> None:
        try:
            done, face, quality = self.enrol(photo, choices)
        except SSNError as error:
            report.refuse(photo.path, error)
            report.stopped = str(error) if isinstance(error, NOTHING_MORE) else ""
        else:
            report.note(photo.path, photo.name, done, face, quality)


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
