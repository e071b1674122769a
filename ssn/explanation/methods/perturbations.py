"""Methods that hide parts of the face and look at the score: each yields (share done, map (H, W)), so far.

Batched here rather than by Captum, whose calls cannot be stopped with what they have; the tests compare the two.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor

from ssn.errors import ExplanationError
from ssn.explanation.pair import Chunks, PairScore
from ssn.memory import free_memory

BYTES_PER_FACE = 24 << 20
"""Most that one face needs at once in a forward pass of Light CNN-29 in float32, rounded up."""


def forward_batch(score: PairScore) -> int:
    """Faces scored at once: 16 on a CPU, on a GPU what half of its free memory takes."""
    if score.device.type != "cuda":
        return 16
    return max(1, min(512, free_memory(score.device) // 2 // BYTES_PER_FACE))


def _mixed(score: PairScore, face: Tensor, baseline: Tensor, keep: Tensor) -> np.ndarray:
    """Scores (N,) float64 of the face where ``keep`` (N, H, W) is true and the baseline elsewhere."""
    pictures = torch.where(keep[:, None].to(face.device), face, baseline)
    return score.values(pictures).double().cpu().numpy()


def occlusion(score: PairScore, face: Tensor, baseline: Tensor, labels, window: int, stride: int) -> Chunks:
    """Zeiler and Fergus, 2014: how far the score falls when a square window is replaced by the baseline, averaged
    over the windows a pixel lies in. Windows come in a scattered order, so that a stopped run has seen the whole face
    coarsely."""
    height, width = face.shape[-2:]
    if not (1 <= stride <= window <= min(height, width)):
        raise ExplanationError(f"Window {window} with stride {stride} does not fit.", "1 ≤ stride ≤ window ≤ 128.")
    rows, columns = (_starts(side, window, stride) for side in (height, width))
    corners = list(itertools.product(rows, columns))
    order = np.random.default_rng(0).permutation(len(corners))
    fall, seen = np.zeros((height, width)), np.zeros((height, width))
    full = float(score.values(face))
    batch = forward_batch(score)
    for start in range(0, len(corners), batch):
        part = [corners[i] for i in order[start : start + batch]]
        keep = torch.ones(len(part), height, width, dtype=torch.bool)
        for i, (y, x) in enumerate(part):
            keep[i, y : y + window, x : x + window] = False
        for (y, x), value in zip(part, _mixed(score, face, baseline, keep), strict=True):
            fall[y : y + window, x : x + window] += full - value
            seen[y : y + window, x : x + window] += 1
        yield min(1.0, (start + batch) / len(corners)), torch.from_numpy(fall / np.maximum(seen, 1))


def _starts(side: int, window: int, stride: int) -> list[int]:
    """Window positions along one side; the last one ends at the edge."""
    return sorted({*range(0, side - window + 1, stride), side - window})


def _players(labels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Labels present (M,), and for every pixel which of them it is (H, W)."""
    if labels is None:
        raise ExplanationError("This method needs the face's regions.", "Pass the labels of its landmarks.")
    present, player = np.unique(labels, return_inverse=True)
    return present, player.reshape(labels.shape)


def _spread(values: np.ndarray, player: np.ndarray) -> Tensor:
    """A value for each region → a map that adds up to it inside the region."""
    area = np.bincount(player.ravel(), minlength=len(values))
    return torch.from_numpy((values / area)[player])


def region_ablation(score: PairScore, face: Tensor, baseline: Tensor, labels: np.ndarray) -> Chunks:
    """How far the score falls when one region is replaced by the baseline; spread evenly over its pixels."""
    present, player = _players(labels)
    keep = torch.from_numpy(np.stack([player != i for i in range(len(present))]))
    full = float(score.values(face))
    values, batch = np.zeros(len(present)), forward_batch(score)
    for start in range(0, len(present), batch):
        part = slice(start, start + batch)
        values[part] = full - _mixed(score, face, baseline, keep[part])
        yield min(1.0, (start + batch) / len(present)), _spread(values, player)


def coalitions(players: int, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Subsets of the players, neither empty nor full, each beside its complement → members (N, M) bool and weights
    (N,).

    All of them with Shapley's kernel as weight where ``samples`` allow, the heaviest (the smallest and their
    complements) first, else drawn from that kernel (Lundberg and Lee, 2017).
    """
    rng = np.random.default_rng(seed)
    sizes = np.arange(1, players)
    kernel = 1 / (sizes * (players - sizes))
    if 2**players <= samples:
        numbers = rng.permutation(np.arange(1, 2 ** (players - 1)))
        half = (numbers[:, None] >> np.arange(players)) & 1 == 1
        half = half[np.argsort(np.minimum(half.sum(axis=1), (~half).sum(axis=1)), kind="stable")]
        chosen = half.sum(axis=1)
        weights = kernel[chosen - 1] / [math.comb(players, int(size)) for size in chosen]
    else:
        drawn = rng.choice(sizes, size=max(1, samples // 2 - 1), p=kernel / kernel.sum())
        half = np.stack([rng.permutation(players) < size for size in drawn])
        weights = np.ones(len(half))
    return np.stack([half, ~half], axis=1).reshape(-1, players), np.repeat(weights, 2)


def shapley_by_regression(members: np.ndarray, weights: np.ndarray, values: np.ndarray, total: float) -> np.ndarray:
    """Weighted least squares of ``values`` (N,), taken over the empty set's, on members (N, M) under Σφ = ``total`` →
    φ (M,)."""
    z = members.astype(float)
    root = np.sqrt(weights / weights.max())[:, None]
    rest = (values - z[:, -1] * total)[:, None]
    first = np.linalg.lstsq((z[:, :-1] - z[:, -1:]) * root, rest * root, rcond=None)[0][:, 0]
    return np.append(first, total - first.sum())


STEADY = 2
"""So many chunks in a row have to leave a map where it is before no more are asked for."""


def region_shap(
    score: PairScore,
    face: Tensor,
    baseline: Tensor,
    labels: np.ndarray,
    samples: int,
    seed: int,
    tolerance: float,
) -> Chunks:
    """Kernel SHAP on the regions: Shapley values where ``samples`` cover every coalition (2^8 for eight regions).

    A region that is the same in face and baseline, as a hidden one is, has no share and is not asked for. Coalitions
    come heaviest first. Once ``STEADY`` chunks in a row move no region's value by more than ``tolerance`` of the
    largest, the rest is left out. With 0.01 that was a third to three quarters of the passes on seven pairs of the
    shipped weights, at an error of at most 0.03 of the largest value; it stays below 0.08 even for a small random
    network, whose regions act on each other wildly. With 0, and where coalitions are drawn, all are asked for and the
    values are exact.
    """
    present, player = _players(labels)
    count = len(present)
    if not isinstance(samples, int) or samples < 2 * count:
        raise ExplanationError(f"{samples!r} samples are too few for {count} regions.", f"Use at least {2 * count}.")
    if not 0 <= tolerance < 1:
        raise ExplanationError(f"tolerance is {tolerance!r}.", "It must lie between 0 and 1.")
    full, empty = score.values(torch.cat([face, baseline])).double().cpu().tolist()
    differs = (face != baseline)[0, 0].cpu().numpy()
    live = np.array([bool(differs[player == number].any()) for number in range(count)])
    if live.sum() < 2:
        yield 1.0, _spread(live * (full - empty), player)
        return
    members, weights = coalitions(int(live.sum()), samples, seed)
    shown, shares = np.ones((len(members), count), bool), np.zeros(count)
    shown[:, live] = members
    values, batch = np.zeros(len(members)), forward_batch(score)
    steady, before = 0, np.zeros(int(live.sum()))
    for start in range(0, len(members), batch):
        stop = min(start + batch, len(members))
        keep = torch.from_numpy(shown[start:stop][:, player])
        values[start:stop] = _mixed(score, face, baseline, keep) - empty
        found = shapley_by_regression(members[:stop], weights[:stop], values[:stop], full - empty)
        moved = np.abs(found - before).max() > tolerance * np.abs(found).max()
        steady, before = 0 if moved else steady + 1, found
        enough = steady >= STEADY and tolerance > 0 and 2 ** int(live.sum()) <= samples
        shares[live] = found
        yield 1.0 if enough else stop / len(members), _spread(shares, player)
        if enough:
            return
