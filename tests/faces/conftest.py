"""A picture whose every turn and flip shows."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
    """(6, 4, 3): no two pixels alike, so that every turn and flip shows."""
    return np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3) * 3
