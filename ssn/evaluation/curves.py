"""Curves and histograms as they are drawn: axes, and few enough points for a page without a change of shape.

A curve of a million comparisons has a million points and a drawing some hundred pixels. ``thinned`` leaves points out,
never moves one: along a curve that only rises or only falls, whatever is left out lies within 2 / ``most`` of the
drawing's side from a point that stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import ndtri

from ssn.evaluation import metrics
from ssn.evaluation.metrics.open_set import Searches, open_set_curve

MOST_POINTS = 500
BINS = 60


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``; ``probit``, of a normal deviate, makes the DET of normal scores a straight line."""

    label: str
    low: float
    high: float
    scale: Literal["linear", "log", "probit"] = "linear"
    ticks: tuple[float, ...] = ()
    percent: bool = True

    def position(self, values: np.ndarray | Sequence[float]) -> np.ndarray:
        """Values → [0, 1] along the axis; what lies beyond an end is at it."""
        bend = {"linear": np.asarray, "log": np.log10, "probit": ndtri}[self.scale]
        low, high = bend(self.low), bend(self.high)
        inside = np.clip(np.asarray(values, float), self.low, self.high)
        return (bend(inside) - low) / (high - low)


_RATES = (0.0001, 0.001, 0.01, 0.1, 1.0)
_PROBITS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5)
ROC_AXES = Axis("FMR", 1e-4, 1.0, "log", _RATES), Axis("TPR = 1 − FNMR", 0.0, 1.0, ticks=(0, 0.25, 0.5, 0.75, 1))
DET_AXES = Axis("FMR", 1e-4, 0.6, "probit", _PROBITS), Axis("FNMR", 1e-3, 0.8, "probit", (*_PROBITS[1:], 0.8))
OPEN_AXES = Axis("FPIR", 1e-3, 1.0, "log", _RATES[1:]), Axis("FNIR", 0.0, 1.0, ticks=(0, 0.25, 0.5, 0.75, 1))
CMC_RANKS = 50
CLOSE = 1.4
"""A tick of the ranks is left out where the last rank is less than this many times as large."""
CMC_AXES = (
    Axis("rank", 1, CMC_RANKS, "log", (1, 2, 5, 10, 20, 50), percent=False),
    Axis("identified within rank", 0.0, 1.0, ticks=(0, 0.25, 0.5, 0.75, 1)),
)
AXES = {"roc": ROC_AXES, "det": DET_AXES, "cmc": CMC_AXES, "open_set": OPEN_AXES}
"""Horizontal and vertical axis of each kind of curve; of a CMC in a large gallery."""


@dataclass(frozen=True)
class Curve:
    """Points (n,) of a curve that only rises or only falls, in shares or ranks."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Histogram:
    """``edges`` (bins + 1,); ``genuine`` and ``impostor`` (bins,): the share of each kind that lies in a bin."""

    edges: np.ndarray
    genuine: np.ndarray
    impostor: np.ndarray


def thinned(curve: Curve, axes: tuple[Axis, Axis], most: int = MOST_POINTS) -> Curve:
    """At most ``most`` + 1 points of the curve, its ends among them: the first in each stretch of equal length, as
    drawn, measured along both axes."""
    if len(curve.x) <= most:
        return curve
    x, y = axes[0].position(curve.x), axes[1].position(curve.y)
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    stretch = np.minimum((way / max(way[-1], 1e-12) * (most - 1)).astype(int), most - 1)
    first = np.append(True, stretch[1:] != stretch[:-1])
    first[-1] = True
    return Curve(curve.x[first], curve.y[first])


def verification_curves(scores: np.ndarray, same: np.ndarray) -> dict[str, Curve]:
    """``roc`` and ``det`` of (n,) comparisons, thinned."""
    fmr, fnmr, _ = metrics.det(scores, same)
    curves = {"roc": Curve(fmr, 1 - fnmr), "det": Curve(fmr, fnmr)}
    return {name: thinned(curve, AXES[name]) for name, curve in curves.items()}


def axes_of(kind: str, drawn: Iterable[Curve]) -> tuple[Axis, Axis]:
    """The axes on which curves of a kind are drawn together: there is no rank beyond the people enrolled."""
    across, up = AXES[kind]
    if kind == "cmc":
        last = max((int(curve.x[-1]) for curve in drawn), default=CMC_RANKS)
        last = max(last, 2)  # of a single rank there is no axis
        inside = [tick for tick in across.ticks if tick < last / CLOSE]
        across = replace(across, high=last, ticks=(*inside, last))
    return across, up


def cmc_curve(ranks: np.ndarray, enrolled: int = CMC_RANKS) -> Curve:
    """(n,) ranks of the probes' own people, from 1, among so many ``enrolled`` → the CMC up to the last rank there is,
    at most 50."""
    last = min(enrolled, CMC_RANKS)
    shares = np.cumsum(np.bincount(np.minimum(ranks, last + 1), minlength=last + 2)[1:-1]) / len(ranks)
    return Curve(np.arange(1, last + 1), shares)


def open_set(searched: Searches, rank: int = 1) -> Curve:
    """FNIR over FPIR, thinned."""
    fpir, fnir, _ = open_set_curve(searched, rank)
    return thinned(Curve(fpir, fnir), OPEN_AXES)


def histogram(scores: np.ndarray, same: np.ndarray, bins: int = BINS) -> Histogram:
    """(n,) comparisons → the distributions of genuine and impostor scores over their common range."""
    scores = np.asarray(scores, float)
    low, high = scores.min(), scores.max()
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    shares = [np.histogram(scores[kind], edges)[0] / max(int(kind.sum()), 1) for kind in (same, ~same)]
    return Histogram(edges, *shares)
