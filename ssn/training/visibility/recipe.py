"""What the visibility network is shown at each step and how it is judged: recipe, batch and loss.

Every random choice of step ``i`` comes from a generator seeded by (seed, i): a resumed run needs only its step number
to go on as if it had never stopped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.models.visibility import SIDE, WIDTHS
from ssn.training.augment import ViewRanges, random_views
from ssn.training.crops import Crops
from ssn.training.visibility.covers import CoverMix, cover


@dataclass(frozen=True)
class VisibilityConfig:
    """The recipe. Everything that decides the result is here, but for the faces."""

    views: int = 200_000
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    warmup: float = 0.02
    dice: float = 0.5
    """Weight of the Dice term beside the cross-entropy."""
    nir: float = 0.5
    """Share of the views in simulated NIR."""
    seed: int = 0
    widths: tuple[int, ...] = WIDTHS
    ranges: ViewRanges = field(default_factory=lambda: ViewRanges(noisy=0.15, occluded=0.0))
    mix: CoverMix = field(default_factory=CoverMix)

    @property
    def steps(self) -> int:
        return max(1, self.views // self.batch)

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to nothing."""
        warm = max(1, round(self.warmup * self.steps))
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min((step - warm) / max(1, self.steps - warm), 1.0)))


def draw_batch(crops: Crops, rows: np.ndarray, config: VisibilityConfig, step: int) -> tuple[Tensor, Tensor]:
    """Crops and the numbers of those to learn from → the covered views of one step and how much of each pixel is
    hidden, both (batch, 1, 64, 64) in [0, 1], where the crops are; depends on nothing but its arguments."""
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    chosen = rows[torch.randint(len(rows), (config.batch,), generator=generator).numpy()]
    nir = torch.rand(config.batch, generator=generator) < config.nir
    drawing = crops.drawing(generator)
    views, _ = random_views(crops.at(chosen), nir, SIDE, drawing, config.ranges)
    return cover(views, drawing, config.mix)


def visibility_loss(logits: Tensor, hidden: Tensor, dice: float) -> dict[str, Tensor]:
    """Logits (N, 1, S, S) and how much is hidden (N, 1, S, S) in [0, 1] → the weighted terms of the loss.

    Cross-entropy of each pixel, and 1 − 2 Σ p t / (Σ p + Σ t) of each view (Milletari et al., 2016, with plain sums),
    1 added above and below, so that a complete view counts too.
    """
    guess = torch.sigmoid(logits)
    overlap = (2 * (guess * hidden).sum(dim=(1, 2, 3)) + 1) / ((guess + hidden).sum(dim=(1, 2, 3)) + 1)
    return {
        "entropy": F.binary_cross_entropy_with_logits(logits, hidden),
        "dice": dice * (1 - overlap).mean(),
    }
