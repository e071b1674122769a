"""Exact search: one matrix product over all templates, in one tensor that is changed in place."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssn.gallery.index import Hit, Over
from ssn.gallery.ranking import ROUNDING, Ranked, Scores, first_people
from ssn.models.light_cnn import EMBEDDING_SIZE

CELLS = 2**25
"""Scores that are held at a time: as many probes are searched together as keep below it."""
BLOCK = 65_536
"""Rows that are compared in double precision at a time."""
PIECE = 8192
"""Templates handed out at a time."""
ROOM = 1024
"""Templates for which there always is room after a load."""


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
        room = needed + max(ROOM, needed // 8)
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
                yield self._templates[part], self._owners[part], self._rows(part)

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

    def _scores(self, probes: np.ndarray) -> Sequence[Scores]:
        """(P, 256) → P times (N,) float32."""
        vectors = self._vectors[: self._size]
        if len(probes) == 1 and vectors.is_cpu:
            return [vectors.numpy() @ probes[0]]  # torch's product with one vector is slower
        products = torch.from_numpy(probes).to(self.device) @ vectors.T
        return list(products.numpy()) if products.is_cpu else list(products)

    def _exact(self, probe: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Scores (R,) of some rows, in double precision and for equal rows equal."""
        probe = probe.astype(np.float64)
        parts = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        found = [(self._rows(part) * probe).sum(axis=1) for part in parts]
        return np.concatenate(found).clip(-1, 1)

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        """Copies of some rows (R, 256) float32."""
        if self._vectors.is_cpu:
            return self._vectors.numpy()[rows]
        return self._vectors[torch.from_numpy(rows)].cpu().numpy()

    def _of_best(self, probe: np.ndarray, scores: Scores, k: int) -> list[Hit]:
        def ranked(rows: np.ndarray) -> Ranked:
            templates = self._templates[rows]
            return Ranked(self._exact(probe, rows), self._owners[rows], templates, templates)

        return first_people(scores, self._owners, k, self._margin(probe), ranked)

    def _of_means(self, probe: np.ndarray, scores: Scores, k: int) -> list[Hit]:
        people = self._grouped()
        sums = torch.zeros(len(people.ids), dtype=torch.float64, device=self.device)
        means = sums.index_add_(0, people.group, torch.as_tensor(scores).double()) / people.counts

        def ranked(places: np.ndarray) -> Ranked:
            found, best = np.empty(len(places)), np.empty(len(places), np.int64)
            for i, place in enumerate(places):
                rows = people.rows[people.starts[place] : people.starts[place + 1]]
                exact = self._exact(probe, rows)
                found[i] = math.fsum(exact) / len(exact)  # whatever the order, equal for equal scores
                best[i] = self._templates[rows[exact.argmax()]]
            return Ranked(found, people.ids[places], best, people.oldest[places])

        return first_people(means.numpy() if means.is_cpu else means, people.ids, k, self._margin(probe), ranked)

    def _margin(self, probe: np.ndarray) -> float:
        return ROUNDING * self._longest * max(1.0, math.sqrt(probe @ probe))

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
