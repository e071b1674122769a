"""Runs of the distillation on drawn crops, and their states side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssn.data.face_store import StoredFaces
from ssn.training import runner
from ssn.training.distill.run import Distillation, distill
from ssn.training.team import Team
from tests.training.drawn_crops import CONFIG, tiny

CPU = Team("cpu")


def make_exact(patch: pytest.MonkeyPatch) -> None:
    """Full precision, and the allocator as the other tests need it."""
    patch.setattr(runner, "has_fast_bfloat16", lambda device: False)
    patch.setattr(runner, "keep_freed_memory", lambda: False)


def finish(crops: StoredFaces, folder: Path, **options) -> Distillation:
    return distill(crops, CONFIG, folder, CPU, backbone=tiny(), progress=False, **options)


def flat(value) -> list:
    """All tensors and numbers of a nested state, in order."""
    if isinstance(value, dict):
        return [("key", key) for key in value] + [leaf for part in value.values() for leaf in flat(part)]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in flat(part)]
    return [value]


def same_state(a: dict, b: dict) -> bool:
    pairs = list(zip(flat(a), flat(b), strict=True))
    return all(torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y for x, y in pairs)
