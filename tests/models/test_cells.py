"""The last layer by cells, against the plain network and against a loop over cells."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssn.models.cells import CELLS, CellLayer, cell_weights
from ssn.models.light_cnn import LightCNN29V1, LightCNN29V2
from ssn.models.network import SaliencySearchNetwork, branch_indices


@pytest.fixture(scope="module", params=[LightCNN29V2, LightCNN29V1], ids=["v2", "v1"])
def backbone(request):
    """Random weights and a bias that counts."""
    torch.manual_seed(5)
    made = request.param()
    layer = made.fc if isinstance(made.fc, torch.nn.Linear) else made.fc.filter
    torch.nn.init.normal_(layer.bias, std=0.3)
    return made.eval()


def layer_of(backbone) -> CellLayer:
    found = CellLayer.of(backbone)
    assert found is not None
    return found


def test_where_everything_is_seen_the_parts_give_the_plain_embedding(backbone):
    gray = torch.rand(2, 1, 128, 128)
    network = SaliencySearchNetwork(backbone)
    with torch.no_grad():
        plain = network(gray, branch_indices(["nir", "vis"]))
        maps = network.last_map(gray, branch_indices(["nir", "vis"]))
        layer = layer_of(backbone)
        mean = layer.parts(torch.rand(128, 8, 8))
        found = layer.embedding(layer.parts(maps).sum(dim=1) + layer.rest(torch.ones(CELLS), mean))
    assert torch.allclose(found, plain, atol=1e-5)


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_what_is_not_seen_is_the_mean_face_in_front_of_the_last_layer(backbone, seed):
    generator = torch.Generator().manual_seed(seed)
    face, mean = (torch.randn(128, 8, 8, generator=generator) for _ in range(2))
    weights = torch.rand(8, 8, generator=generator).round(decimals=1)
    blended = torch.zeros(128, 8, 8)
    for y in range(8):
        for x in range(8):
            blended[:, y, x] = mean[:, y, x] + weights[y, x] * (face[:, y, x] - mean[:, y, x])
    layer = layer_of(backbone)
    with torch.no_grad():
        expected = backbone.embed(blended[None])[0]
        sums = weights.flatten() @ layer.parts(face) + layer.rest(weights.flatten(), layer.parts(mean))
    assert torch.allclose(layer.embedding(sums), expected, atol=2e-5)


def test_what_counts_of_the_parts_adds_up_to_the_embedding(backbone):
    layer = layer_of(backbone)
    parts = layer.parts(torch.randn(3, 128, 8, 8))
    sums = parts.sum(dim=1) + layer.bias
    counted = layer.counted(parts, sums[:, None].expand_as(parts)).sum(dim=1) + layer.counted(
        layer.bias.expand_as(sums), sums
    )
    assert torch.allclose(counted, layer.embedding(sums), atol=1e-5)


def test_a_cell_is_seen_as_much_as_its_pixels():
    visibility = torch.rand(2, 128, 128)
    weights = cell_weights(visibility)
    assert weights.shape == (2, CELLS)
    for row, column in ((0, 0), (3, 5), (7, 7)):
        patch = visibility[:, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
        assert torch.allclose(weights[:, 8 * row + column], patch.mean(dim=(1, 2)), atol=1e-6)


def test_a_maximum_needs_every_view_and_an_unknown_backbone_has_no_cells(backbone):
    assert layer_of(backbone).views == (2 if isinstance(backbone, LightCNN29V1) else 1)

    class Other(torch.nn.Module):
        width, fc = 4, torch.nn.Linear(4, 4)

    assert CellLayer.of(Other()) is None


def test_the_weighted_sum_is_that_of_the_parts(backbone):
    layer, maps = layer_of(backbone), torch.rand(3, 128, 8, 8, generator=torch.Generator().manual_seed(2))
    weights = torch.rand(CELLS, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        one_by_one = sum(weights[cell] * layer.parts(maps)[:, cell] for cell in range(CELLS))
        assert torch.allclose(layer.weighted(maps, weights), one_by_one, atol=1e-4)
