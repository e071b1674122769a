"""Views drawn on a GPU: what they should be, as often as on the processor, and the same for the same step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssn.training import crops as module
from ssn.training.ahead import Ahead
from ssn.training.augment import ViewRanges, as_they_are
from ssn.training.crops import Crops
from ssn.training.distill.batch import Batches as DistillBatches
from ssn.training.distill.targets import Targets
from ssn.training.occluders import OCCLUDERS
from ssn.training.search.batches import Batches
from ssn.training.visibility.recipe import VisibilityConfig, draw_batch
from tests.gpu.comparison import CPU
from tests.training.drawn_crops import CONFIG, drawn_crops
from tests.training.toys import Toys, toy_recipe

pytestmark = pytest.mark.gpu


def distilled(where: torch.device, occluders: str = "many", occluded: float = 0.5) -> DistillBatches:
    faces, views = drawn_crops(), ViewRanges(occluders=occluders, occluded=occluded)
    config = replace(CONFIG, batch=64, partners=16, views=views, sizes=((64, 1.0),))
    return DistillBatches(faces, Targets(faces, 0.4), config, Crops(faces.pixels, where))


@pytest.mark.parametrize("occluders", OCCLUDERS)
def test_views_of_the_distillation(occluders, device):
    here, there = distilled(CPU, occluders), distilled(device, occluders)
    views, target = there(3)
    assert views.shape == (64, 1, 64, 64)
    assert views.dtype == torch.float32
    assert views.device.type == target.device.type == device.type
    assert 0 <= float(views.min()) < 0.1
    assert 0.9 < float(views.max()) <= 1
    assert torch.equal(target.cpu(), here(3)[1])  # faces are chosen alike, whatever draws them
    drawn, other = (torch.cat([supply(step)[0].cpu() for step in range(4)]) for supply in (there, here))
    assert float(drawn.mean()) == pytest.approx(float(other.mean()), abs=0.06)
    assert float(drawn.std()) == pytest.approx(float(other.std()), abs=0.03)
    assert torch.equal(views, there(3)[0])
    assert not torch.equal(views, there(4)[0])


def test_as_much_is_hidden_as_on_the_processor(device):
    """Of black rectangles on faces that are not black: of 512 views about half, over as much of each."""
    shares = []
    for where in (CPU, device):
        supply = distilled(where, "rectangle")
        black = torch.cat([(supply(step)[0] == 0).float().mean(dim=(1, 2, 3)).cpu() for step in range(8)])
        shares.append((float((black > 0.02).float().mean()), float(black.mean())))
    assert shares[1][0] == pytest.approx(shares[0][0], abs=0.12)
    assert shares[1][1] == pytest.approx(shares[0][1], abs=0.04)


def test_micro_batches(device):
    toys = Toys(toy_recipe("ssn"))
    config = replace(toys.recipe.batches, told=1.0)
    crops = Crops(toys.faces.pixels, device)
    supplies = [Batches(toys.faces, toys.people, np.arange(48), config, 0, 1, each) for each in (None, crops)]
    masked = 0
    for part in range(config.micros):
        here, there = (supply.micro(1, part) for supply in supplies)
        assert there.views.shape == here.views.shape == (4, 1, 32, 32)
        assert there.views.device.type == device.type
        assert torch.equal(here.places, there.places.cpu())
        assert torch.equal(here.branch, there.branch.cpu())
        assert (here.mask is None) == (there.mask is None)
        assert 0 <= float(there.views.min()) <= float(there.views.max()) <= 1
        if there.mask is not None:
            masked += 1
            assert there.mask.device.type == device.type
            assert bool((there.views[there.mask.bool()] == 0).all())
        assert torch.equal(there.views, supplies[1].micro(1, part).views)
    assert masked


def test_covers_for_the_visibility_network(device):
    config, rows = VisibilityConfig(batch=64), np.arange(20)
    pixels = drawn_crops().pixels
    here, there = Crops(pixels), Crops(pixels, device)
    views, hidden = draw_batch(there, rows, config, 5)
    assert views.shape == hidden.shape == (64, 1, 64, 64)
    assert views.device.type == hidden.device.type == device.type
    for drawn in (views, hidden):
        assert 0 <= float(drawn.min()) <= float(drawn.max()) <= 1
    for what in range(2):
        means = [
            np.mean([float(draw_batch(crops, rows, config, step)[what].mean()) for step in range(4)])
            for crops in (here, there)
        ]
        assert means[1] == pytest.approx(means[0], abs=0.06)
    again = draw_batch(there, rows, config, 5)
    assert torch.equal(views, again[0])
    assert torch.equal(hidden, again[1])


def test_still_views_do_not_depend_on_the_device(device):
    pixels, rows = drawn_crops().pixels, np.array([3, 0, 3])
    here, there = (as_they_are(Crops(pixels, where).at(rows), 96) for where in (CPU, device))
    assert there.device.type == device.type
    assert torch.allclose(here, there.cpu(), atol=1e-5)


def test_what_does_not_fit_is_sent_and_what_is_drawn_ahead_is_the_same(device, monkeypatch):
    plain = [distilled(device)(step)[0] for step in range(4)]
    supply = distilled(device)
    ahead = Ahead(supply, device)
    for step in (0, 1, 2, 3, 1):
        assert torch.equal(ahead.take(step)[0], plain[step])
    ahead.close()
    if device.type == "cuda":
        assert supply.crops._there is not None
    monkeypatch.setattr(module, "SHARE", 0.0)
    sent = distilled(device)
    assert torch.equal(sent(2)[0], plain[2])
    assert sent.crops._there is None
