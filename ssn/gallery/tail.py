"""The upper tail of the scores of strangers: how often they reach a level, counted where there are pairs enough and
continued by a generalised Pareto distribution beyond (Pickands, 1975).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ssn.errors import DataError

RATES = np.concatenate([[0.999, 0.99, 0.97, 0.9, 0.8, 0.65, 0.5, 0.32, 0.2], 10 ** -np.arange(1, 12.1, 0.5)])
"""Shares of comparisons at which levels are known, falling."""
COUNTED = 10
"""Pairs a level is counted from at least; with fewer beyond it is the Pareto's."""
TAIL_SHARE = 0.02
"""Of the pairs, to which the Pareto is fitted."""
LEAST_TAIL = 20
"""Pairs it is fitted to at least; a group with fewer says nothing about the tail."""


@dataclass(frozen=True)
class Tail:
    """``levels`` (R,) rise with the falling ``RATES``; ``counted`` is the smallest rate that was counted, smaller ones
    are extrapolated. ``pairs`` were compared in all; ``group`` is whose level decided at ``counted``."""

    levels: np.ndarray
    counted: float
    pairs: int
    group: str

    def rate(self, level: float | np.ndarray) -> np.ndarray:
        """The share of comparisons between strangers that reach a level, log-linear between known ones; 1 below the
        lowest, and never less than the last of ``RATES``."""
        known = np.exp(np.interp(level, self.levels, np.log(RATES)))
        return np.where(np.asarray(level) < self.levels[0], 1.0, known)

    def level(self, rate: float) -> float:
        """The inverse of :meth:`rate`, for rates in (0, 1)."""
        return float(np.interp(-np.log(rate), -np.log(RATES), self.levels))


def _excess(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Sorted values (P,) → where the tail starts, and how far beyond that its values lie. Raises DataError for too few
    pairs."""
    beyond = int(TAIL_SHARE * len(values))
    if beyond < LEAST_TAIL:
        needed = int(np.ceil(LEAST_TAIL / TAIL_SHARE))
        raise DataError(f"{len(values)} pairs of strangers are too few.", f"Measure with {needed} at least.")
    start = float(values[-beyond - 1])
    return start, values[-beyond:] - start


def shape_of(groups: Iterable[np.ndarray]) -> float:
    """The shape ξ of the Pareto, of all groups' excesses together, each in units of its mean (as regional frequency
    analysis pools sites: Hosking and Wallis, 1997). It is not let below 0: an end that a sample suggests is not relied
    on, so that the tail is never lighter than an exponential one."""
    from scipy.stats import genpareto  # slow to import, and needed where a tail is measured only

    units = []
    for values in groups:
        _, excess = _excess(np.sort(values))
        units.append(excess / max(float(excess.mean()), 1e-12))
    return max(0.0, float(genpareto.fit(np.concatenate(units), floc=0)[0]))


def tail_of(values: np.ndarray, shape: float | None = None) -> tuple[np.ndarray, float]:
    """Normalised scores (P,) of one group's pairs → levels (R,) and the smallest rate that was counted; ``shape`` is
    fitted to them where it is not given. Raises DataError for too few pairs."""
    from scipy.stats import genpareto

    values = np.sort(np.asarray(values, float))
    start, excess = _excess(values)
    shape = shape_of([values]) if shape is None else shape
    scale = float(excess.mean()) * max(1 - shape, 0.1)
    levels = np.empty(len(RATES))
    for place, rate in enumerate(RATES):
        if rate * len(values) >= COUNTED:
            levels[place] = np.quantile(values, 1 - rate, method="higher")
        else:
            levels[place] = start + genpareto.isf(rate * len(values) / len(excess), shape, 0, scale)
    counted = float(RATES[RATES * len(values) >= COUNTED].min())
    return np.maximum.accumulate(levels), counted


def highest_tail(groups: Mapping[str, np.ndarray]) -> Tail:
    """Normalised scores of pairs of strangers, by group → the level of the group whose strangers are most alike, at
    every rate. Groups with too few pairs are left out; the others share the shape of the tail, which a small one cannot
    tell by itself. Raises DataError where that leaves none."""
    least = LEAST_TAIL / TAIL_SHARE
    large = {name: np.asarray(values, float) for name, values in groups.items() if len(values) >= least}
    if not large:
        raise DataError("No group has pairs of strangers enough.", f"Measure with {least:.0f} at least.")
    shape = shape_of(large.values())
    found = {name: tail_of(values, shape) for name, values in large.items()}
    counted = min(counted for _, counted in found.values())
    place = int(np.argmin(abs(RATES - counted)))
    decisive = max(found, key=lambda name: float(found[name][0][place]))
    levels = np.max([levels for levels, _ in found.values()], axis=0)
    return Tail(levels, counted, sum(map(len, large.values())), decisive)
