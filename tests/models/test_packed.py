"""Networks made ready for many passes, beside the networks they were made of."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ssn.models.network import SaliencySearchNetwork
from ssn.models.packed import PackedConvolution, ReadyNetworks, ready
from ssn.training.distill.network import initialise


def drawn(adaptive: bool) -> SaliencySearchNetwork:
    """Random weights, indicators and corrections."""
    network, generator = SaliencySearchNetwork(adaptive=adaptive), torch.Generator().manual_seed(0)
    initialise(network.backbone, generator)
    with torch.no_grad():
        for parameter in network.indicator_parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network.to(memory_format=torch.channels_last).eval()


@pytest.fixture(scope="module", params=[False, True], ids=["pixel", "adaptive"])
def network(request) -> SaliencySearchNetwork:
    return drawn(request.param)


def faces(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    gray = torch.rand(count, 1, 128, 128, generator=torch.Generator().manual_seed(1))
    return gray.to(memory_format=torch.channels_last), torch.arange(count) % 2


@torch.inference_mode()
def test_in_float32_the_copy_answers_as_its_original_whatever_came_first(network):
    made = ready(network, torch.float32)
    for count in (1, 3, 2):
        expected, traces = network.trace(*faces(count))
        answer, own = made.trace(*faces(count))
        assert torch.allclose(answer, expected, rtol=1e-4, atol=1e-4)
        for one, other in zip(own, traces, strict=True):
            assert torch.allclose(one.selected, other.selected, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_in_bfloat16_it_answers_as_the_original_within_autocast(network):
    made = ready(network, torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        answer, expected = made(*faces(2)), network(*faces(2))
    assert torch.cosine_similarity(answer.float(), expected.float()).min() > 0.999
    assert torch.cosine_similarity(answer.float(), network(*faces(2))).min() > 0.9995


@torch.inference_mode()
def test_in_bfloat16_half_a_gray_level_still_counts(network):
    made = ready(network, torch.bfloat16)
    levels = torch.tensor([200.0, 200.3]).view(2, 1, 1, 1) / 255
    assert levels[0].bfloat16() == levels[1].bfloat16(), "or there is nothing to tell apart"
    with torch.autocast("cpu", dtype=torch.bfloat16):
        dark, bright = made.backbone.conv1(levels.expand(2, 1, 128, 128))
    assert (bright - dark).abs().max() > 0


@torch.no_grad()
def test_it_is_made_again_where_the_weights_have_changed():
    network = drawn(adaptive=False)
    copies = ReadyNetworks(network)
    before = copies.of(torch.float32)
    first = before(*faces(1))
    assert copies.of(torch.float32) is before
    network.backbone.fc.weight.mul_(2)
    next(iter(network.backbone.stages()))[0][0].conv1.filter.weight.mul_(0.5)
    changed = copies.of(torch.float32)(*faces(1))
    assert torch.allclose(changed, network(*faces(1)), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(changed, first, atol=1e-3)


def test_the_original_keeps_its_layers_and_the_copy_shares_its_other_weights():
    network = drawn(adaptive=False)
    made = ready(network, torch.float32)
    assert not any(isinstance(module, PackedConvolution) for module in network.modules())
    assert any(isinstance(module, PackedConvolution) for module in made.modules())
    assert made.backbone.fc.weight is network.backbone.fc.weight
    assert made.selections()[0].indicators is network.selections()[0].indicators


@torch.inference_mode()
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Conv2d(4, 8, 3, stride=2, dilation=2, groups=2, bias=False),
        nn.Conv2d(1, 4, 5, padding=(2, 0)),
    ],
)
def test_a_packed_convolution_is_the_convolution(layer):
    packed = PackedConvolution(copy.deepcopy(layer), torch.float32)
    for size in ((2, layer.in_channels, 24, 20), (1, layer.in_channels, 40, 32)):
        x = torch.rand(size)
        assert torch.allclose(packed(x), layer(x), atol=1e-5)


def test_layers_that_cannot_be_packed_are_left():
    assert not PackedConvolution.possible(nn.Conv2d(2, 2, 3, padding="same"))
    assert not PackedConvolution.possible(nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"))
