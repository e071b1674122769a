"""Bit depth: what counts as white in pictures of more than 8 bits, as infrared cameras give them.

A file says that its values have 16 bits; the sensor behind it gave 10, 12 or 14. The depth is read off the brightest
pixels, without the few that are hot, and is the smallest that holds them.
"""

from __future__ import annotations

import numpy as np

from ssn.errors import NotAnImageError
from ssn.faces.levels import replaced

DEPTHS = (8, 10, 12, 14, 16)
HOT = 0.001
"""Share of the pixels that may lie beyond white: hot pixels, reflexes."""


def white_of(bits: int) -> float:
    """Largest value of ``bits`` bits. Raises NotAnImageError outside 8 to 16."""
    if not DEPTHS[0] <= bits <= DEPTHS[-1]:
        raise NotAnImageError(f"No picture has {bits} bits.", f"Say {DEPTHS[0]} to {DEPTHS[-1]}.")
    return float(2**bits - 1)


def _checked(array: np.ndarray) -> np.ndarray:
    if not np.isfinite(array).all():
        raise NotAnImageError("The picture holds values that are no numbers.", "Export it as 8 or 16 bit.")
    return array


def guessed_white(array: np.ndarray) -> float:
    """Values of any integer or float type → white: that of the smallest depth holding all but a share of ``HOT``; for
    floats [0, 1] comes first. Beyond 16 bits it is the brightest value itself. Raises NotAnImageError for values that
    are no numbers."""
    beyond = int(HOT * array.size)
    place = array.size - 1 - beyond
    top = float(np.partition(_checked(array), place, axis=None)[place])
    whites = [white_of(bits) for bits in DEPTHS]
    if array.dtype.kind not in "ui":
        whites.insert(0, 1.0)
    return next((white for white in whites if top <= white), top)


def to_eight_bits(array: np.ndarray, white: float) -> np.ndarray:
    """Values in [0, ``white``] → uint8; what lies beyond white is white. With values below 0 no such range is meant,
    and the array's own is stretched."""
    if array.dtype == np.uint16:  # by a table, which takes little memory beside a large picture
        return replaced(array, to_eight_bits(np.arange(2**16), white))
    values = _checked(array).astype(np.float64)
    low, top = float(values.min()), float(values.max())
    if low < 0:
        return np.round((values - low) * (255.0 / max(top - low, 1e-12))).astype(np.uint8)
    return np.round(np.minimum(values, white) * (255.0 / white)).astype(np.uint8)
