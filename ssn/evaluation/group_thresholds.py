"""Thresholds of one comparison that hold between people of one group, not only among strangers drawn from everybody.

A threshold measured on all pairs of a mixed set is too low for pairs within a group whose people look more alike to the
network. So strangers are compared within each group, and the group with the highest threshold decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssn.evaluation.measure import RATES
from ssn.evaluation.metrics import threshold_at_fmr

Scores = Mapping[str, np.ndarray]
"""(N, N) cosines of everybody's probe with everybody enrolled, by the probe's spectrum."""


@dataclass(frozen=True)
class GroupRates:
    """Of one group: how many ``people`` and ``pairs`` of two of them; the ``thresholds`` that keep each FMR, by its
    text; and the FMR in it, on people whose scores set no threshold, of the thresholds ``before`` and ``after``."""

    group: str
    people: int
    pairs: int
    thresholds: dict[str, float]
    before: dict[str, float]
    after: dict[str, float]

    def as_data(self) -> dict:
        """For JSON."""
        return vars(self)


@dataclass(frozen=True)
class GroupThresholds:
    """``thresholds`` by FMR, the highest of every group and of what held before; ``decided`` by which group, empty
    where it was already high enough; and what was counted in each group."""

    thresholds: dict[str, float]
    decided: dict[str, str]
    groups: list[GroupRates]


def group_thresholds(
    scores: Scores,
    groups: Sequence[tuple[str, ...]],
    before: Mapping[str, float],
    same: np.ndarray,
    counts: Callable[[str], bool] = lambda name: True,
    least: int = 140,
    seed: int = 0,
) -> GroupThresholds:
    """``groups`` names those each of the N people belongs to, ``same`` (N, N) bool the pairs that may be one person.
    Groups of fewer than ``least`` people are left out; those for which ``counts`` is false are counted, but decide
    nothing. Each group is divided at random: one half gives the thresholds by which the other is counted, and the
    other way round; what holds in the end is the threshold of both halves together."""
    halves = np.random.default_rng(seed).permutation(len(groups)) % 2 == 0
    names = sorted({name for own in groups for name in own})
    inside = {name: np.array([name in own for own in groups]) for name in names}
    inside = {name: members for name, members in inside.items() if members.sum() >= least}
    deciding = [name for name in inside if counts(name)]
    found = {name: _highest(scores, members, same) for name, members in inside.items()}
    total, decided = _decide({name: found[name] for name in deciding}, before)
    learned = [
        _decide({name: _highest(scores, inside[name] & half, same) for name in deciding}, before)[0]
        for half in (halves, ~halves)
    ]
    rates = []
    for name, members in inside.items():
        sides = ((members & ~halves, learned[0]), (members & halves, learned[1]))
        counted = [_rates(scores, side, same, thresholds) for side, thresholds in sides]
        after = {rate: max(values) for rate, values in _mean_by_rate(counted).items()}
        first = {rate: max(values) for rate, values in _rates(scores, members, same, before).items()}
        pairs = len(_strangers(next(iter(scores.values())), members, same))
        rates.append(GroupRates(name, int(members.sum()), pairs, found[name], first, after))
    return GroupThresholds(total, decided, rates)


def _strangers(matrix: np.ndarray, members: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Scores of two different members."""
    apart = ~same & ~np.eye(len(matrix), dtype=bool)
    return matrix[apart & members[:, None] & members[None]]


def _highest(scores: Scores, members: np.ndarray, same: np.ndarray) -> dict[str, float]:
    """By FMR, the highest threshold over the spectra."""
    values = [_strangers(matrix, members, same) for matrix in scores.values()]
    return {str(rate): max(threshold_at_fmr(one, rate) for one in values) for rate in RATES}


def _decide(
    found: Mapping[str, Mapping[str, float]], before: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, str]]:
    thresholds, decided = {}, {}
    for rate in map(str, RATES):
        name, score = max(((name, own[rate]) for name, own in found.items()), key=lambda item: item[1])
        lowest = before.get(rate, -1.0)
        thresholds[rate], decided[rate] = (score, name) if score > lowest else (lowest, "")
    return thresholds, decided


def _rates(
    scores: Scores, members: np.ndarray, same: np.ndarray, thresholds: Mapping[str, float]
) -> dict[str, list[float]]:
    """By FMR, the share that reaches its threshold, in each spectrum."""
    values = [_strangers(matrix, members, same) for matrix in scores.values()]
    return {rate: [float(np.mean(one >= score)) for one in values] for rate, score in thresholds.items()}


def _mean_by_rate(parts: Sequence[Mapping[str, list[float]]]) -> dict[str, list[float]]:
    """By FMR and spectrum, the mean of the two halves."""
    return {rate: list(np.mean([part[rate] for part in parts], axis=0)) for rate in parts[0]}
