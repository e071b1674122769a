"""Indicators that are sums of few numbers, and rows that learn only a part."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from ssn.training.search.algorithm1 import Search
from ssn.training.search.finetune import Finetune
from ssn.training.search.pipeline import as_learned
from ssn.training.search.tied import PLACES, TiedIndicators
from tests.training.search.test_algorithm1 import same, values
from tests.training.toys import Toys, toy_recipe


def indicators() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(2, c, side, side)) for c, side in ((3, 32), (5, 16))]


@pytest.mark.parametrize("place", [True, False])
def test_the_gradient_of_what_m_is_made_of_is_that_of_a_finite_difference(place):
    m = indicators()
    tied = TiedIndicators(m, place).double()
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in m]
    gradients = tied.pulled_back(weights)
    assert len(gradients) == (4 if place else 2)
    loss = lambda: sum((w * own).sum() for w, own in zip(weights, tied.maps(), strict=True))  # noqa: E731
    for parameter, gradient in zip(tied.parameters(), gradients, strict=True):
        for at in range(0, parameter.numel(), 7):
            before = loss().item()
            with torch.no_grad():
                parameter.view(-1)[at] += 1.0
            assert loss().item() - before == pytest.approx(gradient.reshape(-1)[at].item(), abs=1e-9)
            with torch.no_grad():
                parameter.view(-1)[at] -= 1.0


def test_m_is_one_number_a_channel_and_a_map_that_all_channels_share():
    m = indicators()
    tied = TiedIndicators(m)
    with torch.no_grad():
        for parameter in tied.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(parameter.numel()))
    tied.write(m)
    for number, own in enumerate(m):
        apart = own - 1 - tied.channels[number]
        assert torch.allclose(apart, apart[:, :1].expand_as(apart), atol=1e-5), "the same places in every channel"
        cells = F.adaptive_avg_pool2d(apart[:, :1], PLACES)
        assert torch.corrcoef(torch.stack([cells.flatten(), tied.places[number].flatten()]))[0, 1] > 0.9


@pytest.mark.parametrize("name", ["si-tied", "si-channel", "ssn-tied"])
def test_a_tied_search_moves_m_by_its_parts_alone_and_resumes_with_them(name):
    toys = Toys(toy_recipe(name, indicator_rate=0.05))
    stage = toys.make(Search)
    for _ in range(2):
        stage.step()
        stage.step_number += 1
    for block in toys.objective.network.selection:
        m = block.indicators
        assert bool((m != 1).any())
        over_places = (m - m.mean(dim=(2, 3), keepdim=True)).abs().amax()
        assert (over_places > 1e-6) == (name != "si-channel")
        assert torch.equal(m[0], m[1]) == (name != "ssn-tied")
    kept = {key: value.clone() for key, value in toys.objective.state_dict().items()}
    assert any(key.startswith("tied.channels") for key in kept)
    again = Toys(toy_recipe(name, indicator_rate=0.05))
    again.objective.load_state_dict(kept)
    assert same(values(again.objective.tied.parameters()), values(toys.objective.tied.parameters()))


@pytest.mark.parametrize("name", ["m-alone", "m-alone-unmasked"])
def test_of_a_frozen_network_m_alone_learns_in_both_stages(name):
    toys = Toys(toy_recipe(name))
    network = toys.objective.network
    for kind in (Search, Finetune):
        before = values(network.backbone.parameters()), [b.indicators.detach().clone() for b in network.selection]
        stage = toys.make(kind)
        stage.step()
        assert same(before[0], network.backbone.parameters())
        assert not same(before[1], [b.indicators for b in network.selection])


def test_unmasked_rows_see_no_mask_and_the_slow_row_has_the_papers_rate():
    recipe = toy_recipe("si-unmasked")
    assert as_learned(recipe).batches.mode == "complete"
    stage = Toys(as_learned(recipe)).make(Search)
    assert all(micro.mask is None for micro in stage.batches[3].take(0, range(2)))
    slow = as_learned(dataclasses.replace(recipe, variant="light-cnn-slow"))
    assert (slow.rates.network, slow.rates.of("classifier")) == (1e-4, 1e-4)
    assert slow.batches.mode == "partial"
    assert as_learned(toy_recipe("ssn")) == toy_recipe("ssn")
