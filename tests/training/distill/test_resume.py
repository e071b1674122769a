"""A run that is killed, goes on in pieces or starts from another: bit for bit, and no foreign state is taken."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError
from ssn.training.augment import ViewRanges
from ssn.training.distill.recipe import recipe_of
from ssn.training.distill.run import STATE_FILE, Distillation, distill
from ssn.training.states import load_state, save_state
from tests.training.distill.runs import CPU, finish, make_exact, same_state
from tests.training.drawn_crops import CONFIG, tiny

SPAWN = multiprocessing.get_context("spawn")


def killed_at(crops: StoredFaces, folder: Path, step: int) -> None:
    """Runs until the given step, saving after each, and is killed in the middle of it. A process of its own knows
    nothing of its parent's fixtures: it is made exact again."""
    torch.set_num_threads(1)
    make_exact(pytest.MonkeyPatch())
    real = Distillation.step

    def step_or_die(self):
        answer = real(self)
        if self.step_number + 1 == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Distillation.step = step_or_die
    finish(crops, folder, save_every=-1.0)


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
