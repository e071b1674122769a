"""Counts and tables by strips, against NumPy's in one piece."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ssn.faces import levels
from ssn.faces.levels import level_counts, replaced

SHAPES = npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9)


@given(npst.arrays(np.uint8, SHAPES), st.integers(1, 50), st.booleans())
def test_levels_are_counted_and_replaced(values, strip, turned):
    values = values.T if turned else values
    table = np.random.default_rng(0).integers(0, 256, 256).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "STRIP", strip)
        assert level_counts(values).tolist() == [int((values == level).sum()) for level in range(256)]
        assert np.array_equal(replaced(values, table), table[values])


@given(npst.arrays(np.uint16, SHAPES), st.integers(1, 50))
def test_deep_values_are_replaced(values, strip):
    table = np.arange(2**16)[::-1].astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "STRIP", strip)
        found = replaced(values, table)
    assert found.dtype == table.dtype
    assert np.array_equal(found, table[values])
