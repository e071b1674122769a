"""Biometric measures as pure functions. A score is a similarity, higher is more alike; ``same`` marks genuine pairs.

FMR = FPR: share of impostor comparisons at or above a threshold. TPR = 1 − FNMR: share of genuine ones at or above it.
"""

from __future__ import annotations

import numpy as np


def _split(scores: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, same = np.asarray(scores, float), np.asarray(same, bool)
    if scores.shape != same.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and labels {same.shape} must be two vectors of one length")
    if same.all() or not same.any():
        raise ValueError("genuine and impostor comparisons are both needed")
    if not np.isfinite(scores).all():
        raise ValueError("a score is not a number")
    return scores[same], scores[~same]


def roc(scores: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) scores and labels → FPR, TPR, thresholds: one point per distinct score, from (0, 0) at +∞ to (1, 1)."""
    genuine, impostor = _split(scores, same)
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    tpr = (len(genuine) - np.searchsorted(np.sort(genuine), thresholds, side="left")) / len(genuine)
    fpr = (len(impostor) - np.searchsorted(np.sort(impostor), thresholds, side="left")) / len(impostor)
    return fpr, tpr, thresholds


def auc(scores: np.ndarray, same: np.ndarray) -> float:
    """Chance that a genuine comparison scores above an impostor one, ties counting half; in [0, 1]."""
    genuine, impostor = _split(scores, same)
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, side="left").sum(dtype=float)
    upto = np.searchsorted(ordered, genuine, side="right").sum(dtype=float)
    return float((below + upto) / 2 / (len(genuine) * len(impostor)))


def eer(scores: np.ndarray, same: np.ndarray) -> float:
    """Equal error rate: where FMR meets FNMR on the ROC, points joined by straight lines; in [0, 1]."""
    fpr, tpr, _ = roc(scores, same)
    gap = fpr - (1 - tpr)
    i = int(np.argmax(gap >= 0))
    if gap[i] == 0 or i == 0:
        return float(fpr[i])
    share = -gap[i - 1] / (gap[i] - gap[i - 1])
    return float(fpr[i - 1] + share * (fpr[i] - fpr[i - 1]))


def tpr_at_fpr(scores: np.ndarray, same: np.ndarray, target: float) -> float:
    """Highest TPR reached by a threshold whose FPR is at most ``target``; in [0, 1]."""
    fpr, tpr, _ = roc(scores, same)
    return float(tpr[fpr <= target].max())


def threshold_at_fmr(impostor: np.ndarray, target: float) -> float:
    """The lowest score that at most a share ``target`` of the (n,) impostor scores reach.

    It lies between two of them; with fewer than 1 / target scores it is just above the highest one.
    """
    ordered = np.sort(np.asarray(impostor, float))[::-1]
    allowed = int(np.floor(target * len(ordered) + 1e-9))
    if allowed >= len(ordered):
        return float(ordered[-1])
    return float(np.nextafter(ordered[allowed], np.inf))


def best_threshold(scores: np.ndarray, same: np.ndarray) -> float:
    """The threshold with the most right answers; the middle of the gap it stands in."""
    ordered = np.sort(np.unique(scores))
    candidates = np.concatenate([[ordered[0] - 1], (ordered[1:] + ordered[:-1]) / 2, [ordered[-1] + 1]])
    genuine, impostor = np.sort(scores[same]), np.sort(scores[~same])
    right = len(genuine) - np.searchsorted(genuine, candidates) + np.searchsorted(impostor, candidates)
    return float(candidates[int(np.argmax(right))])


def cross_validated_accuracy(scores: np.ndarray, same: np.ndarray, folds: int = 10) -> float:
    """Share of right answers when each fold is judged by the best threshold of the others; in [0, 1].

    Genuine and impostor pairs are dealt to the folds in turn, in the order given, as LFW's own folds are balanced.
    """
    scores, same = np.asarray(scores, float), np.asarray(same, bool)
    _split(scores, same)
    fold = np.empty(len(scores), int)
    for label in (True, False):
        fold[same == label] = np.arange((same == label).sum()) % folds
    right = 0
    for number in range(folds):
        held = fold == number
        rest_same = same[~held]
        if not held.any() or rest_same.all() or not rest_same.any():
            raise ValueError(f"too few pairs for {folds} folds")
        right += int(((scores[held] >= best_threshold(scores[~held], rest_same)) == same[held]).sum())
    return right / len(scores)


def cmc(scores: np.ndarray, probe_ids: np.ndarray, gallery_ids: np.ndarray, ranks: int = 5) -> list[float]:
    """(probes, gallery) scores → Rank-1 … Rank-``ranks``: share of probes whose person is among the first r people.

    A person's score is their best template's. Ties count against the probe. Probes of people not enrolled are refused.
    """
    probe_ids, gallery_ids = np.asarray(probe_ids), np.asarray(gallery_ids)
    people, column = np.unique(gallery_ids, return_inverse=True)
    best = np.full((len(scores), len(people)), -np.inf)
    for j, person in enumerate(column):
        best[:, person] = np.maximum(best[:, person], scores[:, j])
    own = np.searchsorted(people, probe_ids)
    if len(people) == 0 or (people[np.minimum(own, len(people) - 1)] != probe_ids).any():
        raise ValueError("a probe's person is not in the gallery")
    mine = best[np.arange(len(best)), own]
    better = (best >= mine[:, None]).sum(axis=1) - 1
    return [float((better < rank).mean()) for rank in range(1, ranks + 1)]
