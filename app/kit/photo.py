"""A visitor's photo with the faces found in it."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from app.kit.pictures import preview
from ssn.answers.enrolling import Choices
from ssn.errors import NoFaceError, SeveralFacesError
from ssn.faces.diagnosis import turned_too_far
from ssn.faces.finder import FaceFinder, Found
from ssn.faces.read import Source, read_image
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.subject import NUMBERED_FIRST, by_number, choose_subject
from ssn.faces.types import AlignedFace, FaceBox, Subject
from ssn.gallery.enrol import digest_of

Choice = Literal["vis", "nir", "simulate"]
MOST_FACES = NUMBERED_FIRST
"""So many of a picture, the largest, can be chosen from."""


@dataclass(frozen=True)
class Photo:
    """``preview`` (h, w, 3) uint8, ``scale`` its size over the original's. ``boxes`` and ``faces`` belong together and
    go from left to right, a face being None where it could not be aligned. ``simulated`` says the photo itself is
    simulated NIR; ``found_ms`` is what reading and detection took.

    ``subject`` is the face that is clearly meant; without one, ``unclear`` says why nobody is. ``smaller`` counts the
    faces beyond ``MOST_FACES``; ``brightened`` says that the faces come from a brighter copy of a dark photo.

    It is ``page``, counted from 0, of ``pages``; where there are others, ``file`` is what they are read from, and
    ``asked`` the page that was asked for. ``hashed`` is the SHA-256 of the file, empty where it came as none."""

    preview: np.ndarray
    scale: float
    boxes: tuple[FaceBox, ...]
    faces: tuple[AlignedFace | None, ...]
    title: str
    simulated: bool = False
    found_ms: float = 0.0
    subject: Subject | None = None
    unclear: str = ""
    smaller: int = 0
    brightened: bool = False
    page: int = 0
    pages: int = 1
    file: bytes | None = None
    asked: int | None = None
    hashed: bytes = b""
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Its name towards the page."""

    @property
    def largest(self) -> int:
        """The place of the largest face that could be aligned; there is one in every photo that was opened."""
        usable = [place for place, face in enumerate(self.faces) if face is not None]
        return max(usable, key=lambda place: self.boxes[place].area)

    def usable(self, index: int) -> AlignedFace:
        """Face ``index``, counted from 0. Raises NoFaceError where it is none, or could not be aligned."""
        if not 0 <= index < len(self.faces):
            raise NoFaceError(f"There is no face number {index + 1}.", f"The picture shows {len(self.faces)}.")
        face = self.faces[index]
        if face is None:
            raise NoFaceError(f"Face {index + 1} is too small or turned too far to be aligned.", "Choose another one.")
        return face

    def seen_as(self, index: int, choice: Choice) -> AlignedFace:
        """Face ``index`` in the spectrum the visitor says the photo has. Raises NoFaceError."""
        face = self.usable(index)
        if choice == "vis":
            return face
        if self.simulated:
            return face.with_(spectrum="nir-simulated")
        return simulated_nir_face(face) if choice == "simulate" else face.with_(spectrum="nir")

    def digest(self, index: int, choice: Choice) -> bytes | None:
        """What face ``index`` of this file is enrolled by, the same as at the command line; None where the file's
        content is not known."""
        if not self.hashed:
            return None
        meant = self.subject is not None and self.subject.index == index
        told = Choices(None if meant else index + 1, page=self.asked).told()
        return digest_of(self.hashed, "nir-simulated" if choice == "simulate" else choice, *told)


def open_photo(
    finder: FaceFinder, source: Source, title: str, simulated: bool = False, page: int | None = None
) -> Photo:
    """Read a picture, find its faces, align them and choose who is clearly meant. Of a file of several pages it is
    ``page``, or without one the first that shows a face. Raises the errors of reading, and NoFaceError, which says what
    is wrong with the picture."""
    start = time.perf_counter()
    found = finder.find_in(source, page=page)
    if not found.faces:
        raise finder.why_none(found)
    image = read_image(source, page=found.page) if found.brightened else found.image
    in_order = by_number(found.faces)[:MOST_FACES]
    boxes = tuple(found.faces[number] for number in in_order)
    faces = tuple(_aligned(finder, found, number) for number in in_order)
    if all(face is None for face in faces):
        raise turned_too_far()
    subject, unclear = _meant(found, boxes, faces)
    shown, scale = preview(image)
    return Photo(
        shown,
        scale,
        boxes,
        faces,
        title,
        simulated,
        (time.perf_counter() - start) * 1000,
        subject,
        unclear,
        smaller=len(found.faces) - len(boxes),
        brightened=found.brightened,
        page=found.page,
        pages=found.pages,
        file=source if isinstance(source, bytes) and found.pages > 1 else None,
        asked=page if found.pages > 1 else None,
        hashed=hashlib.sha256(source).digest() if isinstance(source, bytes) else b"",
    )


def _aligned(finder: FaceFinder, found: Found, number: int) -> AlignedFace | None:
    try:
        return finder.aligned(found, number)
    except NoFaceError:
        return None


def _meant(
    found: Found, boxes: tuple[FaceBox, ...], faces: tuple[AlignedFace | None, ...]
) -> tuple[Subject | None, str]:
    """Who of these is clearly meant and can be used, counted from left to right; or None, and why."""
    try:
        subject = choose_subject(found.image, found.faces)
    except SeveralFacesError as error:
        return None, error.what
    meant = found.faces[subject.index]
    subject = replace(subject, index=next(place for place, box in enumerate(boxes) if box is meant))
    if faces[subject.index] is None:
        return None, f"Face {subject.number} is {subject.reason}, but is turned too far, covered or blurred."
    return subject, ""
