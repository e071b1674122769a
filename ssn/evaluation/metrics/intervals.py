"""How sure a measure is: bootstrap over people, and mean ± standard deviation over folds.

Comparisons of one person are not independent, so people are drawn, not comparisons (the subject bootstrap of
Bolle, Ratha and Pankanti, 2004). A draw gives person p a multiplicity w_p; a genuine comparison of p then counts w_p
times, an impostor comparison of p with q w_p·w_q times. A person drawn twice is not compared with their own copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RESAMPLES = 200


@dataclass(frozen=True)
class Interval:
    """A measure in [0, 1] (or a difference of two), and the percentile interval of its bootstrap; None without one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Drawn:
    """What people are drawn from: ``count`` people, ``resamples`` times, by ``seed``; ``level`` of the interval."""

    resamples: int = RESAMPLES
    seed: int = 0
    level: float = 0.95

    def multiplicities(self, count: int) -> Iterator[np.ndarray]:
        """(count,) float: how often each person was drawn, their sum being ``count``."""
        rng = np.random.default_rng(self.seed)
        for _ in range(self.resamples):
            yield np.bincount(rng.integers(0, count, count), minlength=count).astype(float)

    def interval(self, value: float, drawn: np.ndarray) -> Interval:
        """The percentile interval of (resamples,) values; what a draw leaves undefined (NaN) is not counted, and where
        all are, there is no interval."""
        drawn = drawn[np.isfinite(drawn)]
        if len(drawn) == 0:
            return Interval(float(value))
        low, high = np.quantile(drawn, [(1 - self.level) / 2, (1 + self.level) / 2])
        return Interval(float(value), float(low), float(high))


DRAWN = Drawn()


class SortedComparisons:
    """Comparisons sorted once, so that each draw of people costs two running sums.

    ``probe_people``, ``gallery_people`` (n,): indices into the people, 0 … ``count`` − 1.
    """

    def __init__(self, scores: np.ndarray, same: np.ndarray, probe_people: np.ndarray, gallery_people: np.ndarray):
        order = np.argsort(-np.asarray(scores, float), kind="stable")
        ordered = np.asarray(scores, float)[order]
        self.last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # of each distinct score
        self.same = np.asarray(same, bool)[order]
        self.probe, self.gallery = np.asarray(probe_people)[order], np.asarray(gallery_people)[order]
        self.count = int(max(self.probe.max(), self.gallery.max())) + 1

    def measures(self, multiplicity: np.ndarray, rates: tuple[float, ...]) -> dict[str, float]:
        """``auc``, ``eer`` and ``tpr_at_RATE`` where people count as often as drawn; NaN where one kind of comparison
        is missing from the draw."""
        weight = multiplicity[self.probe]
        genuine = np.cumsum(np.where(self.same, weight, 0))[self.last]
        impostor = np.cumsum(np.where(self.same, 0, weight * multiplicity[self.gallery]))[self.last]
        names = ["auc", "eer", *(f"tpr_at_{rate}" for rate in rates)]
        if not genuine[-1] or not impostor[-1]:
            return dict.fromkeys(names, np.nan)
        tpr = np.concatenate([[0.0], genuine / genuine[-1]])
        fmr = np.concatenate([[0.0], impostor / impostor[-1]])
        values = [float(np.trapezoid(tpr, fmr)), _crossing(fmr, tpr)]
        values += [float(tpr[np.searchsorted(fmr, rate + 1e-12, side="right") - 1]) for rate in rates]
        return dict(zip(names, values, strict=True))


def _crossing(fmr: np.ndarray, tpr: np.ndarray) -> float:
    """EER of an ROC: where FMR meets FNMR, points joined by straight lines."""
    gap = fmr - (1 - tpr)
    i = int(np.argmax(gap >= 0))
    if gap[i] == 0 or i == 0:
        return float(fmr[i])
    share = -gap[i - 1] / (gap[i] - gap[i - 1])
    return float(fmr[i - 1] + share * (fmr[i] - fmr[i - 1]))


def verification_draws(
    comparisons: SortedComparisons, rates: tuple[float, ...], drawn: Drawn = DRAWN
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """→ the measures of everybody, and (resamples,) values of each under the drawn people."""
    value = comparisons.measures(np.ones(comparisons.count), rates)
    each = [comparisons.measures(w, rates) for w in drawn.multiplicities(comparisons.count)]
    return value, {name: np.array([row[name] for row in each]) for name in value}


def share_draws(hits: np.ndarray, people: np.ndarray, count: int, drawn: Drawn = DRAWN) -> np.ndarray:
    """(n,) hits (bool) and whose searches they are, (n,) in 0 … ``count`` − 1 → (resamples,) shares under the drawn
    people; the gallery stays as it is."""
    total = np.bincount(people, minlength=count).astype(float)
    right = np.bincount(people, weights=np.asarray(hits, float), minlength=count)
    sums = np.array([(w @ right, w @ total) for w in drawn.multiplicities(count)]).reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        return sums[:, 0] / sums[:, 1]


def share_interval(hits: np.ndarray, people: np.ndarray, drawn: Drawn = DRAWN) -> Interval:
    """The share of hits, e.g. Rank-1 or FNIR, with its interval; ``people`` are ids of any kind."""
    _, index = np.unique(people, return_inverse=True)
    return drawn.interval(float(np.mean(hits)), share_draws(hits, index, int(index.max()) + 1, drawn))


def mean_and_deviation(values: list[float]) -> tuple[float, float | None]:
    """Over folds: mean and sample standard deviation (n − 1), as "99.9±0.1"; None for the latter of a single fold.

    The paper does not say which of the two deviations it prints.
    """
    numbers = np.asarray(values, float)
    return float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else None
