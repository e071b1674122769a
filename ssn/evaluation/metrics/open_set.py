"""Open-set identification: some who are searched for are not enrolled, and "nobody" is the right answer for them.

As ISO/IEC 19795-1 has it. FPIR: share of searches for strangers that return anybody at or above the threshold. FNIR:
share of searches for enrolled people that do not return them among the first ``rank`` candidates, at or above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssn.evaluation.metrics.comparison import threshold_at_fmr
from ssn.evaluation.metrics.curves import mate_column, person_scores


@dataclass(frozen=True)
class Searches:
    """What open-set rates need of a set of searches: of ``mated`` probes the score (m,) and rank (m,), from 1, of their
    own person; of ``strangers`` (s,) the score of the best candidate, which is a false one."""

    mate_scores: np.ndarray
    mate_ranks: np.ndarray
    stranger_scores: np.ndarray


@dataclass(frozen=True)
class OpenSetPoint:
    """Rates in [0, 1] at one threshold; ``fpir`` is what the threshold reaches, at most what was asked for."""

    threshold: float
    fpir: float
    fnir: float
    rank: int


def searches(scores: np.ndarray, probe_ids: np.ndarray, gallery_ids: np.ndarray) -> Searches:
    """(probes, gallery) scores and whose they are → the searches. Probes of people not enrolled are the strangers.

    Raises ValueError where there are no strangers or nobody else.
    """
    best, people = person_scores(scores, gallery_ids)
    mate, enrolled = mate_column(probe_ids, people)
    if enrolled.all() or not enrolled.any():
        raise ValueError("probes of enrolled people and of strangers are both needed")
    mated = best[enrolled]
    mine = mated[np.arange(len(mated)), mate[enrolled]]
    return Searches(mine, (mated >= mine[:, None]).sum(axis=1), best[~enrolled].max(axis=1))


def fpir(searched: Searches, threshold: float) -> float:
    """Share of the strangers who are taken for somebody."""
    return float((searched.stranger_scores >= threshold).mean())


def missed(searched: Searches, threshold: float, rank: int = 1) -> np.ndarray:
    """(m,) bool: the mated searches that do not return their person; their mean is FNIR."""
    return (searched.mate_scores < threshold) | (searched.mate_ranks > rank)


def fnir_at_fpir(searched: Searches, target: float, rank: int = 1) -> OpenSetPoint:
    """The lowest threshold that at most a share ``target`` of the strangers reach, and what it costs."""
    threshold = threshold_at_fmr(searched.stranger_scores, target)
    return OpenSetPoint(threshold, fpir(searched, threshold), float(missed(searched, threshold, rank).mean()), rank)


def open_set_curve(searched: Searches, rank: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """→ FPIR, FNIR, thresholds: one point per distinct score, from +∞ down; FPIR rises, FNIR falls."""
    within = np.sort(searched.mate_scores[searched.mate_ranks <= rank])
    thresholds = np.concatenate([[np.inf], np.unique(np.concatenate([within, searched.stranger_scores]))[::-1]])
    strangers = np.sort(searched.stranger_scores)
    false = (len(strangers) - np.searchsorted(strangers, thresholds, side="left")) / len(strangers)
    hits = len(within) - np.searchsorted(within, thresholds, side="left")
    return false, 1 - hits / len(searched.mate_scores), thresholds


def strangers_of(people: np.ndarray, share: float = 0.5, seed: int = 0) -> np.ndarray:
    """Ids of people, repeated as they come → the sorted ids of those to be left out of the gallery: ``share`` of them,
    rounded, drawn by ``seed``."""
    names = np.unique(people)
    drawn = np.random.default_rng(seed).permutation(len(names))[: round(share * len(names))]
    return names[np.sort(drawn)]
