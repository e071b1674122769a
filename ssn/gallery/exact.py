"""Exact search: one matrix product over all templates, in one tensor that is changed in place."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssn.gallery.index import Hit, Over
from ssn.models.light_cnn import EMBEDDING_SIZE

CELLS = 2**25
"""Scores that are held at a time: as many probes are searched together as keep below it."""
ROUNDING = EMBEDDING_SIZE * 2.0**-23
"""Of a float32 dot product of unit vectors, twice the bound n·u: how far two computed scores may be apart from their
true order (Higham, Accuracy and Stability of Numerical Algorithms, 3.1)."""
BLOCK = 65_536
"""Rows that are compared in double precision at a time."""
PIECE = 8192
"""Templates handed out at a time."""
CHUNK = 1024
"""Of this many scores the largest is looked at first."""


@dataclass(frozen=True)
class _People:
    """Rows of the tensor put together by person: the rows of person ``i`` are ``rows[starts[i] : starts[i + 1]]``.
    ``group`` (N,) on the device is the place of every row's person in ``ids``; ``oldest`` their first template."""

    ids: np.ndarray
    group: Tensor
    counts: Tensor
    rows: np.ndarray
    starts: np.ndarray
    oldest: np.ndarray


@dataclass(frozen=True)
class Ranked:
    """What could be of the first k: ``scores`` in double precision, whose person, and the template to name."""

    scores: np.ndarray
    owners: np.ndarray
    templates: np.ndarray
    ages: np.ndarray

    def people(self, k: int) -> list[Hit]:
        """The k best of different people; of equal scores the older first."""
        order = np.lexsort((self.ages, -self.scores))
        _, first = np.unique(self.owners[order], return_index=True)
        return [
            Hit(int(self.owners[i]), int(self.templates[i]), float(self.scores[i]))
            for i in order[np.sort(first)[: max(k, 0)]]
        ]


class ExactIndex:
    """A TemplateIndex that compares a probe with everybody.

    Scores are computed in float32 on the device; whoever could be among the first k by the rounding error of that is
    compared again in double precision, so that order and ties are those of the numbers as they are stored.
    """

    def __init__(self, device: torch.device | str = "cpu"):
        self.device = torch.device(device)
        self._lock = threading.Lock()
        self._vectors = torch.empty((0, EMBEDDING_SIZE), device=self.device)
        self._templates = np.empty(0, np.int64)
        self._owners = np.empty(0, np.int64)
        self._size = 0
        self._longest = 1.0
        self._people: _People | None = None

    def __len__(self) -> int:
        return self._size

    @property
    def templates(self) -> list[int]:
        """The numbers of all templates, oldest first."""
        with self._lock:
            return sorted(self._templates[: self._size].tolist())

    def reserve(self, count: int) -> None:
        """Make room for ``count`` templates more, and an eighth of all besides: one enrolled later moves nobody."""
        with self._lock:
            self._reserve(count)

    def _reserve(self, count: int) -> None:
        needed = self._size + count
        if needed <= len(self._templates):
            return
        room = needed + max(CHUNK, needed // 8)
        if self.device.type == "cpu":
            # NumPy's memory, which is in huge pages where the system has them: a product over it takes a fourth of the
            # time
            vectors = torch.from_numpy(np.zeros((room, EMBEDDING_SIZE), np.float32))
        else:
            vectors = torch.zeros((room, EMBEDDING_SIZE), device=self.device)
        vectors[: self._size] = self._vectors[: self._size]
        self._vectors = vectors
        more = np.zeros(room - self._size, np.int64)
        self._templates = np.concatenate([self._templates[: self._size], more])
        self._owners = np.concatenate([self._owners[: self._size], more])

    def add(self, templates: np.ndarray, owners: np.ndarray, vectors: np.ndarray) -> None:
        """As :meth:`TemplateIndex.add`."""
        if not len(templates):
            return
        with self._lock:
            self._reserve(len(templates))
            place = slice(self._size, self._size + len(templates))
            self._vectors[place] = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)).to(self.device)
            self._templates[place], self._owners[place] = templates, owners
            self._size += len(templates)
            self._longest = max(self._longest, math.sqrt(np.einsum("ij,ij->i", vectors, vectors).max()))
            self._people = None

    def remove(self, templates: Sequence[int]) -> None:
        """The last rows take the places of those that go, whose numbers are overwritten."""
        with self._lock:
            gone = np.flatnonzero(np.isin(self._templates[: self._size], np.fromiter(templates, np.int64)))
            if not len(gone):
                return
            left = self._size - len(gone)
            holes = gone[gone < left]
            last = np.setdiff1d(np.arange(left, self._size), gone)
            self._vectors[torch.from_numpy(holes)] = self._vectors[torch.from_numpy(last)]
            self._templates[holes], self._owners[holes] = self._templates[last], self._owners[last]
            self._vectors[left : self._size] = 0
            self._templates[left : self._size] = 0
            self._size = left
            self._people = None

    def give(self, owners: Mapping[int, int]) -> None:
        """As :meth:`TemplateIndex.give`."""
        if not owners:
            return
        with self._lock:
            for row in np.flatnonzero(np.isin(self._templates[: self._size], np.fromiter(owners, np.int64))):
                self._owners[row] = owners[int(self._templates[row])]
            self._people = None

    def pieces(self, after: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """As :meth:`TemplateIndex.pieces`."""
        with self._lock:
            rows = np.flatnonzero(self._templates[: self._size] > after)
            rows = rows[np.argsort(self._templates[rows], kind="stable")]
            for start in range(0, len(rows), PIECE):
                part = rows[start : start + PIECE]
                yield self._templates[part], self._owners[part], self._vectors[torch.from_numpy(part)].cpu().numpy()

    def search(self, probes: np.ndarray, k: int, over: Over = "best") -> list[list[Hit]]:
        """As :meth:`TemplateIndex.search`."""
        probes = np.ascontiguousarray(probes, np.float32)
        with self._lock:
            if not self._size or k < 1:
                return [[] for _ in probes]
            step, hits = max(1, CELLS // self._size), []
            for start in range(0, len(probes), step):
                part = probes[start : start + step]
                for probe, scores in zip(part, self._scores(part), strict=True):
                    hits.append(self._of_means(probe, scores, k) if over == "mean" else self._of_best(probe, scores, k))
            return hits

    def _scores(self, probes: np.ndarray) -> Tensor:
        """(P, 256) → (P, N) float32."""
        vectors = self._vectors[: self._size]
        if len(probes) == 1 and self.device.type == "cpu":
            return torch.from_numpy(vectors.numpy() @ probes[0])[None]  # torch's product with one vector is slower
        return torch.from_numpy(probes).to(self.device) @ vectors.T

    def _exact(self, probe: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Scores (R,) of some rows, in double precision and for equal rows equal."""
        probe = probe.astype(np.float64)
        parts = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        found = [(self._vectors[torch.from_numpy(part)].cpu().numpy() * probe).sum(axis=1) for part in parts]
        return np.concatenate(found).clip(-1, 1)

    def _of_best(self, probe: np.ndarray, scores: Tensor, k: int) -> list[Hit]:
        def ranked(rows: np.ndarray) -> Ranked:
            templates = self._templates[rows]
            return Ranked(self._exact(probe, rows), self._owners[rows], templates, templates)

        return first_people(scores, k, self._margin(probe), ranked)

    def _of_means(self, probe: np.ndarray, scores: Tensor, k: int) -> list[Hit]:
        people = self._grouped()
        sums = torch.zeros(len(people.ids), dtype=torch.float64, device=self.device)
        means = sums.index_add_(0, people.group, scores.double()) / people.counts

        def ranked(places: np.ndarray) -> Ranked:
            found, best = np.empty(len(places)), np.empty(len(places), np.int64)
            for i, place in enumerate(places):
                rows = people.rows[people.starts[place] : people.starts[place + 1]]
                exact = self._exact(probe, rows)
                found[i] = math.fsum(exact) / len(exact)  # whatever the order, equal for equal scores
                best[i] = self._templates[rows[exact.argmax()]]
            return Ranked(found, people.ids[places], best, people.oldest[places])

        return first_people(means, k, self._margin(probe), ranked)

    def _margin(self, probe: np.ndarray) -> float:
        return ROUNDING * self._longest * max(1.0, float(np.linalg.norm(probe)))

    def _grouped(self) -> _People:
        """Who owns which rows; kept until the next change."""
        if self._people is None:
            templates, owners = self._templates[: self._size], self._owners[: self._size]
            ids, group, counts = np.unique(owners, return_inverse=True, return_counts=True)
            rows = np.lexsort((templates, group))
            starts = np.concatenate([[0], np.cumsum(counts)])
            self._people = _People(
                ids,
                torch.from_numpy(group).to(self.device),
                torch.from_numpy(counts).to(self.device),
                rows,
                starts,
                templates[rows[starts[:-1]]],
            )
        return self._people


def first_people(scores: Tensor, k: int, margin: float, ranked: Callable[[np.ndarray], Ranked]) -> list[Hit]:
    """The k best people of approximate ``scores`` (N,), which are off by less than half of ``margin``.

    Looks at the best few; and at more, where somebody left out could still belong to the first k or tie with the last.
    """
    width = 2 * k + 14
    while True:
        values, places = _largest(scores, min(width, len(scores)))
        found = ranked(places)
        people = found.people(k)
        settled = len(people) == k and people[-1].score > values + margin
        if settled or width >= len(scores):
            return people
        width *= 8


def _largest(scores: Tensor, width: int) -> tuple[float, np.ndarray]:
    """The smallest of the ``width`` largest scores, and their places. They lie in the chunks with the largest
    maxima, so that only these need be sorted."""
    whole = len(scores) // CHUNK
    if whole <= 4 * width:
        values, places = torch.topk(scores, width)
        return float(values[-1]), places.cpu().numpy()
    rows = scores[: whole * CHUNK].view(whole, CHUNK)
    chosen = torch.topk(rows.amax(dim=1), width).indices
    places = (chosen[:, None] * CHUNK + torch.arange(CHUNK, device=scores.device)).flatten()
    places = torch.cat([places, torch.arange(whole * CHUNK, len(scores), device=scores.device)])
    values, best = torch.topk(scores[places], width)
    return float(values[-1]), places[best].cpu().numpy()
