"""What is read off the blocks, on traces made by hand and on a network."""

import numpy as np
import pytest
import torch

from ssn.errors import ExplanationError
from ssn.models.block_maps import block_maps, energy_share, inside_and_outside, seen_through, shift
from ssn.models.network import BlockTrace


@pytest.fixture
def trace() -> BlockTrace:
    """Two faces, three channels of 4×4 with energies 16, 0 and 48; the second face is empty."""
    selected = torch.zeros(2, 3, 4, 4)
    selected[0, 0], selected[0, 2] = -1.0, 3.0
    indicator = torch.full((2, 3, 4, 4), 0.5)
    return BlockTrace(indicator, selected / 0.5, selected)


def test_energy_within_a_mask(trace):
    block = block_maps([trace])[0]
    mask = np.zeros((128, 128), bool)
    mask[:, :32] = True
    assert energy_share(block, mask) == pytest.approx(0.25)
    assert energy_share(block, ~mask) == pytest.approx(0.75)
    mask[:, :16] = False  # half of the first column of places
    assert energy_share(block, mask) == pytest.approx(0.125)
    assert energy_share(block_maps([trace], face=1)[0], mask) == 0.0
    with pytest.raises(ExplanationError):
        energy_share(block, mask[None])


def test_means_within_a_mask_and_without():
    values = np.array([[1.0, 3.0], [5.0, 9.0]])
    mask = np.zeros((4, 4), bool)
    mask[:, :2] = True
    assert inside_and_outside(values, mask) == pytest.approx((3.0, 6.0))
    mask[:, 2] = True  # half of the right places too
    assert inside_and_outside(values, mask) == pytest.approx(((1 + 5 + 1.5 + 4.5) / 3, 6.0))
    for nothing in (np.zeros((4, 4)), np.ones((4, 4))):
        with pytest.raises(ExplanationError, match="inside"):
            inside_and_outside(values, nothing)


def test_shift_is_occluded_minus_complete(trace):
    complete, occluded = (block_maps([trace], face)[0] for face in (0, 1))
    assert (shift(occluded, complete) < 0).all()


def test_saliency_is_the_indicator_times_the_mean_visibility_of_its_pixels():
    rng = np.random.default_rng(3)
    indicator, visibility = rng.random((16, 16)).astype(np.float32), rng.random((128, 128)).astype(np.float32)
    seen = seen_through(indicator, visibility)
    for row in range(16):
        for column in range(16):
            part = visibility[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            assert seen[row, column] == pytest.approx(indicator[row, column] * part.mean(), abs=1e-5)
