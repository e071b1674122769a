"""What another model says of the same probe and the same people.

Its templates are made from the gallery's stored pictures. They are kept in memory only, and no longer than the gallery
keeps theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssn.errors import ImageError
from ssn.faces.types import AlignedFace
from ssn.gallery.exact import ExactIndex
from ssn.gallery.store import Enrolled, GalleryStore, Match, ranked
from ssn.models.light_cnn import EMBEDDING_SIZE
from ssn.recognizer import Recognizer

BATCH = 64
"""Pictures decoded at a time."""


@dataclass(frozen=True)
class Opinion:
    """Ranked people, their scores and verdicts by the other model. ``skipped`` counts the templates it could not make
    its own of, having no readable picture."""

    matches: tuple[Match, ...]
    skipped: int


class SecondOpinion:
    """A second model beside the one a gallery belongs to. Safe to share between threads."""

    def __init__(self, recognizer: Recognizer, gallery: GalleryStore):
        self.recognizer, self.gallery = recognizer, gallery
        self._lock = threading.Lock()
        self._vectors: dict[int, np.ndarray | None] = {}  # by template id; None where the picture cannot be read
        self._seen: list[Enrolled] = []
        self._index, self._names = self._indexed([])

    def prepare(self) -> None:
        """Embed every stored picture now, so that nobody waits for it at the first question. Raises GalleryError."""
        with self._lock:
            self._catch_up()

    def ask(self, face: AlignedFace, k: int = 5) -> Opinion:
        """An aligned face → the k people most like it to this model, best first, with verdicts by its own thresholds.

        Pictures not embedded yet are, first. Raises GalleryError.
        """
        with self._lock:
            self._catch_up()
            index, names, skipped = self._index, self._names, len(self._seen) - len(self._index)
        hits = index.search(self.recognizer.embed(face).vector[None], k)[0]
        return Opinion(tuple(ranked(hits, names, self.recognizer.card.thresholds)), skipped)

    def forget_deleted(self) -> None:
        """Drop what was made of templates the gallery no longer has, at once rather than at the next question. Raises
        GalleryError."""
        with self._lock:
            known = {one.template_id for one in self.gallery.roster()}
            self._keep([one for one in self._seen if one.template_id in known])

    def _catch_up(self) -> None:
        roster = self.gallery.roster()
        if roster == self._seen:
            return
        new = [one for one in roster if one.pictured and one.template_id not in self._vectors]
        for start in range(0, len(new), BATCH):
            self._embed(new[start : start + BATCH])
        self._keep(roster)

    def _embed(self, new: Sequence[Enrolled]) -> None:
        faces = {one.template_id: self._face(one) for one in new}
        usable = {number: face for number, face in faces.items() if face is not None}
        rows = self.recognizer.embed_batch(list(usable.values()), enrolled=True)
        self._vectors |= dict.fromkeys(faces) | dict(zip(usable, rows, strict=True))

    def _face(self, one: Enrolled) -> AlignedFace | None:
        try:
            return self.gallery.stored_face(one.template_id)
        except ImageError:
            return None  # damaged: counted as skipped; the other people can still be compared

    def _keep(self, roster: list[Enrolled]) -> None:
        """These templates and no others."""
        known = {one.template_id for one in roster}
        self._vectors = {number: vector for number, vector in self._vectors.items() if number in known}
        self._seen = roster
        self._index, self._names = self._indexed(
            [one for one in roster if self._vectors.get(one.template_id) is not None]
        )

    def _indexed(self, usable: Sequence[Enrolled]) -> tuple[ExactIndex, dict[int, str]]:
        index = ExactIndex(self.recognizer.device)
        index.add(
            np.array([one.template_id for one in usable], np.int64),
            np.array([one.person_id for one in usable], np.int64),
            np.array([self._vectors[one.template_id] for one in usable], np.float32).reshape(-1, EMBEDDING_SIZE),
        )
        return index, {one.person_id: one.person for one in usable}
