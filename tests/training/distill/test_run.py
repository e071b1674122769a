"""A run of the distillation: its steps, and a killed one that goes on as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError, DataError
from ssn.training import runner as module
from ssn.training.augment import ViewRanges
from ssn.training.crops import Crops
from ssn.training.distill import run as distill_run
from ssn.training.distill.batch import Batches
from ssn.training.distill.loss import distillation_loss
from ssn.training.distill.network import BatchNormalisedLightCNN
from ssn.training.distill.recipe import recipe_of
from ssn.training.distill.run import STATE_FILE, Distillation, distill
from ssn.training.states import load_state, save_state
from ssn.training.team import Team
from tests.training.drawn_crops import CONFIG, TinyBackbone, drawn_crops, tiny

ROOT = Path(__file__).resolve().parents[3]
SPAWN = multiprocessing.get_context("spawn")
CPU = Team("cpu")


@pytest.fixture(scope="module")
def crops() -> StoredFaces:
    return drawn_crops()


@pytest.fixture
def exact(monkeypatch) -> None:
    """Full precision, and the allocator as the other tests need it."""
    monkeypatch.setattr(module, "has_fast_bfloat16", lambda device: False)
    monkeypatch.setattr(module, "keep_freed_memory", lambda: False)


def test_a_step_follows_the_plain_optimiser_and_a_running_average(crops, exact):
    """One step rebuilt from the published parts: AdamW with and without decay, clipping, warm-up, average."""
    config = replace(CONFIG, clip=0.05)
    run = Distillation(crops, config, CPU, tiny())
    mine = BatchNormalisedLightCNN(tiny())
    mine.load_state_dict(run.network.state_dict())
    before = [p.detach().clone() for p in mine.parameters()]
    views, target = Batches(crops, run.targets, config)(0)
    report = run.learn(views, target)
    groups = [
        {"params": [p for p in mine.parameters() if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in mine.parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.rate_at(0), betas=(0.9, 0.99), foreach=False)
    terms = distillation_loss(mine(views), mine.head, target, run.targets.unit, config)
    sum(terms.values()).backward()
    norm = nn.utils.clip_grad_norm_(mine.parameters(), config.clip)
    optimizer.step()
    for name, term in terms.items():
        assert report[name] == pytest.approx(term.item(), rel=1e-4)
    assert report["gradient"] == pytest.approx(norm.item(), rel=1e-3)
    assert norm > config.clip, "the clip must take effect here"
    assert run.averaged == 1
    assert sum(bool((p.grad.abs() > 1e-5).any()) for p in mine.parameters()) >= 5
    trio = zip(run.network.parameters(), mine.parameters(), before, run.average, strict=True)
    for found, expected, start, average in trio:
        certain = expected.grad.abs() > 1e-5  # the first step of Adam is the gradient's sign: rounding decides the rest
        assert torch.allclose(found[certain], expected[certain], atol=2e-6)
        assert torch.allclose(average, 0.1 * start + 0.9 * found, atol=1e-6)  # a young average keeps 1/10


def finish(crops: StoredFaces, folder: Path, **options) -> Distillation:
    return distill(crops, CONFIG, folder, CPU, backbone=tiny(), progress=False, **options)


def killed_at(crops: StoredFaces, folder: Path, step: int) -> None:
    """Runs until the given step, saving after each, and is killed in the middle of it. A process of its own knows
    nothing of its parent's fixtures: it is made exact again."""
    torch.set_num_threads(1)
    module.has_fast_bfloat16 = lambda device: False
    module.keep_freed_memory = lambda: False
    real = Distillation.step

    def step_or_die(self):
        answer = real(self)
        if self.step_number + 1 == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Distillation.step = step_or_die
    finish(crops, folder, save_every=-1.0)


@pytest.fixture(scope="module")
def uninterrupted(crops, tmp_path_factory) -> Distillation:
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "has_fast_bfloat16", lambda device: False)
    patch.setattr(module, "keep_freed_memory", lambda: False)
    run = finish(crops, tmp_path_factory.mktemp("uninterrupted"))
    patch.undo()
    return run


def flat(value) -> list:
    """All tensors and numbers of a nested state, in order."""
    if isinstance(value, dict):
        return [("key", key) for key in value] + [leaf for part in value.values() for leaf in flat(part)]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in flat(part)]
    return [value]


def same_state(a: dict, b: dict) -> bool:
    pairs = list(zip(flat(a), flat(b), strict=True))
    return all(torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y for x, y in pairs)


@pytest.mark.parametrize("step", [2, 7, 12])
def test_a_run_that_was_killed_and_resumed_equals_the_uninterrupted_one_bit_for_bit(
    crops, uninterrupted, exact, tmp_path, step
):
    process = SPAWN.Process(target=killed_at, args=(crops, tmp_path, step))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert load_state(tmp_path / STATE_FILE)["step"] == step - 1
    resumed = finish(crops, tmp_path, resume=True)
    assert resumed.step_number == uninterrupted.step_number == 12
    assert same_state(resumed.state(), uninterrupted.state())
    assert all(map(torch.equal, resumed.average, uninterrupted.average)), "whatever state() says of it"
    assert not any(map(torch.equal, resumed.average, resumed.network.parameters()))
    assert same_state(load_state(tmp_path / STATE_FILE), uninterrupted.state())


def test_a_run_in_pieces_equals_the_run_in_one(crops, uninterrupted, exact, tmp_path):
    finish(crops, tmp_path, stop_at=5)
    assert load_state(tmp_path / STATE_FILE)["step"] == 5
    assert same_state(finish(crops, tmp_path, resume=True).state(), uninterrupted.state())


def test_two_runs_with_other_seeds_differ(crops, uninterrupted, exact, tmp_path):
    other = distill(crops, replace(CONFIG, seed=1), tmp_path, CPU, backbone=tiny(), progress=False)
    assert not same_state(other.state()["model"], uninterrupted.state()["model"])


def test_a_run_can_start_where_one_of_another_recipe_stands(crops, uninterrupted, exact, tmp_path):
    config = replace(CONFIG, images=32, learning_rate=1e-4, seed=5)
    old = uninterrupted.state()
    run = distill(crops, config, tmp_path, CPU, backbone=tiny(), before=old, stop_at=0, progress=False)
    assert run.step_number == 0
    assert run.before == [{"views": 96, "recipe": asdict(CONFIG)}]
    assert same_state(run.state()["model"], old["model"])
    assert same_state(run.state()["average"], old["average"])
    went_on = distill(crops, config, tmp_path, CPU, backbone=tiny(), before=old, progress=False)
    assert not same_state(went_on.state()["model"], old["model"])
    resumed = Distillation(crops, config, CPU, tiny())
    resumed.restore(load_state(tmp_path / STATE_FILE))
    assert resumed.before == run.before, "where it came from is not forgotten"
    third = Distillation(crops, CONFIG, CPU, tiny())
    third.go_on_from(resumed.state())
    assert [each["views"] for each in third.before] == [96, 32]
    with pytest.raises(CheckpointError, match="no state"):
        third.go_on_from({})
    with pytest.raises(CheckpointError, match="does not fit"):
        third.go_on_from({**old, "average": old["average"][:-1]})


def test_the_running_average_goes_on_as_old_as_it_is(crops, uninterrupted, exact, tmp_path):
    config = replace(CONFIG, images=80, learning_rate=1e-3, seed=5)
    run = Distillation(crops, config, CPU, tiny(), bfloat16=False)
    old = {**uninterrupted.state(), "averaged": 4000}
    run.go_on_from(old)
    assert run.averaged == 4000
    run.learn(*run.batches(0))
    for average, before, weight in zip(run.average, old["average"], run.network.parameters(), strict=True):
        expected = 0.998 * before + 0.002 * weight.detach()
        assert torch.allclose(average, expected, atol=1e-6), "nothing of it is forgotten faster"
    run.step_number = 1
    resumed = Distillation(crops, config, CPU, tiny(), bfloat16=False)
    resumed.restore(run.state())
    assert resumed.averaged == 4001


def test_a_state_of_version_0_1_can_be_gone_on_from_and_not_resumed(crops, uninterrupted, exact):
    state = uninterrupted.state()
    recipe = {name: value for name, value in state["recipe"].items() if name not in ("schedule", "anneal")}
    recipe.pop("simulate_nir")
    recipe["views"] = {name: value for name, value in recipe["views"].items() if name != "occluders"}
    old = {
        "config": recipe,
        "step": state["step"],
        "before": [],
        "student": state["model"],
        "average": state["average"],
        "optimizer": state["optimizers"]["weights"],
    }
    run = Distillation(crops, replace(CONFIG, seed=5), CPU, tiny(), bfloat16=False)
    run.go_on_from(old)
    assert same_state(run.state()["model"], state["model"])
    assert run.averaged == 12
    assert run.before == [{"views": 96, "recipe": asdict(CONFIG)}]
    with pytest.raises(CheckpointError, match="does not say with which"):
        Distillation(crops, CONFIG, CPU, tiny()).restore(old)


def test_a_run_towards_descriptors_of_another_width_is_refused_by_name(crops, uninterrupted):
    other = replace(crops, descriptors=crops.descriptors[:, :64])
    with pytest.raises(CheckpointError, match="descriptors of 128 numbers"):
        Distillation(other, CONFIG, CPU, tiny()).go_on_from(uninterrupted.state())


def test_resuming_a_finished_run_changes_nothing(crops, uninterrupted, exact, tmp_path):
    save_state(uninterrupted.state(), tmp_path / STATE_FILE)
    again = finish(crops, tmp_path, resume=True)
    assert again.step_number == 12
    assert same_state(again.state(), uninterrupted.state())


def test_training_makes_the_network_more_like_its_teacher(crops, exact):
    config = replace(CONFIG, images=8 * 60, learning_rate=3e-3)
    run = Distillation(crops, config, CPU, tiny())
    batch = Batches(crops, run.targets, config)(0)
    losses = []
    for run.step_number in range(60):
        losses.append(run.learn(*batch)["likeness"])
    assert losses[0] > 0.7
    assert losses[-1] < 0.5 * losses[0]


def test_the_averaged_network_is_normalised_anew_and_folds_into_the_published_names(crops, uninterrupted, exact):
    network = uninterrupted.averaged_network(batches=6)
    assert not network.training
    plain = replace(CONFIG, sizes=((48, 1.0),))
    views = torch.cat([Batches(crops, uninterrupted.targets, plain)(i)[0] for i in range(6)])
    with torch.no_grad():
        out = network(views)
        assert out.mean(dim=0).abs().max() < 1e-3
        assert (out.var(dim=0, unbiased=False) - 1).abs().max() < 0.05
        weights = uninterrupted.averaged_backbone(batches=6)
        assert weights.keys() == TinyBackbone().state_dict().keys()
        backbone = TinyBackbone()
        backbone.load_state_dict(weights)
        answers, found = F.normalize(network.head(out), dim=1), F.normalize(backbone(views), dim=1)
        assert np.corrcoef((answers @ answers.T).flatten(), (found @ found.T).flatten())[0, 1] > 0.95
    for parameter, average in zip(network.parameters(), uninterrupted.average, strict=True):
        assert torch.equal(parameter, average)


# --- several processes


def three_steps(target: Path, team: Team) -> None:
    """Three steps in full precision; the first process keeps the state, the gradients and what each step reported."""
    run = Distillation(drawn_crops(), CONFIG, team, tiny(), bfloat16=False)
    reports = []
    for run.step_number in range(3):
        reports.append(dict(run.learn(*run.batches(run.step_number))))
    gradients = [p.grad for p in run.network.parameters()]
    if team.first:
        save_state({**run.state(), "gradients": gradients, "reports": reports, "processes": team.size}, target)
    team.wait()


@pytest.mark.slow
def test_two_gloo_processes_get_the_gradients_of_one(tmp_path, exact):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*start, "-m", "tests.training.distill.test_run", str(tmp_path / "two.pt")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    three_steps(tmp_path / "one.pt", CPU)
    one, two = (load_state(tmp_path / f"{name}.pt") for name in ("one", "two"))
    assert (one["processes"], two["processes"]) == (1, 2)
    for mine, theirs in zip(one["gradients"], two["gradients"], strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4 * float(mine.abs().max()) + 1e-6)
    for mine, theirs in zip(one["reports"], two["reports"], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3)
    for name, tensor in one["model"].items():
        if "running" in name:  # a bias before a normalisation has rounding for a gradient, and Adam follows its sign
            assert torch.allclose(tensor, two["model"][name], atol=1e-3), name


def test_a_batch_that_cannot_be_shared_is_refused():
    team = Team("cpu")
    team.rank, team.size = 1, 3
    assert team.part(9) == slice(3, 6)
    with pytest.raises(DataError, match="shared by 3"):
        team.part(8)


def test_a_run_from_given_weights_starts_alike_wherever_its_views_are_drawn(crops, exact, monkeypatch):
    class Elsewhere(Crops):
        """Draws as a GPU does, whose generators give other numbers for the same seed."""

        def drawing(self, generator: torch.Generator) -> torch.Generator:
            return torch.Generator().manual_seed(generator.initial_seed() + 1)

    here = Distillation(crops, CONFIG, CPU, tiny())
    monkeypatch.setattr(distill_run, "Crops", Elsewhere)
    there = Distillation(crops, CONFIG, CPU, tiny())
    assert not torch.equal(here.batches(0)[0], there.batches(0)[0])
    ours, theirs = here.network.state_dict(), there.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


# --- foreign states


def test_a_state_of_another_recipe_is_refused_and_named(crops, uninterrupted, exact):
    state = uninterrupted.state()
    for change in (
        {"batch": 16},
        {"images": 200},
        {"seed": 9},
        {"views": ViewRanges(flip=0.1)},
        {"sizes": ((32, 1.0),)},
    ):
        run = Distillation(crops, replace(CONFIG, **change), CPU, tiny())
        with pytest.raises(CheckpointError, match=f"made with {next(iter(change))}"):
            run.restore(state)
        assert run.step_number == 0


def test_a_state_of_another_network_or_none_at_all_is_refused(crops, uninterrupted, exact, tmp_path):
    run = Distillation(crops, CONFIG, CPU, tiny())
    good = uninterrupted.state()
    for state in ({}, {"config": 3}, {"step": 1, "model": {}}):
        with pytest.raises(CheckpointError, match="no state of"):
            run.restore(state)
    for change in (
        {"model": {}},
        {"model": 5},
        {"average": good["average"][:-1]},
        {"optimizers": {}},
        {"step": None},
    ):
        with pytest.raises(CheckpointError, match="does not fit"):
            Distillation(crops, CONFIG, CPU, tiny()).restore({**good, **change})
    with pytest.raises(CheckpointError, match="no training state"):
        finish(crops, tmp_path / "empty", resume=True)


def test_the_recipe_of_a_state_is_read_back_from_disk(uninterrupted, tmp_path):
    save_state(uninterrupted.state(), tmp_path / "s.pt")
    assert recipe_of(load_state(tmp_path / "s.pt")) == CONFIG
    for state in ({}, {"recipe": {"views": {}}}, {"recipe": {"views": {"wrong": 1}, "sizes": []}}):
        with pytest.raises(CheckpointError, match="no state of a distillation"):
            recipe_of(state)


if __name__ == "__main__":
    torch.set_num_threads(1)
    three_steps(Path(sys.argv[1]), Team("cpu"))
