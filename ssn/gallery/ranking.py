"""The first people of a search: found among all by approximate scores, and put in order by exact ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssn.gallery.index import Hit
from ssn.models.light_cnn import EMBEDDING_SIZE

ROUNDING = EMBEDDING_SIZE * 2.0**-23
"""Of a float32 dot product of unit vectors, twice the bound n·u: how far two computed scores may be apart from their
true order (Higham, Accuracy and Stability of Numerical Algorithms, 3.1)."""
Scores = np.ndarray | Tensor
"""In NumPy's memory, whose functions take a fraction of the time of torch's there, or on a device."""
GROUPS = 256
"""Of many scores the maxima of so many groups are looked at first, or of eight times as many as are wanted."""


@dataclass(frozen=True)
class Ranked:
    """What could be of the first k: ``scores`` in double precision, whose person, and the template to name."""

    scores: np.ndarray
    owners: np.ndarray
    templates: np.ndarray
    ages: np.ndarray

    def people(self, k: int) -> list[Hit]:
        """The k best of different people; of equal scores the older first."""
        hits: dict[int, Hit] = {}
        order = np.lexsort((self.ages, -self.scores))
        columns = (values[order].tolist() for values in (self.owners, self.templates, self.scores))
        for owner, template, score in zip(*columns, strict=True):
            if len(hits) >= k:
                break
            if owner not in hits:
                hits[owner] = Hit(owner, template, score)
        return list(hits.values())


def first_people(
    scores: Scores, owners: np.ndarray, k: int, margin: float, ranked: Callable[[np.ndarray], Ranked]
) -> list[Hit]:
    """The k best people of approximate ``scores`` (N,), each of somebody in ``owners``, which are off by less than half
    of ``margin``; k ≥ 1. ``ranked`` scores some of the places exactly.

    Looks at the best few; and at more, where these are of fewer than k people. Whoever could still belong to the first
    k, or tie with the last of them, reaches the approximate score of the k-th person but for ``margin``.
    """
    width = 2 * k + 14
    while True:
        floor = _floor(scores, width)
        places, near = _reaching(scores, floor)
        count, last = _last_person(near, owners[places], k)
        if count == k or width >= len(scores):
            break
        width *= 8
    bound = min(last, 1.0) - margin  # exact scores end at 1 and at -1, where those beyond are equal
    bound = float(np.nextafter(np.float32(bound), np.float32(-np.inf))) if bound > -1 else -math.inf
    return ranked(places[near >= bound] if bound >= floor else _reaching(scores, bound)[0]).people(k)


def _last_person(near: np.ndarray, owners: np.ndarray, k: int) -> tuple[int, float]:
    """How many people there are, at most k, and the best score of the last of them."""
    order = np.argsort(-near)
    seen: set[int] = set()
    last = -math.inf
    for owner, score in zip(owners[order].tolist(), near[order].tolist(), strict=True):
        if owner not in seen:
            seen.add(owner)
            last = score
            if len(seen) == k:
                break
    return len(seen), last


def _floor(scores: Scores, width: int) -> float:
    """What at least ``width`` of the scores reach, and few others: the least of as many maxima of groups."""
    if width >= len(scores):
        return -math.inf
    groups = max(GROUPS, 8 * width)
    if len(scores) >= 2 * groups:
        whole = scores[: len(scores) // groups * groups].reshape(-1, groups)
        scores = whole.max(axis=0) if isinstance(whole, np.ndarray) else whole.amax(dim=0)
    if isinstance(scores, np.ndarray):
        return float(np.partition(scores, -width)[-width])
    return float(torch.topk(scores, width, sorted=False).values.min())


def _reaching(scores: Scores, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """The places of the scores that are not below ``floor``, and these scores."""
    if isinstance(scores, np.ndarray):
        places = np.flatnonzero(scores >= floor)
        return places, scores[places]
    found = (scores >= floor).nonzero()[:, 0]
    return found.cpu().numpy(), scores[found].cpu().numpy()
