"""RGB → gray, what the network reads: luma with the weights of ITU-R BT.601."""

from __future__ import annotations

import numpy as np
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)


def luma(rgb: np.ndarray) -> np.ndarray:
    """Pixels (…, 3) uint8 RGB → (…) float32 in [0, 1]."""
    return rgb.astype(np.float32) @ np.array(LUMA, np.float32) / 255


def to_gray(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) RGB in [0, 1] → (N, 1, H, W) luma in [0, 1], what a gray camera sees."""
    return (rgb * rgb.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
