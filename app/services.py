"""What lives once per process: the recognizer, the gallery and the demo set. Nothing of a visitor is kept here."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from app.demo_people import DEMO_FOLDER, DemoSet, read_demo
from app.pictures import encode
from ssn.explanation.explainer import Explainer
from ssn.faces.read import read_image
from ssn.faces.types import AlignedFace, Spectrum
from ssn.gallery.gallery import Gallery
from ssn.models.build import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer, Template

DEMO_ORIGIN = "demo set (synthetic)"


def data_folder() -> Path:
    """Where this user's galleries live: the platform's usual place for application data."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "ssn-studio"


def default_gallery(model_id: str) -> Path:
    """One gallery file a model, since templates of two models cannot be compared."""
    return data_folder() / f"{model_id}.db"


@dataclass(frozen=True)
class Services:
    """Shared by all visitors of a server; safe to use from several threads."""

    recognizer: Recognizer
    gallery: Gallery
    demo: DemoSet

    @cached_property
    def explainer(self) -> Explainer:
        """Made when it is first asked for: it keeps a copy of the network."""
        return Explainer(self.recognizer)

    @classmethod
    def open(
        cls,
        checkpoint: str | Path = DEFAULT_CHECKPOINT,
        gallery: str | Path | None = None,
        device: str = "auto",
        demo: Path = DEMO_FOLDER,
    ) -> Services:
        """Load the model and open the gallery; a gallery that does not exist yet starts with the demo people.

        Raises CheckpointError, DeviceError, GalleryError, DataError.
        """
        recognizer = Recognizer.load(checkpoint, device)
        people = read_demo(demo)
        path = gallery or default_gallery(recognizer.model_id)
        return cls(recognizer, open_gallery(path, recognizer, people), people)

    def enrol(self, name: str, face: AlignedFace, origin: str) -> int:
        """Add a face to the person of that name → template id. Raises GalleryError."""
        return enrol_face(self.gallery, self.recognizer, name, face, origin)

    def enrol_again(self) -> int:
        """Enrol the people of other models once more, from their stored pictures → how many templates were added. The
        old ones stay, so that the other model still finds its people. Raises GalleryError, NotAnImageError."""
        stored = self.gallery.faces_of_other_models()
        faces = [stored_face(picture, spectrum) for _, spectrum, picture, _ in stored]
        vectors = self.recognizer.embed_batch(faces)
        for (name, spectrum, picture, origin), vector in zip(stored, vectors, strict=True):
            self.gallery.enrol(name, Template(vector, self.recognizer.model_id, spectrum), picture, origin)
        return len(stored)


def people_of_other_models(gallery: Gallery) -> int:
    """How many people this gallery's model cannot find, because only another one enrolled them."""
    return sum(person.templates == 0 < person.stored for person in gallery.people())


def stored_face(picture: bytes, spectrum: Spectrum) -> AlignedFace:
    """The picture stored with a template, as a face to embed. Its landmarks are not known any more."""
    return AlignedFace(read_image(picture), np.zeros((68, 2)), np.eye(2, 3), spectrum)


def enrol_face(gallery: Gallery, recognizer: Recognizer, name: str, face: AlignedFace, origin: str) -> int:
    """The aligned face is stored with its template, without loss."""
    return gallery.enrol(name, recognizer.embed(face), encode(face.pixels, "PNG"), origin)


def open_gallery(path: str | Path, recognizer: Recognizer, people: DemoSet) -> Gallery:
    """The gallery of a path. A new one is filled beside its place and moved there when complete, so that a kill at the
    first start leaves none behind."""
    in_memory = str(path) == ":memory:"
    if in_memory or not Path(path).exists():
        building = Path(f"{path}.part")
        if not in_memory:
            building.unlink(missing_ok=True)
        gallery = Gallery(path if in_memory else building, recognizer.model_id, recognizer.device)
        try:
            for person in people.people:
                enrol_face(gallery, recognizer, person.name, recognizer.face(person.enrolment, index=0), DEMO_ORIGIN)
        except BaseException:
            gallery.close()
            building.unlink(missing_ok=True)
            raise
        if in_memory:
            return gallery
        gallery.close()
        os.replace(building, path)
    return Gallery(path, recognizer.model_id, recognizer.device)
