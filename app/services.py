"""What lives once per process: the recognizer, the gallery, the demo set, and perhaps a second model. Nothing of a
visitor is kept here; that is :mod:`app.session`."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from app.explainers import Explainers
from app.first_start import default_gallery, open_gallery
from app.kit.background import behind_the_page
from app.kit.demo_people import DEMO_FOLDER, DemoSet, read_demo
from app.kit.photo import Photo, open_photo
from app.kit.turns import Turns
from ssn.answers.enrolling import Choices, Enroller, quality_measure
from ssn.answers.faces import Reading, read_face
from ssn.errors import BusyError, DataError, NoFaceError, SSNError
from ssn.export.engine import load_recognizer
from ssn.faces.finder import FaceFinder, shared_finder
from ssn.faces.read import Source
from ssn.faces.types import AlignedFace
from ssn.gallery.changes import Change
from ssn.gallery.cohort import Cohort, cohort_of
from ssn.gallery.enrol import EnrolledAgain, Enrolment, enrol_again, enrol_face
from ssn.gallery.held_parts import BATCH
from ssn.gallery.like_with_like import CellSearch, LikeWithLike
from ssn.gallery.people_folder import Photo as PhotoFile
from ssn.gallery.quality import Quality
from ssn.gallery.re_embed import ReEmbedded, re_embed
from ssn.gallery.registry import DEFAULT_INDEX, find_index, open_store, scheme_of
from ssn.gallery.second_opinion import SecondOpinion
from ssn.gallery.store import GalleryStore, Person
from ssn.machine import give_back_freed_memory, one_thread
from ssn.memory import memory_in_words
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer, Template
from ssn.visibility import VisibilityFinder, shared_visibility

PHOTOS_AT_ONCE = 2
"""Photos read and searched for faces at a time: one of 40 megapixels takes seconds and hundreds of megabytes."""
PHOTOS_IN_HAND = 18
"""Photos opened or waiting for it; the next one is told that the server is busy, so that memory stays bounded."""
LOOKS_AT_ONCE = min(4, max(2, os.cpu_count() or 1))
"""Faces looked at and searched for at a time: more than there are processors only wait for each other, and hold memory
meanwhile. Apart from photos, so that no upload holds up a brush."""
RUNS_AT_ONCE = 1
"""Evaluations, enrolments of many and re-embeddings at a time: one takes minutes of all the processor has."""


def _turns(count: int) -> Callable[[], Turns]:
    return lambda: Turns(count)


@dataclass(frozen=True)
class Services:
    """Shared by all visitors of a server; safe to use from several threads. ``beside`` is a second model's opinion of
    the same gallery, where one is loaded; ``cohort`` what strangers score, where that was measured, and then
    ``like_with_like`` compares by cells. ``photos``, ``looks`` and ``runs`` bound the heavy work by count."""

    recognizer: Recognizer
    gallery: GalleryStore
    demo: DemoSet
    beside: SecondOpinion | None = None
    cohort: Cohort | None = None
    photos: Turns = field(default_factory=_turns(PHOTOS_AT_ONCE))
    waiting: Turns = field(default_factory=_turns(PHOTOS_IN_HAND))
    looks: Turns = field(default_factory=_turns(LOOKS_AT_ONCE))
    runs: Turns = field(default_factory=_turns(RUNS_AT_ONCE))
    explainers: Explainers = field(init=False)
    like_with_like: LikeWithLike | None = field(init=False)
    _enrolling_again: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        object.__setattr__(self, "explainers", Explainers(self.recognizer))
        means = {} if self.cohort is None else self.cohort.means
        able = LikeWithLike.possible(self.recognizer, means)
        object.__setattr__(
            self, "like_with_like", LikeWithLike(self.recognizer, self.gallery, means, BATCH) if able else None
        )

    @property
    def visibility(self) -> VisibilityFinder | None:
        """What says how visible each pixel of a face is; None where that network is not installed."""
        return shared_visibility(str(self.recognizer.device))

    @property
    def finder(self) -> FaceFinder:
        """What finds the faces of a photo."""
        return shared_finder(self.recognizer.device)

    @classmethod
    def open(
        cls,
        checkpoint: str | Path = DEFAULT_CHECKPOINT,
        gallery: str | Path | None = None,
        device: str = "auto",
        demo: Path = DEMO_FOLDER,
        beside: str | Path | None = None,
        tell: Callable[[str], object] = lambda _: None,
        index: str = DEFAULT_INDEX,
        engine: str = "torch",
        precision: str = "float32",
    ) -> Services:
        """Load the model (and the one ``beside`` it) and open the gallery; a gallery that does not exist yet starts
        with the demo people. ``tell`` is told what is being done, ``index`` is one of ``INDICES``, ``engine`` one of
        ``ENGINES``, for the first model; ``precision`` is what both look at probes in, one of ``PRECISIONS``.

        Raises CheckpointError, DeviceError, OptionError, GalleryError, DataError, ExportError, MissingPackageError.
        """
        tell(f"Loading {checkpoint} …")
        recognizer = load_recognizer(checkpoint, device, engine, maps=True, precision=precision)
        second = None if beside is None else Recognizer.load(beside, device, precision)
        people = read_demo(demo)
        path = gallery or default_gallery(recognizer.model_id)
        on_server = bool(scheme_of(path))
        new = not on_server and (str(path) == ":memory:" or not Path(path).exists())
        tell(f"Making the gallery {path} with the demo people …" if new else f"Opening the gallery {path} …")
        opened: GalleryStore
        if on_server:  # others share it: nobody is enrolled there without being asked
            opened = open_store(path, recognizer.model_id, recognizer.device, index)
        else:
            opened = open_gallery(path, recognizer, people, find_index(index))
        opinion = None if second is None else SecondOpinion(second, opened)
        if opinion is not None:
            opinion.prepare()
        made = cls(recognizer, opened, people, opinion, cohort_of(checkpoint, recognizer.model_id))
        if made.like_with_like is not None:
            behind_the_page(partial(_prepare, made.like_with_like), "enrolled faces by cells")
        return made

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """While a photo is read and searched for faces. Only so many are at once as the process has room for, and only
        so many wait. Raises BusyError, and MemoryShortError where the machine's memory was short."""
        if not self.waiting.take():
            raise BusyError()
        try:
            with self.photos, one_thread(), memory_in_words():
                yield
        except NoFaceError:
            give_back_freed_memory()  # what it took to look in every turn, brightened and enlarged
            raise
        finally:
            self.waiting.release()

    def search_by_cells(self, face: AlignedFace, k: int, known: Template | None = None) -> CellSearch | None:
        """Everybody enrolled by what both faces show, where that is possible and the face's mask hides something.
        Raises GalleryError, TemplateMismatchError."""
        if self.like_with_like is None or not face.mask.any():
            return None
        return self.like_with_like.search(face, 1 - face.mask.astype("f4"), k, self.recognizer.card.thresholds, known)

    def make_ready(self) -> threading.Thread:
        """Begin to load what the first view does not need and the first photo does: the face detector, and what finds
        covers. Behind the page, so that a start does not wait; a photo that comes before waits for the rest only."""

        def load() -> None:
            with self.photos:
                _ = self.finder, self.visibility

        return behind_the_page(load, "face detector")

    def open_photo(self, source: Source, title: str, simulated: bool = False, page: int | None = None) -> Photo:
        """Read a picture and find its faces, in its turn. Raises BusyError, the errors of reading, and NoFaceError."""
        with self.reading():
            return open_photo(self.finder, source, title, simulated, page)

    def check(self) -> None:
        """Does the gallery answer? The model does, or there would be no services. Raises GalleryError."""
        self.gallery.check()

    def enrol(self, name: str, face: AlignedFace, origin: str, digest: bytes | None = None) -> Enrolment:
        """Add a face to the person of that name; where the ``digest`` of what it came from is known, once. Raises
        GalleryError."""
        return enrol_face(self.gallery, self.recognizer, face, name, origin, digest=digest)

    def undo(self, number: int | None) -> Change:
        """Take the last change of the gallery back, if it still is this; an enrolment also from what was made of it in
        memory. Raises GalleryError."""
        try:
            return self.gallery.undo(number)
        finally:
            self._forget_deleted()

    def delete(self, kind: Literal["person", "template"], number: int) -> None:
        """From the gallery, and from what was made of it in memory. Raises GalleryError."""
        try:
            if kind == "person":
                self.gallery.delete_person(number)
            else:
                self.gallery.delete_template(number)
        finally:
            self._forget_deleted()

    def _forget_deleted(self) -> None:
        """Out of what was made of the gallery's faces in memory. Raises GalleryError."""
        for made in (self.beside, self.like_with_like):
            if made is not None:
                made.forget_deleted()

    def enrol_again(self, progress: Callable[[int, int], bool] | None = None) -> EnrolledAgain:
        """Enrol the people of other models once more, from their stored pictures. The old templates stay, so that the
        other model still finds its people; whoever asks twice at once enrols nobody twice. Raises GalleryError."""
        with self._enrolling_again:
            return enrol_again(self.gallery, self.recognizer, progress=progress)

    def re_embed(self, drop_old: str | None, progress: Callable[[int, int], bool] | None = None) -> ReEmbedded:
        """Enrol every picture of other models' templates once more, and then delete those of the model ``drop_old``.
        Raises GalleryError."""
        try:
            with self._enrolling_again:
                return re_embed(self.gallery, self.recognizer, drop_old, progress)
        finally:
            self._forget_deleted()

    def quality(self, face: AlignedFace) -> Quality:
        """Of a face that is enrolled, with what is hidden of it where the visibility network is installed."""
        return quality_measure(str(self.recognizer.device))(face)

    def enroller(self, spectrum: str, exact_name: bool = False) -> Enroller:
        """What enrols photos one after the other, each in its turn among those of the visitors. Raises DataError for a
        spectrum that is none."""

        def look(content: bytes, photo: PhotoFile, choices: Choices) -> AlignedFace:
            with self.photos, memory_in_words():
                return read_face(self.finder, content, Reading(spectrum, face=choices.face))

        return Enroller(self.gallery, self.recognizer, look, spectrum, exact_name, self.quality)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """While something goes on that takes minutes: one at a time in a process. Raises DataError."""
        if not self.runs.take():
            raise DataError("Another run is under way on this server.", "Try again when it is done.")
        try:
            yield
        finally:
            self.runs.release()


def _prepare(like_with_like: LikeWithLike) -> None:
    """Beside everything else. Where the gallery fails or is closed meanwhile, the next search says so."""
    with contextlib.suppress(SSNError):
        like_with_like.prepare()


def only_of_other_models(people: list[Person]) -> int:
    """How many of these people the gallery's model cannot find, because only another one enrolled them."""
    return sum(person.templates == 0 < person.stored for person in people)
