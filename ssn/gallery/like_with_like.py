"""Like with like for a whole gallery: everybody enrolled, compared with a probe by what both sides show of a face.

>>> alike = LikeWithLike(recognizer, gallery, cohort.means)
>>> found = alike.search(face, visibility)  # (128, 128), 1 where the face is seen
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ssn.faces.types import AlignedFace
from ssn.gallery.alike import Reranking
from ssn.gallery.cell_score import CellProbe, CellScorer, CellShares, MeanMaps, mixed_scores
from ssn.gallery.held_parts import BATCH, HeldParts, branch_of, gathered
from ssn.gallery.index import Hit
from ssn.gallery.parts import FaceParts
from ssn.gallery.store import Enrolled, GalleryStore, Match, ranked
from ssn.gallery.verdict import Thresholds
from ssn.recognizer import Recognizer, Template

HELD = 16_384
"""Templates whose parts are held in memory, of 33 KB each. Of a larger gallery only a shortlist is compared."""
SHORTLIST = 1000
"""People of a larger gallery who are compared, those most like the probe by the ordinary score."""


@dataclass(frozen=True)
class CellSearch:
    """``matches`` in the order of the scores like with like, with their ordinary scores and verdicts; what moved them
    is ``reranking``, whose ``kept`` counts templates without parts, or not ready, and ``shares`` by template id.
    ``template`` is the probe's, ``seen`` that of what is seen of it; ``compared`` says how many templates were,
    ``everybody`` that it was asked of all."""

    matches: tuple[Match, ...]
    reranking: Reranking
    shares: dict[int, CellShares]
    template: Template
    seen: np.ndarray
    compared: int
    everybody: bool


class LikeWithLike:
    """A gallery and the parts of its faces. Safe to share between threads. With ``at_once`` a search waits for so many
    parts at most, to be read or made, and compares whoever is ready; :meth:`prepare` gets them all."""

    def __init__(self, recognizer: Recognizer, gallery: GalleryStore, means: MeanMaps, at_once: int | None = None):
        self.scorer, self.gallery, self.at_once = CellScorer(recognizer, means), gallery, at_once
        self._lock = threading.Lock()
        self._held = HeldParts(self.scorer, gallery)

    @classmethod
    def possible(cls, recognizer: Recognizer, means: MeanMaps) -> bool:
        """Can the network be taken apart, and is its mean face known?"""
        return {"vis", "nir"} <= set(means) and recognizer.cells is not None

    def prepare(self, told: Callable[[int, int], object] = lambda done, total: None) -> None:
        """Read or make everybody's parts, so that nobody waits for it at a search; others may search meanwhile.
        ``told`` hears how many are done, and of how many. Raises GalleryError."""
        left = 1
        while left and len(roster := self.gallery.roster()) <= HELD:
            with self._lock:
                left = self._held.catch_up(roster, BATCH)
            told(len(roster) - left, len(roster))

    def forget_deleted(self) -> None:
        """Overwrite what is held of templates the gallery no longer has, now. Raises GalleryError."""
        with self._lock:
            self._held.forget_all_but(self.gallery.roster())

    def search(
        self,
        face: AlignedFace,
        visibility: np.ndarray,
        k: int = 5,
        thresholds: Thresholds | None = None,
        known: Template | None = None,
    ) -> CellSearch:
        """The k people most like the probe by what both show, best first; a person's templates count as their best.
        ``visibility`` (128, 128) in [0, 1]. Of equal scores the older template comes first. People without parts have
        the place of their ordinary score. ``known`` is the face's template, where one was made. Raises GalleryError,
        TemplateMismatchError."""
        start = time.perf_counter()
        probe = self.scorer.probe(face, visibility, known)
        template = Template(probe.whole.cpu().numpy(), self.gallery.model_id, face.spectrum)
        usual = self.gallery.search(template, k)
        roster = self.gallery.roster()
        if everybody := len(roster) <= HELD:
            with self._lock:
                self._held.catch_up(roster, self.at_once)
                compared = self._compared(probe, list(self._held.rows), self._held.parts, self._held.whole, k)
        else:
            near = {match.template_id for match in self.gallery.search(template, SHORTLIST)}
            roster = [row for row in roster if row.template_id in near]
            compared = self._compared(probe, *gathered(self.scorer, self.gallery, roster), k)
        hits = [Hit(row.person_id, row.template_id, self._usual_score(row, template)) for row in compared.best]
        names = {row.person_id: row.person for row in roster}  # who was deleted or enrolled meanwhile is in one of both
        others = [Hit(m.person_id, m.template_id, m.score) for m in usual if m.person_id in names]
        order = _in_order([hit for hit in hits if hit.person_id in names], others, compared.people, k)
        matches = ranked(order, names, thresholds)
        left = len(roster) - compared.count
        took = Reranking(compared.scores, left, (time.perf_counter() - start) * 1000)
        seen = probe.seen.cpu().numpy()
        return CellSearch(tuple(matches), took, compared.shares, template, seen, compared.count, everybody)

    def _compared(self, probe: CellProbe, rows: list[Enrolled], parts: FaceParts, units: Tensor, k: int) -> _Compared:
        """Every one of ``rows`` with the probe: one product over all parts, and the best k people."""
        seen = self.scorer.seen(parts, [branch_of(row) for row in rows], probe.weights)
        cosines = [
            (found.double() @ vector.double()).cpu().numpy()
            for found, vector in ((units, probe.whole), (seen, probe.seen))
        ]
        scores = mixed_scores(*cosines)
        best = _best_of_people(rows, scores)[: max(k, 0)]
        shares = {}
        for place in best:
            own = FaceParts(parts.cells[place : place + 1], parts.scales[place : place + 1])
            shares[rows[place].template_id] = self.scorer.shares(probe, own, branch_of(rows[place]))
        return _Compared(
            [rows[place] for place in best],
            {rows[place].template_id: float(scores[place]) for place in best},
            shares,
            {row.person_id for row in rows},
            len(rows),
        )

    def _usual_score(self, row: Enrolled, template: Template) -> float:
        return self.gallery.template(row.template_id).similarity(template)


@dataclass(frozen=True)
class _Compared:
    """The ``best`` people's templates with their ``scores`` and ``shares`` by template id; all ``people`` who were
    compared, and the ``count`` of their templates."""

    best: list[Enrolled]
    scores: dict[int, float]
    shares: dict[int, CellShares]
    people: set[int]
    count: int


def _best_of_people(rows: Sequence[Enrolled], scores: np.ndarray) -> list[int]:
    """Places of everybody's best template, best first; of equal scores the older first."""
    order = np.lexsort((np.array([row.template_id for row in rows], np.int64), -scores))
    _, first = np.unique([rows[place].person_id for place in order], return_index=True)
    return [int(order[place]) for place in np.sort(first)]


def _in_order(best: Sequence[Hit], usual: Sequence[Hit], compared: set[int], k: int) -> list[Hit]:
    """The compared people, best first, around the others, who stay at their ordinary places."""
    others = {place: hit for place, hit in enumerate(usual) if hit.person_id not in compared}
    coming = iter(best)
    filled = (others.get(place) or next(coming, None) for place in range(k))
    return [hit for hit in filled if hit is not None]
