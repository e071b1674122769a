"""Can the picture be believed? Measures that look at the map and the network together, beside controls that know
neither.

*Deletion*: replace the highest places first, the score should fall fast (small area under the curve). *Insertion*:
bring them back first into an empty picture, it should rise fast (large area). (Petsiuk et al., RISE, 2018.) Places
are cells of 8×8 pixels for maps and controls alike: with single pixels a random map wins at deletion merely by being
scattered.

A map is better than a control only beyond the noise: by more than the steps of the curves can hide, and than one more
random order would lie off the mean of those drawn.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ssn.errors import ExplanationError
from ssn.explanation.methods.perturbations import forward_batch
from ssn.explanation.pair import PairScore

Verdict = Literal["better than controls", "partly better than controls", "no better than controls"]
Curve = Literal["deletion", "insertion"]
CONTROLS = ("random", "centred")
CELL = 8
STEPS, DRAWS = 16, 3
"""Steps of a curve, and random orders drawn."""
QUICK_STEPS, QUICK_DRAWS = 6, 2
"""The same where somebody waits for them."""
STUDENT = {2: 12.706, 4: 3.182, 6: 2.571, 8: 2.365, 10: 2.262}
"""97.5 % points of Student's t for so many values, that is one degree of freedom less."""


def effort(quick: bool) -> tuple[int, int]:
    """Steps of a curve and random orders drawn, fewer where somebody waits."""
    return (QUICK_STEPS, QUICK_DRAWS) if quick else (STEPS, DRAWS)


@dataclass(frozen=True)
class Curves:
    """Scores as cells go: ``share`` (S+1,) of the picture, 0 to 1; ``deletion`` and ``insertion`` (S+1,); areas under
    them, in units of the score."""

    share: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def deletion_auc(self) -> float:
        return float(np.trapezoid(self.deletion, self.share))

    @property
    def insertion_auc(self) -> float:
        return float(np.trapezoid(self.insertion, self.share))

    def step_error(self, kind: Curve) -> float:
        """How far the area moves when every second step is left out: what the steps may hide."""
        values: np.ndarray = getattr(self, kind)
        fine, coarse = np.trapezoid(values, self.share), np.trapezoid(values[::2], self.share[::2])
        return abs(float(fine - coarse)) if len(values) % 2 else 0.0


@dataclass(frozen=True)
class Gain:
    """How much better a map's curve is than that of the control ``over`` which it beats least clearly, in units of the
    score, and how much of that may be ``noise``."""

    over: str
    value: float
    noise: float

    @property
    def sure(self) -> bool:
        return self.value > self.noise


@dataclass(frozen=True)
class Belief:
    """A map's curves beside those of its controls. ``control_deletion`` and ``control_insertion``: each control's
    area, the random one's averaged over its draws. ``randomised``: rank correlation with the map of a network with
    shuffled weights (near 0 is good); ``stability``: rank correlation with the maps of slightly shifted faces (near 1
    is good); None where not looked at. ``done``: share of the work.

    ``centred`` and ``drawn`` are the controls' curves, of every random order one."""

    curves: Curves
    control_deletion: dict[str, float]
    control_insertion: dict[str, float]
    centred: Curves
    drawn: tuple[Curves, ...]
    randomised: float | None = None
    stability: float | None = None
    done: float = 1.0

    @property
    def control_deletion_auc(self) -> float:
        """The harder control: the smallest area."""
        return min(self.control_deletion.values())

    @property
    def control_insertion_auc(self) -> float:
        """The harder control: the largest area."""
        return max(self.control_insertion.values())

    @property
    def random_noise(self) -> float:
        """How far the area of one more random order may lie from the mean of those drawn, with 95 % certainty. Of a
        random order taking away and bringing back are the same: each draw counts twice."""
        areas = [area for one in self.drawn for area in (one.deletion_auc, one.insertion_auc)]
        return STUDENT[len(areas)] * float(np.std(areas, ddof=1)) * float(np.sqrt(1 + 1 / len(areas)))

    def gain(self, kind: Curve) -> Gain:
        """Over the control that is beaten least clearly; positive is better for either curve."""
        own, error = getattr(self.curves, f"{kind}_auc"), self.curves.step_error(kind)
        areas, sign = (self.control_deletion, -1) if kind == "deletion" else (self.control_insertion, 1)
        steps = {"centred": self.centred.step_error(kind), "random": max(one.step_error(kind) for one in self.drawn)}
        noise = {"centred": error + steps["centred"], "random": error + steps["random"] + self.random_noise}
        gains = [Gain(name, sign * (own - areas[name]), noise[name]) for name in areas]
        return min(gains, key=lambda gain: gain.value - gain.noise)

    @property
    def verdict(self) -> Verdict:
        """By both curves, by one, or by none better than the controls beyond the noise."""
        won = self.gain("deletion").sure + self.gain("insertion").sure
        return ("no better than controls", "partly better than controls", "better than controls")[won]


def cell_means(picture: np.ndarray, cell: int = CELL) -> np.ndarray:
    """(H, W) → (H/cell, W/cell) means. Raises ExplanationError where the cells do not fit."""
    height, width = picture.shape
    if height % cell or width % cell:
        raise ExplanationError(f"Cells of {cell} do not fill {height}×{width}.", "Use 4, 8 or 16.")
    return picture.reshape(height // cell, cell, width // cell, cell).mean(axis=(1, 3))


def removal_ranks(picture: np.ndarray, cell: int = CELL) -> np.ndarray:
    """For each pixel (H, W) the rank of its cell, 0 the highest. Equal cells come in a fixed scattered order."""
    cells = cell_means(np.asarray(picture, np.float64), cell)
    scatter = np.random.default_rng(0).permutation(cells.size)
    order = np.lexsort((scatter, -cells.ravel()))
    ranks = np.empty(cells.size, int)
    ranks[order] = np.arange(cells.size)
    return np.kron(ranks.reshape(cells.shape), np.ones((cell, cell), int))


def curves_of(
    maps: list[np.ndarray],
    score: PairScore,
    face: np.ndarray,
    baseline: np.ndarray,
    steps: int = STEPS,
    cell: int = CELL,
) -> Generator[tuple[float, list[Curves]], None, None]:
    """Deletion and insertion curves of several maps (H, W) of one face, all in the same batches → (share done,
    finished)."""
    x, base = (torch.tensor(v, dtype=torch.float32, device=score.device)[None, None] for v in (face, baseline))
    full, empty = score.values(torch.cat([x, base])).tolist()
    count = (face.shape[0] // cell) * (face.shape[1] // cell)
    taken = np.round(np.linspace(0, count, steps + 1)).astype(int)
    finished: list[Curves] = []
    for number, picture in enumerate(maps):
        ranks = torch.from_numpy(removal_ranks(picture, cell))
        gone = ranks[None] < torch.from_numpy(taken[1:-1])[:, None, None]  # (S-1, H, W)
        inner = _scores(score, x, base, torch.cat([~gone, gone])).reshape(2, -1)
        deletion = np.concatenate([[full], inner[0], [empty]])
        insertion = np.concatenate([[empty], inner[1], [full]])
        finished = [*finished, Curves(taken / count, deletion, insertion)]
        yield (number + 1) / len(maps), finished


@torch.no_grad()
def _scores(score: PairScore, x: Tensor, base: Tensor, keep: Tensor) -> np.ndarray:
    parts = [score(torch.where(part[:, None].to(x.device), x, base)) for part in keep.split(forward_batch(score))]
    return torch.cat(parts).double().cpu().numpy()


def random_map(size: tuple[int, int], seed: int) -> np.ndarray:
    """Every cell equally likely anywhere in the order."""
    return np.random.default_rng(1000 + seed).random(size)


def centred_map(size: tuple[int, int]) -> np.ndarray:
    """A Gaussian in the middle, deviation a quarter of the side: what one would guess without looking at the face."""
    y, x = ((np.arange(side) + 0.5) / side - 0.5 for side in size)
    return np.exp(-8 * (y[:, None] ** 2 + x[None] ** 2))


def control_maps(size: tuple[int, int], draws: int = DRAWS) -> list[np.ndarray]:
    """The centred map, then ``draws`` random ones."""
    return [centred_map(size), *(random_map(size, seed) for seed in range(draws))]


def belief(curves: Curves, controls: list[Curves], **more) -> Belief:
    """The curves of a map and those of ``control_maps`` in their order → what to think of it."""
    centred, *drawn = controls
    return Belief(
        curves,
        {"centred": centred.deletion_auc, "random": float(np.mean([c.deletion_auc for c in drawn]))},
        {"centred": centred.insertion_auc, "random": float(np.mean([c.insertion_auc for c in drawn]))},
        centred,
        tuple(drawn),
        **more,
    )


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's ρ of two maps, pixel by pixel; 0 where one of them is constant."""
    from scipy.stats import spearmanr  # slow to import, and needed for the checks only

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a.ravel(), b.ravel()).statistic)


@torch.no_grad()
def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """A copy whose weight tensors are each shuffled: same values, nothing learned (after Adebayo et al., 2018)."""
    other = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    for parameter in other.parameters():
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.copy_(parameter.flatten()[order].view(parameter.shape))
    return other


def shifted(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    """(H, W, …) moved by whole pixels, its edge repeated."""
    rows = np.clip(np.arange(picture.shape[0]) - down, 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(picture.shape[1]) - right, 0, picture.shape[1] - 1)
    return picture[rows][:, columns]


SHIFTS = ((2, 0), (0, -2))
"""The small moves a map should survive, in pixels (down, right)."""


def stability(explain: Callable[[int, int], np.ndarray], found: np.ndarray) -> float:
    """Mean rank correlation of ``found`` (H, W) with the maps of shifted faces, moved back. ``explain(down, right)``
    gives the map of the face so shifted; the rim that a shift invents is left out."""
    rim = max(abs(v) for shift in SHIFTS for v in shift)
    inner = (slice(rim, -rim), slice(rim, -rim))
    values = [rank_correlation(shifted(explain(*s), -s[0], -s[1])[inner], found[inner]) for s in SHIFTS]
    return float(np.mean(values))
