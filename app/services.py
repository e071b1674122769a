"""What lives once per process: the recognizer, the gallery, the demo set, and perhaps a second model. Nothing of a
visitor is kept here."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from app.kit.demo_people import DEMO_FOLDER, DemoSet, read_demo
from app.kit.pictures import encode
from ssn.explanation.explainer import Explainer
from ssn.faces.finder import FaceFinder, shared_finder
from ssn.faces.types import AlignedFace
from ssn.gallery.second_opinion import SecondOpinion
from ssn.gallery.sqlite import Gallery
from ssn.gallery.stored_face import stored_face
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
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
    """Shared by all visitors of a server; safe to use from several threads. ``beside`` is a second model's opinion of
    the same gallery, where one is loaded."""

    recognizer: Recognizer
    gallery: Gallery
    demo: DemoSet
    beside: SecondOpinion | None = None

    @property
    def finder(self) -> FaceFinder:
        """What finds the faces of a photo."""
        return shared_finder(self.recognizer.device)

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
        beside: str | Path | None = None,
    ) -> Services:
        """Load the model (and the one ``beside`` it) and open the gallery; a gallery that does not exist yet starts
        with the demo people.

        Raises CheckpointError, DeviceError, GalleryError, DataError.
        """
        recognizer = Recognizer.load(checkpoint, device)
        second = None if beside is None else Recognizer.load(beside, device)
        people = read_demo(demo)
        opened = open_gallery(gallery or default_gallery(recognizer.model_id), recognizer, people)
        opinion = None if second is None else SecondOpinion(second, opened)
        if opinion is not None:
            opinion.prepare()
        return cls(recognizer, opened, people, opinion)

    def enrol(self, name: str, face: AlignedFace, origin: str) -> int:
        """Add a face to the person of that name → template id. Raises GalleryError."""
        return enrol_face(self.gallery, self.recognizer, name, face, origin)

    def delete(self, kind: Literal["person", "template"], number: int) -> None:
        """From the gallery, and from what the second model made of it. Raises GalleryError."""
        try:
            if kind == "person":
                self.gallery.delete_person(number)
            else:
                self.gallery.delete_template(number)
        finally:
            if self.beside is not None:
                self.beside.forget_deleted()

    def enrol_again(self) -> int:
        """Enrol the people of other models once more, from their stored pictures → how many templates were added. The
        old ones stay, so that the other model still finds its people. Raises GalleryError, NotAnImageError."""
        stored = self.gallery.faces_of_other_models()
        faces = [stored_face(picture, spectrum) for _, spectrum, picture, _ in stored]
        vectors = self.recognizer.embed_batch(faces, enrolled=True)
        for (name, spectrum, picture, origin), vector in zip(stored, vectors, strict=True):
            self.gallery.enrol(name, Template(vector, self.recognizer.model_id, spectrum), picture, origin)
        return len(stored)


def people_of_other_models(gallery: Gallery) -> int:
    """How many people this gallery's model cannot find, because only another one enrolled them."""
    return sum(person.templates == 0 < person.stored for person in gallery.people())


def enrol_face(gallery: Gallery, recognizer: Recognizer, name: str, face: AlignedFace, origin: str) -> int:
    """The aligned face is stored with its template, without loss."""
    return gallery.enrol(name, recognizer.enrolment(face), encode(face.pixels, "PNG"), origin)


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
            finder = shared_finder(recognizer.device)
            for person in people.people:
                enrol_face(gallery, recognizer, person.name, finder.face(person.enrolment, index=0), DEMO_ORIGIN)
        except BaseException:
            gallery.close()
            building.unlink(missing_ok=True)
            raise
        if in_memory:
            return gallery
        gallery.close()
        os.replace(building, path)
    return Gallery(path, recognizer.model_id, recognizer.device)
