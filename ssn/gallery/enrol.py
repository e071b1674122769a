"""Enrolling a face, the same way for the page and the command line; and once more, for another model."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ssn.errors import GalleryError, ImageError, NameCaseError, TemplateMismatchError
from ssn.faces.types import AlignedFace
from ssn.gallery.names import clean_name
from ssn.gallery.parts import KeepsParts, enrolled_parts
from ssn.gallery.store import GalleryStore, Match, StoredPicture
from ssn.gallery.stored_face import picture_of, stored_face
from ssn.recognizer import Recognizer, Template

BATCH = 64
"""Stored pictures decoded at a time."""


@dataclass(frozen=True)
class Enrolment:
    """What came of a face. ``already``: this person had been enrolled from the same content, so nothing was added.
    ``looks_like`` is somebody of another name whom the face matches by the model's thresholds, ``looks_like_too`` a
    second one."""

    template_id: int
    person: str
    already: bool = False
    looks_like: Match | None = None
    looks_like_too: Match | None = None

    @property
    def warning(self) -> str:
        """That the face looks like somebody enrolled, or like two; empty where it does not."""
        if self.looks_like is None:
            return ""
        if self.looks_like_too is None:
            return f'enrolled as "{self.person}", but looks like "{self.looks_like.person}", who is enrolled too.'
        both = f'"{self.looks_like.person}" and "{self.looks_like_too.person}"'
        return f'enrolled as "{self.person}", but looks like {both}, who are enrolled too.'


def content_digest(content: bytes, *choices: object) -> bytes:
    """32 bytes that differ wherever a file's content or what was chosen of it (a spectrum, a face's number) does."""
    return digest_of(hashlib.sha256(content).digest(), *choices)


def digest_of(hashed: bytes, *choices: object) -> bytes:
    """As :func:`content_digest`, for content whose SHA-256 is known."""
    return hashlib.sha256(hashed + repr(choices).encode()).digest()


def check_name(store: GalleryStore, name: str, exact_name: bool = False) -> str:
    """The clean name. Raises GalleryError for what is no name, NameCaseError where only its case tells it from somebody
    enrolled and ``exact_name`` does not say that this is meant."""
    name = clean_name(name)
    if not exact_name and store.person(name) is None and (others := store.namesakes(name)):
        raise NameCaseError(_differs_by_case(name, others[0].name), f'Write "{others[0].name}", or another name.')
    return name


def _differs_by_case(name: str, other: str) -> str:
    how = "upper and lower case" if name.casefold() == other.casefold() else "case, or the form of letters,"
    return f'"{name}" differs from "{other}", who is enrolled, by {how} only.'


def enrol_face(
    store: GalleryStore,
    recognizer: Recognizer,
    face: AlignedFace,
    name: str,
    origin: str,
    *,
    digest: bytes | None = None,
    exact_name: bool = False,
) -> Enrolment:
    """Add an aligned face and its picture to the person of that name. With the ``digest`` of the content it came from,
    a second time adds nothing. Raises GalleryError, NameCaseError."""
    name = check_name(store, name, exact_name)
    if digest is not None and (known := store.with_digest(name, digest)) is not None:
        return Enrolment(known, name, already=True)
    template, parts = enrolled_with_parts(store, recognizer, face)
    others = _others_alike(store, recognizer, template, name)
    number = store.enrol(name, template, picture_of(face), origin, digest)
    if parts is not None and isinstance(store, KeepsParts):
        with contextlib.suppress(GalleryError):  # the face is enrolled; its parts are made again from its picture
            store.keep_parts({number: parts})
    return Enrolment(number, name, False, *others)


def enrolled_with_parts(
    store: GalleryStore, recognizer: Recognizer, face: AlignedFace
) -> tuple[Template, bytes | None]:
    """The template of somebody to be found and, where the network has cells and the gallery keeps their parts, those,
    from the same passes."""
    if recognizer.cells is None or not isinstance(store, KeepsParts):
        return recognizer.enrolment(face), None
    units, parts = enrolled_parts(recognizer, [face])
    return Template(units[0], recognizer.model_id, face.spectrum), parts.packed()[0]


def _others_alike(store: GalleryStore, recognizer: Recognizer, template: Template, name: str) -> list[Match]:
    """The two most alike of other names who match."""
    try:
        matches = store.search(template, 3, recognizer.card.thresholds)
    except TemplateMismatchError:  # only another model knows anybody here, so nobody can be compared
        return []
    return [match for match in matches if match.person != name and match.verdict == "match"][:2]


def rename_person(store: GalleryStore, person_id: int, name: str, exact_name: bool = False) -> None:
    """Give a person another name. Raises GalleryError where somebody has it, NameCaseError where only its case tells it
    from somebody else's and ``exact_name`` does not say that this is meant."""
    others = [person for person in store.namesakes(name) if person.id != person_id]
    if others and not exact_name:
        raise NameCaseError(
            _differs_by_case(clean_name(name), others[0].name),
            f'Merge with "{others[0].name}", or choose another name.',
        )
    store.rename(person_id, name)


@dataclass(frozen=True)
class EnrolledAgain:
    """How many templates were added, and (person, reason) of each stored picture that could not be used."""

    added: int
    refused: tuple[tuple[str, str], ...] = ()


def enrol_again(
    store: GalleryStore,
    recognizer: Recognizer,
    everybody: bool = False,
    progress: Callable[[int, int], bool] | None = None,
) -> EnrolledAgain:
    """Enrol the people of other models once more, from their stored pictures. The old templates stay, so that the other
    model still finds its people. A damaged picture stops nobody else.

    ``everybody``: also people whom this model knows, from each picture it has not seen. ``progress`` is told how many
    are done of how many, and says whether to go on; what is done stays, and the next time goes on behind it. Raises
    GalleryError.
    """
    numbers, added = store.pictures_of_other_models(everybody), 0
    refused: list[tuple[str, str]] = []
    for start in range(0, len(numbers), BATCH):
        usable, reasons = _readable(store.stored_pictures(numbers[start : start + BATCH]))
        refused += reasons
        vectors = recognizer.embed_batch([face for _, face in usable], enrolled=True)
        for (row, _), vector in zip(usable, vectors, strict=True):
            template = Template(vector, recognizer.model_id, row.spectrum)
            store.enrol(row.person, template, row.picture, row.origin, row.digest, row.template_id)
            added += 1
        if progress is not None and not progress(min(start + BATCH, len(numbers)), len(numbers)):
            break
    return EnrolledAgain(added, tuple(refused))


def _readable(
    rows: Sequence[StoredPicture],
) -> tuple[list[tuple[StoredPicture, AlignedFace]], list[tuple[str, str]]]:
    usable, refused = [], []
    for row in rows:
        try:
            usable.append((row, stored_face(row.picture, row.spectrum)))
        except ImageError as error:
            refused.append((row.person, str(error)))
    return usable, refused
