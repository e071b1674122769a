"""Dark frames: when a picture is dark, and the brightened copy in which its faces can be seen."""

from __future__ import annotations

import numpy as np

DARK = 64.0
"""A picture is dark where 99.5 % of its pixels lie below this, of 255: a quarter of the range."""
LEAST_RANGE = 6.0
"""Gray levels that a picture must span to be worth stretching; below lies the noise of the rounding."""


def light_range(image: np.ndarray) -> tuple[float, float]:
    """Picture (H, W, 3) uint8 → the 1st and the 99.5th percentile of its brightest channel."""
    low, high = np.percentile(image.max(axis=2), [1.0, 99.5])
    return float(low), float(high)


def is_dark(image: np.ndarray) -> bool:
    """Does the picture use only the lowest quarter of the range?"""
    return light_range(image)[1] < DARK


def stretched(image: np.ndarray) -> np.ndarray | None:
    """Picture (H, W, 3) uint8 → a copy whose percentiles fill [0, 255], all channels alike; None where there is nothing
    to stretch."""
    low, high = light_range(image)
    if high - low < LEAST_RANGE:
        return None
    levels = np.clip((np.arange(256) - low) * (255.0 / (high - low)), 0, 255)
    return np.round(levels).astype(np.uint8)[image]
