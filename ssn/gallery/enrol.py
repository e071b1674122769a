"""Enrolling a face, the same way for the page and the command line; and once more, for another model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ssn.errors import ImageError, NameCaseError, TemplateMismatchError
from ssn.faces.types import AlignedFace
from ssn.gallery.names import clean_name
from ssn.gallery.store import GalleryStore, Match, StoredPicture
from ssn.gallery.stored_face import picture_of, stored_face
from ssn.recognizer import Recognizer, Template

BATCH = 64
"""Stored pictures decoded at a time."""


@dataclass(frozen=True)
class Enrolment:
    """What came of a face. ``already``: this person had been enrolled from the same content, so nothing was added.
    ``looks_like`` is somebody of another name whom the face matches by the model's thresholds."""

    template_id: int
    person: str
    already: bool = False
    looks_like: Match | None = None


def content_digest(content: bytes, *choices: object) -> bytes:
    """32 bytes that differ wherever a file's content or what was chosen of it (a spectrum, a face's number) does."""
    return hashlib.sha256(hashlib.sha256(content).digest() + repr(choices).encode()).digest()


def check_name(store: GalleryStore, name: str, exact_name: bool = False) -> str:
    """The clean name. Raises GalleryError for what is no name, NameCaseError where only its case tells it from somebody
    enrolled and ``exact_name`` does not say that this is meant."""
    name = clean_name(name)
    if not exact_name and store.person(name) is None and (others := store.namesakes(name)):
        raise NameCaseError(
            f'"{name}" differs from "{others[0].name}", who is enrolled, by upper and lower case only.',
            f'Write "{others[0].name}", or another name.',
        )
    return name


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
    template = recognizer.enrolment(face)
    alike = _somebody_else(store, recognizer, template, name)
    return Enrolment(store.enrol(name, template, picture_of(face), origin, digest), name, looks_like=alike)


def _somebody_else(store: GalleryStore, recognizer: Recognizer, template: Template, name: str) -> Match | None:
    try:
        matches = store.search(template, 2, recognizer.card.thresholds)
    except TemplateMismatchError:  # only another model knows anybody here, so nobody can be compared
        return None
    return next((match for match in matches if match.person != name and match.verdict == "match"), None)


@dataclass(frozen=True)
class EnrolledAgain:
    """How many templates were added, and (person, reason) of each stored picture that could not be used."""

    added: int
    refused: tuple[tuple[str, str], ...] = ()


def enrol_again(store: GalleryStore, recognizer: Recognizer) -> EnrolledAgain:
    """Enrol the people of other models once more, from their stored pictures. The old templates stay, so that the other
    model still finds its people. A damaged picture stops nobody else. Raises GalleryError."""
    stored, added, refused = store.faces_of_other_models(), 0, []
    for start in range(0, len(stored), BATCH):
        usable, reasons = _readable(stored[start : start + BATCH])
        refused += reasons
        vectors = recognizer.embed_batch([face for _, face in usable], enrolled=True)
        for (row, _), vector in zip(usable, vectors, strict=True):
            template = Template(vector, recognizer.model_id, row.spectrum)
            store.enrol(row.person, template, row.picture, row.origin, row.digest)
            added += 1
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
