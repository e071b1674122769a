"""Dark frames: when a picture is dark, and the brightened copy in which its faces can be seen."""

from __future__ import annotations

import numpy as np

from ssn.faces.levels import level_counts, replaced

DARK = 64.0
"""A picture is dark where 99.5 % of its pixels lie below this, of 255: a quarter of the range."""
LAMPS = 0.1
"""Share of a picture that lamps, reflexes, a window or a written date may take in the dark."""
LEAST_RANGE = 6.0
"""Gray levels that a picture must span to be worth stretching; below lies the noise of the rounding."""


def light_range(image: np.ndarray) -> tuple[float, float]:
    """Picture (H, W, 3) uint8 → the 1st and the 99.5th percentile of its brightest channel, as ``np.percentile`` has
    them, from counts of the 256 levels: nothing is sorted."""
    brightest = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    up_to = np.cumsum(level_counts(brightest))
    return _percentile(up_to, 0.01), _percentile(up_to, 0.995)


def _percentile(up_to: np.ndarray, share: float) -> float:
    """``up_to`` (256,) pixels of each level or less → the level that ``share`` of them lie below, linear between two
    pixels."""
    place = share * (int(up_to[-1]) - 1)
    first = int(place)
    below, above = (int(np.searchsorted(up_to, number, side="right")) for number in (first, first + 1))
    return below + (min(above, 255) - below) * (place - first)


def is_dark(image: np.ndarray) -> bool:
    """Does the picture use only the lowest quarter of the range?"""
    return light_range(image)[1] < DARK


def stretched(image: np.ndarray) -> np.ndarray | None:
    """Picture (H, W, 3) uint8 → a copy whose percentiles fill [0, 255], all channels alike; None where there is nothing
    to stretch."""
    return _stretched(image, *light_range(image))


def is_dark_but_for_lamps(image: np.ndarray) -> bool:
    """Does all but a share of ``LAMPS`` use only the lowest quarter of the range?"""
    return float((image.max(axis=2) >= DARK).mean()) <= LAMPS


def stretched_but_for_lamps(image: np.ndarray) -> np.ndarray | None:
    """As :func:`stretched`, by the dark part alone; what is brighter is white."""
    brightest = image.max(axis=2)
    low, high = np.percentile(brightest[brightest < DARK], [1.0, 99.5])
    return _stretched(image, float(low), float(high))


def _stretched(image: np.ndarray, low: float, high: float) -> np.ndarray | None:
    if high - low < LEAST_RANGE:
        return None
    levels = np.arange(256)
    bright = np.round(np.clip((levels - low) * (255.0 / (high - low)), 0, 255)).astype(np.uint8)
    return None if np.array_equal(bright, levels) else replaced(image, bright)
