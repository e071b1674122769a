"""A visitor's photo with the faces found in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.kit.pictures import preview
from ssn.errors import NoFaceError
from ssn.faces.read import Source, read_image
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace, FaceBox
from ssn.recognizer import Recognizer

Choice = Literal["vis", "nir", "simulate"]
MOST_FACES = 12


@dataclass(frozen=True)
class Photo:
    """``preview`` (h, w, 3) uint8, ``scale`` its size over the original's. ``boxes`` and ``faces`` belong together, a
    face being None where it could not be aligned. ``simulated`` says the photo itself is simulated NIR; ``found_ms`` is
    what reading and detection took."""

    preview: np.ndarray
    scale: float
    boxes: tuple[FaceBox, ...]
    faces: tuple[AlignedFace | None, ...]
    title: str
    simulated: bool = False
    found_ms: float = 0.0

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


def open_photo(recognizer: Recognizer, source: Source, title: str, simulated: bool = False) -> Photo:
    """Read a picture, find its faces and align them. Raises the errors of reading, and NoFaceError."""
    start = time.perf_counter()
    image = read_image(source)
    boxes = tuple(recognizer.find_faces(image)[:MOST_FACES])
    if not boxes:
        raise NoFaceError("No face was found in the picture.", "Use one with an upright face at least 24 pixels wide.")
    faces = tuple(_aligned(recognizer, image, box) for box in boxes)
    if all(face is None for face in faces):
        raise NoFaceError("The face is too small or turned too far to be aligned.", "Use a more frontal picture.")
    shown, scale = preview(image)
    return Photo(shown, scale, boxes, faces, title, simulated, (time.perf_counter() - start) * 1000)


def _aligned(recognizer: Recognizer, image: np.ndarray, box: FaceBox) -> AlignedFace | None:
    try:
        return recognizer.align(image, box)
    except NoFaceError:
        return None
