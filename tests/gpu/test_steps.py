"""One optimiser step of each stage from one batch: the same loss, and the parameters move as on the processor.

AdamW's first step is the rate times the sign of each gradient, so a gradient of rounding errors may go either way.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from ssn.machine import has_fast_bfloat16
from ssn.models.light_cnn import LightCNN29V2
from ssn.training.crops import Crops
from ssn.training.distill.network import initialise
from ssn.training.distill.run import Distillation
from ssn.training.search.algorithm1 import Search
from ssn.training.search.finetune import Finetune
from ssn.training.search.recipe import Rates
from ssn.training.team import Team
from ssn.training.visibility.recipe import VisibilityConfig, draw_batch
from ssn.training.visibility.run import VisibilityTraining
from tests.gpu.comparison import CPU, distance, flat, moved, same_terms
from tests.training.drawn_crops import CONFIG, drawn_crops, tiny
from tests.training.toys import Toys, toy_recipe

pytestmark = pytest.mark.gpu
RATES = Rates(network=1e-2)
"""High enough that a step is far above float32's rounding of the weights it is added to."""


def light_cnn() -> LightCNN29V2:
    network = LightCNN29V2()
    initialise(network, torch.Generator().manual_seed(0))
    return network


@pytest.mark.parametrize(("backbone", "batch"), [(tiny, 8), (light_cnn, 4)])
@pytest.mark.parametrize("bfloat16", [False, True])
def test_distillation(backbone, batch, bfloat16, device):
    if bfloat16 and not has_fast_bfloat16(device):
        pytest.skip("no bfloat16 units")
    faces, config = drawn_crops(), replace(CONFIG, batch=batch, sizes=((64, 1.0),), warmup=0)
    runs = [
        Distillation(faces, config, Team(where), backbone(), fast) for where, fast in ((CPU, False), (device, bfloat16))
    ]
    assert distance(*(flat(run.network.state_dict().values()) for run in runs)) < 1e-5, "where they start"
    runs[1].network.load_state_dict(runs[0].network.state_dict())
    runs[1].average = [parameter.detach().clone() for parameter in runs[1].network.parameters()]
    batch = runs[0].batches(3)
    seen: list = []
    moves = [moved(run.network.parameters, lambda run=run: seen.append(run.learn(*batch))) for run in runs]
    same_terms(*seen, tolerance=6e-2 if bfloat16 else 2e-3)
    if not bfloat16:
        assert distance(*moves) < 0.2
        assert distance(*(torch.cat([a.cpu().flatten() for a in run.average]) for run in runs)) < 1e-3


def stages(kind, recipe, device, bfloat16=False):
    """A stage here and one there, which see the same views: they are drawn here for both."""
    made = []
    for where, fast in ((CPU, False), (device, bfloat16)):
        toys = Toys(recipe)
        toys.team = Team(where)
        crops = Crops(toys.faces.pixels)
        made.append(kind(toys.objective, toys.faces, toys.people, recipe, toys.team, fast, crops))
    return made


def compare_a_step(made, tolerance: float, loss: float = 2e-3, lower: float | None = None) -> None:
    """``tolerance`` is for how far all of the objective moves, ``lower`` for the weights that SGD moves."""
    seen: list = []
    moves = [moved(stage.objective.parameters, lambda stage=stage: seen.append(stage.step())) for stage in made]
    for stage in made:
        stage.close()
    same_terms(*seen, tolerance=loss)
    assert float(moves[0].norm()) > 0
    assert distance(*moves) < tolerance
    after = [torch.cat([p.detach().cpu().flatten() for p in stage.lower]) for stage in made]
    assert distance(*after) < (lower or 1e-4)


@pytest.mark.parametrize("variant", ["ssn", "ssn-adaptive", "ssn-tied", "si"])
def test_search(variant, device):
    recipe = replace(toy_recipe(variant), rates=RATES)
    compare_a_step(stages(Search, recipe, device), 0.05)


@pytest.mark.parametrize("variant", ["ssn", "ssn-adaptive"])
def test_search_of_second_order(variant, device):
    """The finite difference multiplies rounding by 1 / 2ε, and Adam makes a whole step of it."""
    recipe = replace(toy_recipe(variant, order=2), rates=RATES)
    compare_a_step(stages(Search, recipe, device), 0.5, loss=2e-2, lower=1e-2)


@pytest.mark.parametrize("variant", ["ssn", "ssn-adaptive", "m-alone"])
def test_finetuning(variant, device):
    compare_a_step(stages(Finetune, replace(toy_recipe(variant), rates=RATES), device), 0.05)


@pytest.mark.parametrize(("order", "tolerance"), [(1, 1e-3), (2, 0.05)])
def test_the_gradient_of_the_indicators(order, tolerance, device):
    """Before Adam hides how long it is."""
    made = stages(Search, replace(toy_recipe("ssn", order=order), rates=RATES), device)
    gradients = [
        torch.cat([g.cpu().flatten() for g in stage.bilevel.gradient(stage.gradient(2, 0), stage.gradient(1, 0))])
        for stage in made
    ]
    for stage in made:
        stage.close()
    assert distance(*gradients) < tolerance


def test_search_in_bfloat16(device):
    if not has_fast_bfloat16(device):
        pytest.skip("no bfloat16 units")
    made = stages(Search, replace(toy_recipe("si"), rates=RATES), device, bfloat16=True)
    assert made[1].bfloat16
    compare_a_step(made, 1.0, loss=5e-2, lower=1e-2)
    precise = stages(Search, toy_recipe("ssn", order=2), device, bfloat16=True)[1]
    assert not precise.bfloat16


@pytest.mark.parametrize("bfloat16", [False, True])
def test_visibility(bfloat16, device):
    if bfloat16 and not has_fast_bfloat16(device):
        pytest.skip("no bfloat16 units")
    config = VisibilityConfig(views=64, batch=16, warmup=0)
    crops = Crops(drawn_crops().pixels)
    rows = torch.arange(20).numpy()
    runs = [VisibilityTraining(config, where) for where in (CPU, device)]
    runs[0].half, runs[1].half = False, bfloat16
    batch = draw_batch(crops, rows, config, 0)
    seen: list = []
    moves = [moved(run.network.parameters, lambda run=run: seen.append(run.step(*batch))) for run in runs]
    same_terms(*seen, tolerance=5e-2 if bfloat16 else 1e-3)
    if not bfloat16:
        assert distance(*moves) < 0.15


def test_a_step_makes_nobody_wait(device):
    """Whatever would have to be waited for raises an error."""
    if device.type != "cuda":
        pytest.skip("only a GPU can be waited for")
    run = Distillation(drawn_crops(), CONFIG, Team(device), tiny())
    toys = Toys(replace(toy_recipe("ssn"), rates=RATES))
    toys.team = Team(device)
    tuned = toys.make(Finetune)
    views, target = run.batches(0)
    run.learn(views, target)
    batch = tuned.batches.take(0, range(tuned.recipe.batches.micros))
    supply = copy.copy(tuned.batches)
    supply.take = lambda number, parts: batch
    tuned.step()
    tuned.close()
    tuned.batches = supply
    torch.cuda.synchronize()
    try:
        torch.cuda.set_sync_debug_mode("error")
        seen = [run.learn(views, target), tuned.step()]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(value == value for each in seen for value in each.values())
    run.close()
