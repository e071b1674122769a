"""Search and fine-tuning on toys: who learns from what, resumed runs, and two processes."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ssn.errors import CheckpointError, DataError
from ssn.models.network import branch_indices
from ssn.training.runner import run_stage
from ssn.training.search.algorithm1 import TRAIN, VAL, Search
from ssn.training.search.batches import BatchConfig, Batches
from ssn.training.search.finetune import Finetune
from ssn.training.search.people import LFW_SOURCE, choose_people, halves
from ssn.training.search.pipeline import Pipeline
from ssn.training.search.variants import VARIANTS, start_network, variant_named
from ssn.training.search.warm_up import fit_classifier, warm_start
from ssn.training.states import load_state, save_state
from tests.training.toys import Toys, toy_base, toy_crops, toy_recipe

ROOT = Path(__file__).resolve().parents[3]


def values(parameters) -> list[torch.Tensor]:
    return [p.detach().clone() for p in parameters]


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def after_one_step(repainted: str, **search) -> tuple[list, list]:
    """M and θ″ after one iteration, with the photos of one half (or of nobody) painted over."""
    toys = Toys(toy_recipe("ssn", **search))
    photos = dict(zip(("train", "val"), halves(len(toys.people), toys.recipe.seed), strict=True)).get(repainted, [])
    toys.faces.pixels[toys.people.rows[photos]] = 255 - toys.faces.pixels[toys.people.rows[photos]]
    stage = toys.make(Search)
    stage.step()
    return values(stage.upper), values(stage.lower)


def test_the_indicators_learn_from_val_batches_only_and_the_weights_from_train_batches_only():
    indicators, weights = after_one_step("nobody")
    repainted_train = after_one_step("train")
    assert same(repainted_train[0], indicators), "M must not see the train half"
    assert not same(repainted_train[1], weights)
    assert not same(after_one_step("val")[0], indicators)
    frozen = after_one_step("nobody", indicator_rate=0.0)
    assert same(after_one_step("val", indicator_rate=0.0)[1], frozen[1]), "θ″ must not see the val half"


def test_the_halves_are_random_disjoint_and_all_of_it():
    train, val = halves(101, seed=3)
    assert sorted([*train, *val]) == list(range(101))
    assert (len(train), len(val)) == (50, 51)
    assert not np.array_equal(train, halves(101, seed=4)[0])


def test_a_second_order_step_moves_m_by_almost_what_a_first_order_one_does_at_these_rates():
    toys = [Toys(toy_recipe("ssn", order=order)) for order in (1, 2)]
    found = []
    for each in toys:
        stage = each.make(Search)
        gradients = (stage.gradient(VAL, 0), stage.gradient(TRAIN, 0))
        before = values(stage.lower)
        found.append(torch.cat([g.flatten() for g in stage.bilevel.gradient(*gradients)]))
        assert same(before, stage.lower)
    difference = (found[0] - found[1]).norm() / found[0].norm()
    assert 0 < difference < 0.2


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_starts_by_answering_as_its_base(name):
    base = toy_base().eval()
    network = start_network(base, variant_named(name)).eval()
    faces, branch = torch.rand(4, 1, 32, 32), branch_indices(["nir", "vis", "nir", "nir"])
    with torch.no_grad():
        assert torch.allclose(network(faces, branch), base(faces, branch), atol=1e-5)
    assert (network.selection is None) == name.startswith("light-cnn")
    assert network.adaptive == (name == "ssn-adaptive")


def test_a_searched_base_is_refused():
    base = toy_base()
    with torch.no_grad():
        base.selection[0].indicators[0, 0, 0, 0] = 2
    with pytest.raises(DataError, match="search already"):
        start_network(base, variant_named("ssn"))


@pytest.mark.parametrize("name", ["light-cnn", "si", "si-split", "si-split+ib"])
def test_without_the_search_indicators_and_weights_learn_side_by_side(name):
    stage = Toys(toy_recipe(name)).make(Search)
    upper, lower = values(stage.upper), values(stage.lower)
    for _ in range(2):
        seen = stage.step()
        stage.step_number += 1
    assert not same(lower, stage.lower)
    if name == "light-cnn":
        assert stage.upper == []
    else:
        assert not same(upper, stage.upper)
    one_for_both = all(torch.equal(block[0], block[1]) for block in stage.upper)
    assert one_for_both == (name in ("si", "light-cnn"))
    assert ("forgotten" in seen) == name.endswith("ib")


def test_the_search_moves_the_correction_at_a_rate_of_its_own():
    """Adam's first step is as long as its rate, whatever the gradient."""
    stage = Toys(toy_recipe("ssn-adaptive", indicator_rate=1e-2, correction_rate=1e-4)).make(Search)
    selection = stage.objective.network.selection
    parts = [[block.indicators for block in selection], [block.answer.bias for block in selection]]
    before = [torch.cat([p.flatten() for p in values(part)]) for part in parts]
    stage.step()
    after = [torch.cat([p.flatten() for p in values(part)]) for part in parts]
    steps = [(a - b).abs().max().item() for a, b in zip(after, before, strict=True)]
    assert steps == pytest.approx([1e-2, 1e-4], rel=0.01)


@pytest.mark.parametrize(("name", "rate"), [("ssn", 1e-3), ("ssn-adaptive", 1e-3), ("ssn-adaptive", 0.0)])
def test_finetuning_leaves_the_indicators_and_teaches_the_rest(name, rate):
    recipe = toy_recipe(name)
    recipe = dataclasses.replace(recipe, finetune=dataclasses.replace(recipe.finetune, correction_rate=rate))
    stage = Toys(recipe).make(Finetune)
    m = [block.indicators for block in stage.objective.network.selection]
    correction = stage.objective.network.correction_parameters()
    before = [values(part) for part in (m, correction, stage.lower)]
    for _ in range(2):
        stage.step()
        stage.step_number += 1
    assert same(before[0], m)
    assert same(before[1], correction) == (rate == 0 or name == "ssn")
    assert not same(before[2], stage.lower)


def test_finetuning_rates_stay_or_fall_by_half_a_cosine():
    recipe = toy_recipe()
    falling = dataclasses.replace(recipe, finetune=dataclasses.replace(recipe.finetune, epochs=2, final=0.1))
    for each, ends in ((recipe, (1.0, 1.0)), (falling, (1.0, 0.1))):
        stage = Toys(each).make(Finetune)
        found = []
        for step in (0, stage.steps):
            stage.step_number = step
            stage._set_rates()
            found.append(stage.optimizers["weights"].param_groups[0]["lr"] / recipe.rates.network)
        assert found == pytest.approx(ends)


@pytest.mark.parametrize(("kind", "name"), [(Search, "ssn"), (Search, "ssn-adaptive"), (Finetune, "ssn-adaptive")])
def test_a_killed_and_resumed_run_equals_the_uninterrupted_one_bit_for_bit(kind, name, tmp_path):
    recipe = toy_recipe(name, epochs=2)
    whole = Toys(recipe).make(kind)
    run_stage(whole, tmp_path / "whole", progress=False)
    killed = Toys(recipe).make(kind)
    run_stage(killed, tmp_path / "killed", stop_at=2, progress=False)
    killed.step()  # what happened after the last save is lost
    resumed = Toys(recipe).make(kind)
    run_stage(resumed, tmp_path / "killed", resume=True, progress=False)
    assert resumed.step_number == whole.step_number > 2
    for name_, tensor in whole.objective.state_dict().items():
        assert torch.equal(tensor, resumed.objective.state_dict()[name_]), name_
    assert list((tmp_path / "whole" / "tensorboard").iterdir())


def test_a_state_of_another_recipe_stage_or_people_is_refused(tmp_path):
    stage = Toys().make(Search)
    run_stage(stage, tmp_path, stop_at=1, progress=False)
    with pytest.raises(CheckpointError, match="search"):
        run_stage(Toys(toy_recipe("ssn", epochs=3)).make(Search), tmp_path, resume=True, progress=False)
    with pytest.raises(CheckpointError, match="no training state"):
        run_stage(Toys().make(Finetune), tmp_path, resume=True, progress=False)
    with pytest.raises(CheckpointError, match="stage"):
        Toys().make(Finetune).restore(stage.state())
    with pytest.raises(CheckpointError, match="other faces"):
        Toys().make(Search).restore({**stage.state(), "data": "elsewhere"})
    broken = stage.state()
    del broken["model"]
    with pytest.raises(CheckpointError, match="does not fit"):
        Toys().make(Search).restore(broken)


def pipeline(folder: Path, recipe=None) -> Pipeline:
    toys = Toys(recipe)
    return Pipeline(toy_base(), toys.faces, toys.people, toys.recipe, folder, toys.team, bfloat16=False)


def test_both_stages_at_once_are_the_same_as_one_after_the_other(tmp_path):
    recipe = toy_recipe("ssn", epochs=1)
    at_once = pipeline(tmp_path / "a", recipe).run("all", progress=False)
    pipeline(tmp_path / "b", recipe).run("search", progress=False)
    with pytest.raises(CheckpointError, match="no training state"):
        pipeline(tmp_path / "b", recipe).run("finetune", resume=True, progress=False)
    apart = pipeline(tmp_path / "b", recipe).run("finetune", progress=False)
    assert same(at_once.state_dict().values(), apart.state_dict().values())
    again = pipeline(tmp_path / "a", recipe).run("all", resume=True, progress=False)
    assert same(at_once.state_dict().values(), again.state_dict().values())
    assert any(bool((block.indicators != 1).any()) for block in at_once.network.selection)


def test_stage_two_waits_for_stage_one(tmp_path):
    with pytest.raises(CheckpointError, match="no training state"):
        pipeline(tmp_path).run("finetune", progress=False)
    search = Toys().make(Search)
    run_stage(search, tmp_path, stop_at=1, progress=False)
    with pytest.raises(CheckpointError, match="not finished"):
        pipeline(tmp_path).run("finetune", progress=False)


def test_those_learned_from_are_people_with_photos_enough_and_the_held_out_ones_are_others():
    crops = toy_crops(people=6, photos=4)
    identities = crops.identities.copy()
    identities[identities == 5] = [-1, -1, -1, 5]
    sources = np.where(identities < 2, LFW_SOURCE, "toys")
    identities[0] = -1  # the first person of LFW is left with three photos
    found = choose_people(dataclasses.replace(crops, identities=identities, sources=sources), held_out=2, seed=0)
    learned, held = set(identities[found.rows]), set(identities[found.held_out])
    assert len(held) == 2
    assert held < {2, 3, 4}
    assert learned == {1, 2, 3, 4} - held
    assert found.classes == 2
    assert set(found.labels) == {0, 1}
    with pytest.raises(DataError, match="held out"):
        choose_people(crops, held_out=7)
    with pytest.raises(DataError, match="nobody"):
        choose_people(crops, held_out=1)


def test_nobody_of_a_protocol_that_has_test_people_is_held_out():
    """Two hundred of CASIA's 357 training people were kept from training."""
    crops = toy_crops(people=6, photos=4)
    assert choose_people(crops, held_out=200, own="toys").classes == 6
    mixed = dataclasses.replace(crops, sources=np.where(crops.identities < 3, "casia-fold1", "crops"))
    found = choose_people(mixed, held_out=2, own="casia-fold1")
    assert set(crops.identities[found.held_out]) < {3, 4, 5}
    assert found.classes == 4


def test_a_batch_that_cannot_be_shared_out_or_filled_is_refused():
    with pytest.raises(DataError, match="shared out"):
        BatchConfig(batch=100, micro=32)
    with pytest.raises(DataError, match="mode"):
        BatchConfig(mode="half")
    toys = Toys()
    with pytest.raises(DataError, match="fill"):
        Batches(toys.faces, toys.people, np.arange(48), BatchConfig(batch=128), 0, 1)


def test_the_warm_classifier_fits_and_is_made_once(tmp_path):
    rows = torch.eye(3).repeat(20, 1)
    labels = torch.arange(3).repeat(20)
    weight = fit_classifier(4 * rows, labels, 3, toy_recipe().warm_up, seed=0)
    assert bool(((4 * rows @ weight.T).argmax(1) == labels).all())

    toys, base = Toys(), toy_base()
    made = [
        warm_start(base, toys.faces, toys.people, toys.recipe, toys.team, False, tmp_path / "warm.pt") for _ in range(2)
    ]
    assert torch.equal(made[0].classifier, made[1].classifier)
    assert torch.equal(made[0].targets, made[1].targets)
    assert made[0].classifier.shape == (6, 16)
    assert torch.allclose(made[0].targets.norm(dim=1), torch.ones(48))
    elsewhere = dataclasses.replace(toys.recipe, base="another")
    with torch.no_grad():
        base.backbone.fc.weight.add_(0.5)  # would be noticed, were the base asked again
    seed = dataclasses.replace(toys.recipe, seed=1)
    reseeded = warm_start(base, toys.faces, toys.people, seed, toys.team, False, tmp_path / "warm.pt")
    assert torch.equal(reseeded.targets, made[0].targets)
    assert not torch.equal(reseeded.classifier, made[0].classifier)
    other = warm_start(base, toys.faces, toys.people, elsewhere, toys.team, False, tmp_path / "warm.pt")
    assert not torch.equal(other.targets, made[0].targets)


def little_search(target: Path) -> None:
    """Four steps, whose state is kept with the number of processes that made them."""
    toys = Toys(toy_recipe("ssn", epochs=2))
    stage = toys.make(Search)
    run_stage(stage, target, stop_at=4, progress=False)
    if toys.team.first:
        save_state({**stage.state(), "processes": toys.team.size}, target / "search.pt")
    toys.team.wait()


@pytest.mark.slow
def test_two_gloo_processes_equal_one(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*start, "-m", "tests.training.search.test_algorithm1", str(tmp_path / "two")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    little_search(tmp_path / "one")
    one, two = (load_state(tmp_path / name / "search.pt") for name in ("one", "two"))
    assert (one["processes"], two["processes"]) == (1, 2)
    for name, tensor in one["model"].items():
        assert torch.allclose(tensor, two["model"][name], atol=1e-5), name
    moved = two["model"]["network.selection.0.indicators"]
    assert (moved - 1).abs().max() > 1e-3


if __name__ == "__main__":
    torch.set_num_threads(1)
    little_search(Path(sys.argv[1]))
