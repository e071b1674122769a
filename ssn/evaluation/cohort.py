"""Measuring the cohort of a checkpoint: strangers' templates → moments, and the tails of normalised scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ssn.errors import DataError
from ssn.evaluation.strangers import Strangers
from ssn.gallery.cell_score import mixed_scores
from ssn.gallery.cohort import Cohort, Spread, mixed_moments, spread_name
from ssn.gallery.condition import HIDING, Condition, Score
from ssn.gallery.rerank import mixed
from ssn.gallery.tail import LEAST_TAIL, TAIL_SHARE, Tail, highest_tail

LEAST_PEOPLE = 50
"""Of whom moments are taken at least."""
LEAST_OF_GROUP = 20
"""People of a group whose mean is kept: of fewer it says too much of each."""


def groups_in(cohort: Strangers) -> dict[str, np.ndarray]:
    """The groups with people enough for a mean, and who is in each, (N,) bool."""
    names = sorted({name for own in cohort.groups for name in own})
    found = {name: np.array([name in own for own in cohort.groups]) for name in names}
    return {name: inside for name, inside in found.items() if inside.sum() >= LEAST_OF_GROUP}


def spreads_of(cohort: Strangers) -> dict[str, Spread]:
    """The moments of enrolled templates, of their mixtures with the same faces behind a mask of every cover, and of
    what their cells say without what such masks hide."""
    if len(cohort) < LEAST_PEOPLE:
        raise DataError(f"{len(cohort)} people are too few for a cohort.", f"Measure with {LEAST_PEOPLE} at least.")
    groups = list(groups_in(cohort).values())
    spreads = {"whole": Spread.of(cohort.enrolled, groups)}
    for cover in HIDING:
        behind = mixed(cohort.enrolled, cohort.probes["vis", cover])
        spreads[spread_name("alike", cover)] = Spread.of(behind, groups)
        if cohort.cells is not None:
            hidden = cohort.cells.hidden[cover]
            each = [np.tile(inside, len(hidden)) for inside in groups]
            spreads[spread_name("cells", cover)] = Spread.of(hidden.reshape(-1, hidden.shape[-1]), each)
    return spreads


def conditions_of(held_out: Strangers) -> Iterator[Condition]:
    """All in which these people were seen."""
    scores: tuple[Score, ...] = ("whole", "alike", "cells") if held_out.cells is not None else ("whole", "alike")
    for branch, cover in held_out.probes:
        for score in scores:
            if score == "whole" or cover != "none":
                yield Condition(branch, cover, score)


def pairs_of(held_out: Strangers, condition: Condition, spreads: Mapping[str, Spread]) -> tuple[np.ndarray, np.ndarray]:
    """Normalised scores (N, N) of everybody's probe in that condition with everybody enrolled, and which of them are of
    two different people (behind the same mask, where the score compares pictures like with like)."""
    probes = held_out.probes[condition.branch, condition.cover]
    gallery, strangers = held_out.enrolled, ~np.eye(len(held_out), dtype=bool)
    spread = spreads[spread_name(condition.score, condition.cover)]
    if condition.score == "cells":
        return _pairs_by_cells(held_out, condition, spreads["whole"], spread), strangers
    if condition.score == "alike":
        gallery = mixed(gallery, held_out.probes["vis", condition.cover])
        strangers &= held_out.masks[:, None] == held_out.masks[None]
    return spread.normalised(probes, probes @ gallery.T), strangers


def _pairs_by_cells(held_out: Strangers, condition: Condition, whole: Spread, hidden: Spread) -> np.ndarray:
    """Normalised scores (N, N) by cells: everybody enrolled without what hides the probe."""
    if held_out.cells is None:
        raise ValueError("nobody was looked at by cells")
    probes, seen = (part[condition.branch, condition.cover] for part in (held_out.probes, held_out.cells.seen))
    by_cells = np.empty((len(held_out), len(held_out)))
    for number, enrolled in enumerate(held_out.cells.hidden[condition.cover]):
        wearing = held_out.masks == number
        by_cells[wearing] = seen[wearing] @ enrolled.T
    scores = mixed_scores(probes @ held_out.enrolled.T, by_cells)
    mean, deviation = mixed_moments(whole, hidden, probes, seen)
    return (scores - mean[:, None]) / deviation[:, None]


def tails_of(
    held_out: Strangers,
    groups: Sequence[str],
    condition: Condition,
    spreads: Mapping[str, Spread],
    same: np.ndarray,
) -> Tail | None:
    """The highest tail over these groups, pairs within a group only; None where none of them is large enough."""
    z, strangers = pairs_of(held_out, condition, spreads)
    found = {}
    for name in groups:
        inside = np.array([name in own for own in held_out.groups])
        values = z[strangers & ~same & inside[:, None] & inside[None]]
        if len(values) * TAIL_SHARE >= LEAST_TAIL:
            found[name] = values
    return highest_tail(found) if found else None


def measure_cohort(
    model_id: str,
    cohort: Strangers,
    held_out: Strangers,
    is_child: Callable[[str], bool],
    facts: dict[str, object] | None = None,
    same: np.ndarray | None = None,
) -> Cohort:
    """``cohort`` gives the moments, ``held_out`` (other people) the tails: of groups of adults, and apart of those that
    ``is_child`` names, the group whose strangers are most alike. ``same`` (N, N) bool: pairs that may be one person
    under two numbers, and are not counted.

    Raises DataError for too few people, or no group of adults with pairs enough.
    """
    spreads = spreads_of(cohort)
    names = sorted({name for own in held_out.groups for name in own})
    old, young = [n for n in names if not is_child(n)], [n for n in names if is_child(n)]
    same = np.zeros((len(held_out), len(held_out)), bool) if same is None else same
    adults: dict[str, Tail] = {}
    children: dict[str, Tail] = {}
    for condition in conditions_of(held_out):
        tail = tails_of(held_out, old, condition, spreads, same)
        if tail is None:
            raise DataError(f"No group of adults is large enough for {condition.key}.", "Measure with more people.")
        adults[condition.key] = tail
        if (tail := tails_of(held_out, young, condition, spreads, same)) is not None:
            children[condition.key] = tail
    said = {"people": len(cohort), "held_out": len(held_out), "groups": old, "groups_of_children": young}
    said |= {"means_of": list(groups_in(cohort))}
    means = {} if cohort.cells is None else cohort.cells.means
    return Cohort(model_id, spreads, adults, children, {**(facts or {}), **said}, means)
