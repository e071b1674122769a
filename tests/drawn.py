"""Things drawn for the tests: nobody's face."""

from __future__ import annotations

import numpy as np


def mean_landmarks() -> np.ndarray:
    """68 points of a plausible upright face on a 128×128 crop, (x, y): drawn by hand, exact in no way but in order."""
    jaw = [(18 + 92 * i / 16, 44 + 70 * (1 - ((i - 8) / 8) ** 2) ** 0.7) for i in range(17)]
    brows = [(26 + 7 * i, 30 - 4 * (1 - abs(i - 2) / 2)) for i in range(5)]
    brows += [(74 + 7 * i, 30 - 4 * (1 - abs(i - 2) / 2)) for i in range(5)]
    nose = [(64, 42 + 7 * i) for i in range(4)] + [(56 + 4 * i, 69 + (i == 2)) for i in range(5)]
    eye = np.array([(-8, 0), (-4, -3), (4, -3), (8, 0), (4, 3), (-4, 3)], float)
    eyes = [tuple(p) for x in (44, 84) for p in np.add(eye, (x, 40))]
    angles = np.linspace(np.pi, 3 * np.pi, 12, endpoint=False)
    mouth = [(64 + 18 * np.cos(a), 88 + 7 * np.sin(a)) for a in angles]
    inner = [(64 + 12 * np.cos(a), 88 + 3 * np.sin(a)) for a in np.linspace(np.pi, 3 * np.pi, 8, endpoint=False)]
    return np.array(jaw + brows + nose + eyes + mouth + inner, dtype=float)
