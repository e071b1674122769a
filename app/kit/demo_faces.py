"""The demo people's enrolment faces, aligned ahead, with one model's templates of them: a first start then waits for no
detection, and with that model for no network either.

``faces.npz`` beside the photos holds them. A face counts for the photo with the same bytes, a template for the model
with the same id; for any other they are made as for any photo. ``python -m app.kit.demo_faces`` writes the file anew,
where the demo people or the shipped weights have changed.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.kit.demo_people import DEMO_FOLDER, DemoSet, read_demo
from ssn.errors import DataError
from ssn.faces.finder import FaceFinder, shared_finder
from ssn.faces.types import AlignedFace
from ssn.files import atomically
from ssn.recognizer import Recognizer, Template

FILE = "faces.npz"


@dataclass(frozen=True)
class ReadyFaces:
    """``places`` (sha256 of a photo → its row), ``pixels`` (N, 128, 128, 3) uint8, and of the model ``model_id``
    ``vectors`` (N, 256) float32 of unit length."""

    places: dict[str, int]
    pixels: np.ndarray
    model_id: str
    vectors: np.ndarray

    def face(self, photo: Path) -> AlignedFace | None:
        """The aligned face of a photo, without landmarks, where it is known."""
        place = self._place(photo)
        return None if place is None else AlignedFace(self.pixels[place], None, np.eye(2, 3))

    def template(self, photo: Path, model_id: str) -> Template | None:
        """A model's enrolment template of a photo, where both are known."""
        place = self._place(photo) if model_id == self.model_id else None
        return None if place is None else Template(self.vectors[place], model_id)

    def _place(self, photo: Path) -> int | None:
        return self.places.get(_digest(photo)) if photo.is_file() else None


def read_ready_faces(folder: Path = DEMO_FOLDER) -> ReadyFaces:
    """What lies in a folder, nothing where there is no such file. Raises DataError where it is damaged."""
    path = folder / FILE
    if not path.is_file():
        return ReadyFaces({}, np.zeros((0, 128, 128, 3), np.uint8), "", np.zeros((0, 256), np.float32))
    try:
        with np.load(path, allow_pickle=False) as file:
            photos, pixels, vectors = file["photos"], file["pixels"], file["vectors"]
            model_id = str(file["model_id"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{FILE} of the demo set is damaged.", "Restore assets/demo from the release.") from error
    if not len(photos) == len(pixels) == len(vectors) or pixels.shape[1:] != (128, 128, 3):
        raise DataError(f"{FILE} of the demo set is damaged.", "Restore assets/demo from the release.")
    return ReadyFaces({str(photo): place for place, photo in enumerate(photos)}, pixels, model_id, vectors)


def write_ready_faces(folder: Path, people: DemoSet, finder: FaceFinder, recognizer: Recognizer) -> None:
    """Find, align and embed everybody who is to be enrolled."""
    photos = [person.enrolment for person in people.people]
    faces = [finder.face(photo, index=0) for photo in photos]
    with atomically(folder / FILE) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            photos=np.array([_digest(photo) for photo in photos]),
            pixels=np.stack([face.pixels for face in faces]),
            vectors=recognizer.embed_batch(faces, enrolled=True),
            model_id=np.array(recognizer.model_id),
        )


def _digest(photo: Path) -> str:
    return hashlib.sha256(photo.read_bytes()).hexdigest()


if __name__ == "__main__":
    write_ready_faces(DEMO_FOLDER, read_demo(), shared_finder(), Recognizer.load(device="cpu"))
