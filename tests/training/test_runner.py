"""The loop: what it closes when a stage fails, and the drawing ahead."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from ssn.errors import CheckpointError
from ssn.training import runner
from ssn.training.ahead import Ahead
from ssn.training.runner import Stage, run_stage
from ssn.training.states import load_state
from ssn.training.team import Team


class Counting(Stage):
    """Adds one to its only weight in each of five steps."""

    name = "counting"
    steps = 5

    def __init__(self, fail_at: int | None = None):
        super().__init__(nn.Linear(1, 1), {"a": 1}, "data", Team("cpu"), bfloat16=False)
        nn.init.zeros_(self.model.weight)
        self.fail_at, self.closed = fail_at, False

    def step(self) -> dict[str, float]:
        if self.step_number == self.fail_at:
            raise RuntimeError("out of memory")
        with torch.no_grad():
            self.model.weight.add_(1)
        return {"loss": 1.0}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def opened(monkeypatch) -> list:
    """The bar and the writer of the run, which note whether they are closed."""
    made = []

    class Noted:
        def __init__(self, *_, **__):
            self.closed = False
            made.append(self)

        def close(self) -> None:
            self.closed = True

        def __getattr__(self, name):
            return lambda *_, **__: None

    monkeypatch.setattr(runner, "tqdm", Noted)
    monkeypatch.setattr(runner, "_tensorboard", Noted)
    return made


@pytest.mark.parametrize("fail_at", [None, 3])
def test_bar_writer_and_stage_are_closed_even_when_a_step_fails(opened, tmp_path, fail_at):
    stage = Counting(fail_at)
    if fail_at is None:
        run_stage(stage, tmp_path)
    else:
        with pytest.raises(RuntimeError, match="out of memory"):
            run_stage(stage, tmp_path, save_every=-1.0)
    assert len(opened) == 2
    assert all(each.closed for each in opened)
    assert stage.closed
    assert load_state(tmp_path / "counting.pt")["step"] == (5 if fail_at is None else 3)


def test_a_failed_run_goes_on_where_it_was_saved(opened, tmp_path):
    with pytest.raises(RuntimeError):
        run_stage(Counting(3), tmp_path, save_every=-1.0)
    stage = Counting()
    run_stage(stage, tmp_path, resume=True)
    assert stage.model.weight.item() == 5
    state = stage.state()
    stage.recipe_facts = {"a": 2}
    with pytest.raises(CheckpointError, match="a = 1, not 2"):
        stage.restore(state)


class Timed(Counting):
    """Notes where in its schedule each step is; a step takes so many seconds of a clock that is no real one."""

    steps = 10

    def __init__(self, clock: list[float], duration: float, fail_at: int | None = None):
        super().__init__(fail_at)
        self.clock, self.duration, self.positions = clock, duration, []

    def step(self) -> dict[str, float]:
        self.positions.append(self.position)
        seen = super().step()
        self.clock[0] += self.duration
        return seen


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(runner.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("duration", "positions"),
    [(1.0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), (5.0, [0, 2.5, 5, 7.5]), (30.0, [0])],
    ids=["time enough", "too slow", "one step takes longer"],
)
def test_a_schedule_ends_by_its_steps_or_by_the_clock(clock, opened, tmp_path, duration, positions):
    stage = Timed(clock, duration)
    run_stage(stage, tmp_path, seconds=20.0)
    assert stage.positions == positions
    assert stage.position == stage.steps, "the schedule is at its end"
    assert stage.step_number == len(positions)
    again = Timed(clock, duration)
    run_stage(again, tmp_path, resume=True, seconds=20.0)
    assert again.positions == [], "a run whose time is spent is done"


def test_what_a_killed_run_has_spent_is_not_given_again(clock, opened, tmp_path):
    with pytest.raises(RuntimeError):
        run_stage(Timed(clock, 5.0, fail_at=2), tmp_path, save_every=-1.0, seconds=20.0)
    clock[0] += 1000
    stage = Timed(clock, 5.0)
    run_stage(stage, tmp_path, resume=True, seconds=20.0)
    assert stage.positions == [5, 7.5]


def test_without_a_limit_nothing_is_kept_of_the_time(clock, opened, tmp_path):
    stage = Timed(clock, 50.0)
    run_stage(stage, tmp_path)
    assert stage.positions == list(range(10))
    assert "spent" not in load_state(tmp_path / "counting.pt")


def test_what_is_drawn_ahead_is_what_would_be_drawn_then():
    threads = set()

    def draw(number: int) -> int:
        threads.add(threading.get_ident())
        if number == 5:
            raise ValueError("no five")
        return number * number

    ahead = Ahead(draw)
    assert [ahead.take(number) for number in (0, 1, 2, 9, 3)] == [0, 1, 4, 81, 9]
    assert ahead.take(4) == 16
    with pytest.raises(ValueError, match="no five"):
        ahead.take(5)
    ahead.close()
    assert threading.get_ident() not in threads
