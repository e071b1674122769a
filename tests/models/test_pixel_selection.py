"""The pixel selection block against equation (4), and the network around it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ssn.models.card import ModelCard
from ssn.models.checkpoint import build_network
from ssn.models.light_cnn import BLOCK_SHAPES, LightCNN29V2
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.models.pixel_selection import BRANCHES, PixelSelection
from ssn.training.distill.network import initialise


@pytest.fixture(scope="module")
def network() -> SaliencySearchNetwork:
    """Random weights, and random indicators that differ between the branches."""
    made = SaliencySearchNetwork()
    generator = torch.Generator().manual_seed(0)
    initialise(made.backbone, generator)
    with torch.no_grad():
        for indicators in made.indicator_parameters():
            indicators.copy_(torch.randn(indicators.shape, generator=generator))
    return made.eval()


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return torch.rand(3, 1, 128, 128, generator=torch.Generator().manual_seed(1))


def test_new_indicators_are_one_everywhere_of_full_shape_and_select_exactly_sigmoid_of_one():
    block = PixelSelection((5, 4, 3))
    assert block.indicators.shape == (2, 5, 4, 3)
    assert bool((block.indicators == 1).all())
    response = torch.randn(2, 5, 4, 3)
    expected = response * torch.sigmoid(torch.tensor(1.0))
    for branch in ([0, 0], [1, 1], [0, 1]):
        assert torch.equal(block(response, torch.tensor(branch)), expected)


def test_the_selection_is_equation_4_with_each_face_under_its_own_branch():
    block = PixelSelection((2, 3, 3))
    with torch.no_grad():
        block.indicators.copy_(torch.randn(2, 2, 3, 3))
    response, branch = torch.randn(4, 2, 3, 3), [1, 0, 0, 1]
    found = block(response, torch.tensor(branch)).detach().numpy()
    m = block.indicators.detach().numpy()
    for i, b in enumerate(branch):
        assert np.allclose(found[i], response[i].numpy() / (1 + np.exp(-m[b])), atol=1e-6)


@pytest.mark.parametrize("branch", [0, 1])
def test_the_indicators_of_one_branch_get_no_gradient_from_the_other(branch):
    block = PixelSelection((2, 3, 3))
    block(torch.rand(2, 2, 3, 3) + 0.1, torch.full((2,), branch)).sum().backward()
    assert bool((block.indicators.grad[1 - branch] == 0).all())
    assert bool((block.indicators.grad[branch] > 0).all())


def test_a_mixed_batch_sends_each_branch_the_gradient_of_its_own_faces():
    block, response = PixelSelection((1, 2, 2)), torch.rand(3, 1, 2, 2)
    block(response, torch.tensor([0, 1, 1])).sum().backward()
    slope = torch.sigmoid(torch.tensor(1.0)) * (1 - torch.sigmoid(torch.tensor(1.0)))
    assert torch.allclose(block.indicators.grad[0], response[0] * slope)
    assert torch.allclose(block.indicators.grad[1], response[1:].sum(0) * slope)


def test_a_map_of_another_size_is_refused():
    with pytest.raises(RuntimeError):
        PixelSelection((2, 4, 4))(torch.zeros(1, 2, 3, 3), torch.tensor([0]))


def test_a_batch_of_both_branches_answers_as_its_faces_one_by_one(network, faces):
    branch = branch_indices(["nir", "vis", "nir"])
    with torch.no_grad():
        together = network(faces, branch)
        alone = torch.cat([network(faces[i : i + 1], branch[i : i + 1]) for i in range(3)])
        other = network(faces, 1 - branch)
    assert torch.allclose(together, alone, atol=1e-5)
    assert (together - other).abs().max() > 0.01, "the branches must differ for this to mean anything"


def test_trace_equals_forward_and_its_parts_fit_together(network, faces):
    branch = branch_indices(["vis", "nir", "nir"])
    with torch.no_grad():
        embedding, traces = network.trace(faces, branch)
        assert torch.equal(embedding, network(faces, branch))
    assert [tuple(trace.output.shape[1:]) for trace in traces] == list(BLOCK_SHAPES)
    for number, trace in enumerate(traces):
        sigma = torch.sigmoid(network.selection[number].indicators)[branch]
        assert torch.equal(trace.indicator, sigma)
        assert torch.allclose(trace.selected, sigma * trace.output)


def test_a_network_without_selection_is_its_backbone(network, faces):
    plain = SaliencySearchNetwork(network.backbone, selection=False)
    branch = branch_indices(["vis"] * 3)
    with torch.no_grad():
        embedding, traces = plain.trace(faces, branch)
        assert torch.equal(embedding, network.backbone(faces))
    assert all(trace.indicator is None and trace.selected is trace.output for trace in traces)
    assert plain.indicator_parameters() == []


def test_a_backbone_alone_answers_under_new_indicators_as_it_did_alone(faces):
    backbone = LightCNN29V2()
    initialise(backbone, torch.Generator().manual_seed(4))
    with torch.no_grad():  # biases too, since the division must leave them alone
        for name, parameter in backbone.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(5))
    before = {f"backbone.{k}": v.clone() for k, v in backbone.state_dict().items()}
    tensors = dict(before)
    network = build_network(tensors, ModelCard("any"))
    with torch.no_grad():
        expected = backbone(faces)
        for name in BRANCHES:
            assert torch.allclose(network(faces, branch_indices([name] * 3)), expected, rtol=1e-4, atol=1e-4)
    assert all(bool((m == 1).all()) for m in network.indicator_parameters())
    assert all(torch.equal(tensors[k], before[k]) for k in before), "the caller's tensors must stay as they were"


def test_indicators_and_weights_are_two_disjoint_sets_that_make_the_whole(network):
    indicators = {id(p) for p in network.indicator_parameters()}
    weights = {id(p) for p in network.weight_parameters()}
    assert len(indicators) == 4
    assert not indicators & weights
    assert indicators | weights == {id(p) for p in network.parameters()}
    assert sum(p.numel() for p in network.indicator_parameters()) == 2 * 376_832


def test_branch_names_become_indices_and_unknown_ones_are_refused():
    assert branch_indices(["nir", "vis", "nir"]).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="not in"):
        branch_indices(["thermal"])


def test_the_selection_is_part_of_the_state_dict():
    module: nn.Module = SaliencySearchNetwork()
    assert {f"selection.{i}.indicators" for i in range(4)} <= set(module.state_dict())
