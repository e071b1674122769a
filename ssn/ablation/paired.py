"""Rows of an ablation on the same probes: whether two differ by more than chance, and what each part of the network and
of its training is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ssn.evaluation.metrics.intervals import DRAWN, share_draws
from ssn.training.search.variants import VARIANTS

EFFECTS: dict[str, dict[str, float]] = {
    "masks in training": {"light-cnn": 0.5, "light-cnn-unmasked": -0.5, "si": 0.5, "si-unmasked": -0.5},
    "the indicator": {"si": 0.5, "light-cnn": -0.5, "si-unmasked": 0.5, "light-cnn-unmasked": -0.5},
    "both together, beyond each": {"si": 1, "light-cnn": -1, "si-unmasked": -1, "light-cnn-unmasked": 1},
    "the indicator's place, beyond its channels": {"si": 1, "si-channel": -1},
    "an indicator for each spectrum": {"si-split": 1, "si": -1},
    "the information bottleneck": {"si-split+ib": 1, "si-split": -1},
    "the search": {"ssn": 1, "si-split+ib": -1},
}
"""Each as a weighted sum of rows' Rank-1: of masks and indicator the mean over whether the other is there."""


@dataclass(frozen=True)
class Searches:
    """Of the searches of one row, each seed's in the same order: whether each found its person first, (seeds, n) bool,
    and whose they are, (n,) from 0."""

    hits: np.ndarray
    people: np.ndarray

    @classmethod
    def read(cls, results: Sequence[Mapping[str, Any]], test: str, occlusion: str) -> Searches | None:
        """From what a judge said of each seed; None where it did not say whom it found."""
        told = [result.get("hits", {}).get(test) for result in results]
        if not told or any(each is None or occlusion not in each for each in told):
            return None
        hits = np.array([[digit == "1" for digit in each[occlusion]] for each in told])
        return cls(hits, np.asarray(told[0]["people"]))


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Hits (seeds, n) of two rows → p of McNemar's exact test, two-sided, over the probes that one of them finds and
    the other does not. Those of several seeds are added, as if they were of other probes."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    both = only_first + only_second
    return float(binomtest(only_first, both).pvalue) if both else 1.0


def mcnemar_of(results: Mapping[str, Sequence[Mapping[str, Any]]], variant: str, test: str, occlusion: str) -> dict:
    """``over``, the row that a variant is compared with, and ``mcnemar_p``; both None where it is not there."""
    over = VARIANTS[variant].over
    own, other = (Searches.read(results.get(name, ()), test, occlusion) for name in (variant, over))
    if own is None or other is None:
        return {"over": over if over in results else None, "mcnemar_p": None}
    return {"over": over, "mcnemar_p": mcnemar(other.hits, own.hits)}


def attribution(results: Mapping[str, Sequence[Mapping[str, Any]]], test: str, occlusions: Sequence[str]) -> list[dict]:
    """``results`` by variant, a seed each → what each effect is worth in Rank-1, the mean over the seeds, with the
    95 % interval of drawing the people anew. Effects of which a row is missing are left out."""
    found = []
    for effect, weights in EFFECTS.items():
        for occlusion in occlusions:
            rows = {name: Searches.read(results.get(name, ()), test, occlusion) for name in weights}
            known = {name: row for name, row in rows.items() if row is not None}
            if len(known) < len(weights):
                continue
            gains = sum(weights[name] * row.hits.mean(axis=0) for name, row in known.items())
            people = next(iter(known.values())).people
            drawn = share_draws(np.asarray(gains), people, int(people.max()) + 1)
            interval = DRAWN.interval(float(np.mean(gains)), drawn)
            found.append({"effect": effect, "occlusion": occlusion, "rows": list(weights), **vars(interval)})
    return found
