"""A backbone that learns and is small, and crops of random squares, for tests of the distillation."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ssn.data.face_store import StoredFaces
from ssn.training.distill.recipe import DistillConfig

CONFIG = DistillConfig(images=96, batch=8, partners=2, sizes=((32, 0.5), (48, 0.5)), warmup=0.2)


class TinyBackbone(nn.Module):
    """Learns, and is small: a convolution, a mean over 8×8 fields, a linear layer of the usual name."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2)
        self.fc = nn.Linear(4 * 64, 256)
        nn.init.normal_(self.fc.weight, std=0.5)  # an embedding far above the normalisation's epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.adaptive_avg_pool2d(self.conv(x).relu(), 8).flatten(1))


def tiny() -> TinyBackbone:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return TinyBackbone()


def drawn_crops() -> StoredFaces:
    """20 crops: people of 1, 2, 3, 4 photos, and ten unknown."""
    rng = np.random.default_rng(0)
    identities = np.array([0, 1, 1, 2, 2, 2, 3, 3, 3, 3] + [-1] * 10)
    return StoredFaces(
        pixels=rng.integers(0, 256, (20, 4, 4, 3), dtype=np.uint8).repeat(36, axis=1).repeat(36, axis=2),
        landmarks=rng.uniform(20, 120, (20, 68, 2)).astype(np.float32),
        descriptors=(rng.normal(size=(20, 128)) * 0.1 + 0.05).astype(np.float32),
        identities=identities[rng.permutation(20)],
        sources=np.array(["drawn"] * 20),
        nir=np.zeros(20, bool),
    )
