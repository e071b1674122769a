"""The curves of ISO/IEC 19795-1 over all thresholds and ranks: DET and CMC, every point, nothing thinned out."""

from __future__ import annotations

import numpy as np

from ssn.evaluation.metrics.comparison import roc, tpr_at_fpr


def det(scores: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) scores and labels → FMR, FNMR, thresholds: one point per distinct score, from (0, 1) at +∞ to (1, 0)."""
    fmr, tpr, thresholds = roc(scores, same)
    return fmr, 1 - tpr, thresholds


def fnmr_at_fmr(scores: np.ndarray, same: np.ndarray, target: float) -> float:
    """Lowest FNMR of a threshold whose FMR is at most ``target``; in [0, 1]."""
    return 1 - tpr_at_fpr(scores, same, target)


def mate_ranks(scores: np.ndarray, probe_ids: np.ndarray, gallery_ids: np.ndarray) -> np.ndarray:
    """(probes, gallery) scores → (probes,) int: the rank of the probe's own person among the people enrolled, from 1;
    0 where the person is not enrolled. A person's score is their best template's; ties count against the probe."""
    best, people = person_scores(scores, gallery_ids)
    mate, enrolled = mate_column(probe_ids, people)
    mine = best[np.arange(len(best)), mate]
    return np.where(enrolled, (best >= mine[:, None]).sum(axis=1), 0)


def cmc_curve(scores: np.ndarray, probe_ids: np.ndarray, gallery_ids: np.ndarray) -> np.ndarray:
    """(probes, gallery) scores → (people,) shares: Rank-1, Rank-2, … up to as many people as are enrolled.

    Raises ValueError for a probe of somebody not enrolled: a closed set has none.
    """
    ranks = mate_ranks(scores, probe_ids, gallery_ids)
    if not ranks.all():
        raise ValueError("a probe's person is not in the gallery")
    people = len(np.unique(gallery_ids))
    return np.cumsum(np.bincount(ranks, minlength=people + 1)[1:]) / len(ranks)


def person_scores(scores: np.ndarray, gallery_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(probes, gallery) scores of templates → (probes, people) best score per person, and the (people,) ids, sorted."""
    people, column = np.unique(np.asarray(gallery_ids), return_inverse=True)
    if len(people) == 0:
        raise ValueError("nobody is enrolled")
    best = np.full((len(scores), len(people)), -np.inf)
    for template, person in enumerate(column):
        best[:, person] = np.maximum(best[:, person], scores[:, template])
    return best, people


def mate_column(probe_ids: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(probes,) ids and the sorted (people,) ids → (probes,) column of each probe's person, and whether there is one;
    the column of a stranger means nothing."""
    probe_ids = np.asarray(probe_ids)
    column = np.minimum(np.searchsorted(people, probe_ids), len(people) - 1)
    return column, people[column] == probe_ids
