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
