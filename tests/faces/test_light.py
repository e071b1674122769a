"""Light ranges against NumPy's percentiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.faces.light import DARK, is_dark, light_range, stretched


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_the_range_is_that_of_the_percentiles(height, width, one_end, other_end, seed):
    low, high = sorted((one_end, other_end))
    image = np.random.default_rng(seed).integers(low, high + 1, (height, width, 3)).astype(np.uint8)
    expected = np.percentile(image.max(axis=2), [1.0, 99.5])
    assert light_range(image) == pytest.approx(tuple(expected), abs=1e-9)


def test_a_turned_view_of_a_picture_has_its_range():
    image = np.random.default_rng(0).integers(0, 256, (30, 20, 3)).astype(np.uint8)
    assert light_range(np.rot90(image)) == light_range(image)


def test_a_picture_is_dark_where_its_light_ends_below_a_quarter():
    image = np.zeros((20, 50, 3), np.uint8)
    image[:, :25] = int(DARK) - 1
    assert is_dark(image)
    image[0, :6, 1] = 255  # 6 of 1000 pixels: more than half a percent
    assert not is_dark(image)


def test_stretching_fills_the_range_and_leaves_a_flat_picture_alone():
    ramp = np.repeat(np.linspace(10, 50, 64).astype(np.uint8)[None, :, None], 3, axis=2)
    bright = stretched(np.repeat(ramp, 64, axis=0))
    assert bright is not None
    assert (bright.min(), bright.max()) == (0, 255)
    assert stretched(np.full((8, 8, 3), 40, np.uint8)) is None


def test_a_picture_that_fills_the_range_already_needs_no_second_look():
    image = np.zeros((20, 50, 3), np.uint8)
    image[:, 25:] = 255
    assert stretched(image) is None
