"""Bit depth: what counts as white in pictures of more than 8 bits, as infrared cameras give them.

A file says that its values have 16 bits; the sensor behind it gave 10, 12 or 14. The depth is read off the brightest
pixels, without the few that are hot and without lines (dead columns and rows, counters and dates that a camera writes
into a frame), and is the smallest that holds them.
"""

from __future__ import annotations

import cv2
import numpy as np

from ssn.errors import NotAnImageError
from ssn.faces.levels import replaced

DEPTHS = (8, 10, 12, 14, 16)
HOT = 0.001
"""Share of the pixels that may lie beyond white: hot pixels, reflexes."""
LINES = 0.05
"""Share of the pixels that may lie beyond white where they are lines or single pixels: what is as thin as that is no
light that a lens has let through."""
THICKEST = 5
"""Pixels: the side of the square whose median is looked at. Lines of two fall out."""


def white_of(bits: int) -> float:
    """Largest value of ``bits`` bits. Raises NotAnImageError outside 8 to 16."""
    if not DEPTHS[0] <= bits <= DEPTHS[-1]:
        raise NotAnImageError(f"No picture has {bits} bits.", f"Say {DEPTHS[0]} to {DEPTHS[-1]}.")
    return float(2**bits - 1)


def _checked(array: np.ndarray) -> np.ndarray:
    """Of values that are no numbers so many may be there as pixels may be hot: dead ones, which are black."""
    if array.dtype.kind in "ui":
        return array
    numbers = np.isfinite(array)
    if not numbers.all():
        if (~numbers).mean() > HOT:
            raise NotAnImageError("The picture holds values that are no numbers.", "Export it as 8 or 16 bit.")
        return np.where(numbers, array, max(0.0, float(array[numbers].min())))
    return array


def guessed_white(array: np.ndarray) -> float:
    """Values of any integer or float type → white: that of the smallest depth holding all but a share of ``HOT``, and
    all but lines and single pixels; for floats [0, 1] comes first. Beyond 16 bits it is the brightest value itself.
    Raises NotAnImageError for values that are no numbers."""
    values = _checked(array)
    whites = [white_of(bits) for bits in DEPTHS]
    if array.dtype.kind not in "ui":
        whites.insert(0, 1.0)

    def smallest(top: float) -> float:
        return next((white for white in whites if top <= white), top)

    white = smallest(_highest(values, HOT))
    if array.ndim == 1 or smallest(_highest(values, LINES)) == white:
        return white
    left = smallest(_highest(_without_lines(values), HOT))
    return left if left in whites or left < white / 2 else white


def _highest(values: np.ndarray, beyond: float) -> float:
    """The highest of the values but for that share."""
    place = values.size - 1 - int(beyond * values.size)
    return float(np.partition(values, place, axis=None)[place])


def _without_lines(values: np.ndarray) -> np.ndarray:
    """A picture (H, W) or (H, W, C) without what is thinner than three pixels, and without its edge."""
    most = np.finfo(np.float32).max
    fit = values if values.dtype == np.uint16 else np.clip(values, -most, most).astype(np.float32)
    edge = THICKEST // 2
    inner = cv2.medianBlur(fit, THICKEST)[edge:-edge, edge:-edge]
    return inner if inner.size else values


def to_eight_bits(array: np.ndarray, white: float) -> np.ndarray:
    """Values in [0, ``white``] → uint8; what lies beyond white is white. With values below 0 no such range is meant,
    and the array's own is stretched, but for hot and cold pixels."""
    if array.dtype == np.uint16:  # by a table, which takes little memory beside a large picture
        return replaced(array, to_eight_bits(np.arange(2**16), white))
    values = _checked(array).astype(np.float64)
    if values.min() < 0:
        low, top = -_highest(-values, HOT), _highest(values, HOT)
        if low < 0:
            levels = (np.clip(values, low, top) - low) * (255.0 / max(top - low, 1e-12))
            return np.round(levels).astype(np.uint8)
    return np.round(np.clip(values, 0, white) * (255.0 / white)).astype(np.uint8)
