"""Pictures by their levels: counted, and replaced by a table. Both go through a picture in strips, since NumPy makes
eight bytes of every value that it counts or looks something up by."""

from __future__ import annotations

import numpy as np

STRIP = 2**20
"""Values of a strip."""


def level_counts(values: np.ndarray) -> np.ndarray:
    """Values of any shape, uint8 → how many there are of each level, (256,) int64."""
    counts = np.zeros(256, np.int64)
    for part in _strips(values):
        counts += np.bincount(part, minlength=256)
    return counts


def replaced(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Values of any shape, uint8 or uint16, and a table (256,) or (65536,) → ``table[values]``."""
    out = np.empty(values.shape, table.dtype)
    for part, filled in zip(_strips(values), _strips(out), strict=True):
        filled[:] = table[part]
    return out


def _strips(values: np.ndarray):
    """The values in order, in parts (n,) of at most ``STRIP``; parts of ``values`` itself where those lie in one piece
    of memory."""
    flat = values.reshape(-1)
    return (flat[start : start + STRIP] for start in range(0, flat.size, STRIP))
