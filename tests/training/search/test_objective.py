"""What a batch of the search holds, and what its loss is made of."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ssn.models.adaptive_selection import disturbed, undimmed
from ssn.training.search.algorithm1 import BatchGradient
from ssn.training.search.batches import Batches
from ssn.training.search.objective import Objective, total
from tests.training.toys import Toys, toy_recipe


def test_a_batch_is_worth_the_mean_of_its_micro_batches():
    toys = Toys(toy_recipe("si-split"))
    batches = Batches(toys.faces, toys.people, np.arange(len(toys.people)), toys.recipe.batches, 0, 1)
    parameters = list(toys.objective.parameters())
    found = BatchGradient(toys.objective, batches, 3, toys.team, bfloat16=False)
    gradients = found(parameters)
    terms = [toys.objective(batches.micro(3, part)) for part in range(2)]
    expected = torch.autograd.grad((total(terms[0]) + total(terms[1])) / 2, parameters)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(gradients, expected, strict=True))
    identity = [next(term.value for term in each if term.name == "identity").item() for each in terms]
    assert found.values["identity"] == pytest.approx(sum(identity) / 2)
    assert list(found.values) == [term.name for term in terms[0]]


def test_batches_hold_both_spectra_every_photo_once_an_epoch_and_masks_on_nir_alone():
    toys = Toys()
    config = dataclasses.replace(toys.recipe.batches, told=1.0)
    batches = Batches(toys.faces, toys.people, np.arange(len(toys.people)), config, 0, 1)
    epoch = np.concatenate([batches.places(i) for i in range(batches.per_epoch)])
    assert sorted(epoch) == list(range(48))
    for number in (0, batches.per_epoch):  # the spectra change over from epoch to epoch
        parts = [batches.micro(number, part) for part in range(2)]
        assert [part.branch.unique().tolist() for part in parts] == ([[0], [1]] if number == 0 else [[1], [0]])
        nir, vis = sorted(parts, key=lambda part: int(part.branch[0]))
        assert bool((nir.views[nir.mask.bool()] == 0).all())
        assert bool((nir.mask.flatten(1).mean(1) > 0.01).all())
        assert nir.told
        assert vis.mask is None
        assert not vis.told
        again = batches.micro(number, 0)
        assert torch.equal(again.views, parts[0].views)
    complete = Batches(
        toys.faces, toys.people, np.arange(48), dataclasses.replace(config, mode="complete"), 0, 1
    ).micro(0, 0)
    assert complete.mask is None
    assert bool((complete.views.amin(dim=(1, 2, 3)) > 0).all())


class Listener(torch.nn.Module):
    """A network's stand-in that writes down which masks it is told."""

    def __init__(self, network):
        super().__init__()
        self.network, self.heard, self.adaptive = network, [], network.adaptive

    def trace(self, views, branch, mask):
        self.heard.append(mask)
        return self.network.trace(views, branch, mask)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_mask_is_told_only_where_the_micro_batch_says_so(share):
    toys = Toys(toy_recipe("ssn-adaptive"))
    config = dataclasses.replace(toys.recipe.batches, told=share)
    micro = Batches(toys.faces, toys.people, np.arange(48), config, 0, 1).micro(0, 0)
    assert micro.mask is not None, "what is hidden is known, told or not"
    toys.objective.network = listener = Listener(toys.objective.network)
    toys.objective(micro)
    assert (listener.heard[0] is not None) == bool(share)


@pytest.mark.parametrize(("term", "measure"), [("dimming", undimmed), ("disturbance", disturbed)])
@pytest.mark.parametrize("name", ["ssn", "ssn-adaptive"])
def test_what_hidden_pixels_keep_and_shown_ones_lose_is_added_to_the_loss_of_an_adaptive_network(name, term, measure):
    toys = Toys(toy_recipe(name))
    micro = Batches(toys.faces, toys.people, np.arange(48), toys.recipe.batches, 0, 1).micro(0, 0)
    if name == "ssn-adaptive":
        torch.nn.init.normal_(toys.objective.network.selection[1].answer.weight)
    toys.objective.eval()
    losses = []
    for weight in (0.0, 3.0):
        config = dataclasses.replace(toys.recipe.loss, **{term: weight})
        given = toys.objective
        weighted = Objective(given.network, given.classifier, given.targets, given.variant, config, size=32).eval()
        losses.append(total(weighted(micro)).item())
    told = micro.mask if micro.told else None
    traces = toys.objective.network.trace(micro.views, micro.branch, told)[1]
    expected = 0.0
    if name == "ssn-adaptive":
        expected = 3 * np.mean([measure(trace.correction, micro.mask).item() for trace in traces])
        assert expected > 0.1
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-3, abs=1e-6)
