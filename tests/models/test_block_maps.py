"""What is read off the blocks, on traces made by hand and on a network."""

import numpy as np
import pytest
import torch

from ssn.errors import ExplanationError
from ssn.faces.parts import REGIONS, region_labels, region_sums
from ssn.models.block_maps import (
    block_maps,
    energy_by_region,
    energy_share,
    indicator_pairs,
    inside_and_outside,
    shift,
    strongest_channels,
)
from ssn.models.network import BlockTrace, SaliencySearchNetwork
from tests.explanation.toys import light_cnn, plain_landmarks


@pytest.fixture
def trace() -> BlockTrace:
    """Two faces, three channels of 4×4 with energies 16, 0 and 48; the second face is empty."""
    selected = torch.zeros(2, 3, 4, 4)
    selected[0, 0], selected[0, 2] = -1.0, 3.0
    indicator = torch.full((2, 3, 4, 4), 0.5)
    return BlockTrace(indicator, selected / 0.5, selected)


def test_the_strongest_channels_come_first(trace):
    first, second = strongest_channels(trace, count=2)
    assert (first.channel, second.channel) == (2, 0)
    assert (first.share, second.share) == (pytest.approx(0.75), pytest.approx(0.25))
    assert (second.selected == -1).all()
    assert (first.indicator == 0.5).all()
    assert len(strongest_channels(trace, count=99)) == 3
    assert all(channel.share == 0 for channel in strongest_channels(trace, face=1))


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


def test_the_regions_share_the_energy_out(trace):
    shares = energy_by_region(block_maps([trace])[0], region_labels(plain_landmarks()))
    assert list(shares) == list(REGIONS)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_shift_is_occluded_minus_complete(trace):
    complete, occluded = (block_maps([trace], face)[0] for face in (0, 1))
    assert (shift(occluded, complete) < 0).all()


def test_indicators_side_by_side():
    network = light_cnn()
    pairs = indicator_pairs(network)
    assert [p.number for p in pairs] == [1, 2, 3, 4]
    assert [p.nir.shape for p in pairs] == [(64, 64), (32, 32), (16, 16), (16, 16)]
    wanted = torch.sigmoid(network.selection[1].indicators).mean(dim=1).detach().numpy()
    np.testing.assert_allclose(pairs[1].nir, wanted[0], rtol=1e-6)
    np.testing.assert_allclose(pairs[1].difference, wanted[0] - wanted[1], atol=1e-6)
    assert all(p.distance > 0.1 for p in pairs)
    with pytest.raises(ExplanationError, match="no pixel selection"):
        indicator_pairs(SaliencySearchNetwork(selection=False))


def test_regions_lie_where_their_landmarks_are():
    landmarks = plain_landmarks()
    labels = region_labels(landmarks)
    at = lambda point: REGIONS[labels[round(point[1]), round(point[0])]]  # noqa: E731
    assert at(landmarks[36:42].mean(axis=0)) == "eyes"
    assert at(landmarks[42:48].mean(axis=0)) == "eyes"
    assert at(landmarks[19]) == "brows"
    assert at(landmarks[30]) == "nose"
    assert at(landmarks[48:60].mean(axis=0)) == "mouth"
    assert at(landmarks[8] - [0, 6]) == "jaw"
    assert at([64, 14]) == "forehead"
    assert at([34, 64]) == "cheeks"
    assert at([2, 2]) == "around"
    assert sum(region_sums(np.ones((128, 128)), labels).values()) == 128 * 128


def test_regions_are_as_symmetric_as_the_face():
    labels = region_labels(plain_landmarks())
    assert (labels[:, 1:] == labels[:, 1:][:, ::-1]).mean() > 0.98
