"""The one loop of all trainings: a bar, a log, a state on disk, and going on from it.

Every random choice of a step comes from generators seeded by its number, so a resumed run needs only the tensors, the
optimisers and the step number to go on as if it had never stopped.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ssn.errors import CheckpointError
from ssn.machine import has_fast_bfloat16, keep_freed_memory
from ssn.training.states import load_state, save_state
from ssn.training.team import Team


class Supply(Protocol):
    """Whatever has to be closed."""

    def close(self) -> None: ...


class Stage(ABC):
    """One stage of one run: its model and optimisers, its numbered step, and what of it is kept on disk.

    A subclass says ``name``, ``steps`` and ``step``, and fills ``optimizers``. ``recipe`` holds plain values, whatever
    decides the result; ``data`` is the fingerprint of what is learned from. ``bfloat16`` None lets the machine decide.
    """

    name: str
    faces_per_step = 1
    """What the bar counts by."""

    def __init__(self, model: nn.Module, recipe: dict[str, Any], data: str, team: Team, bfloat16: bool | None = None):
        self.model, self.recipe_facts, self.data, self.team = model, recipe, data, team
        self.bfloat16 = has_fast_bfloat16(team.device) if bfloat16 is None else bfloat16
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.supplies: list[Supply] = []
        """What faces come from, and is closed at the end of a run."""
        self.step_number = 0
        self.seconds: float | None = None
        """How long all steps may take together; None: as long as they do."""
        self.spent = 0.0
        """How long those done have taken, where that is limited."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many there are in all."""

    @property
    def position(self) -> float:
        """Where in its schedule the stage is, in steps: after those done or, where time is limited and runs out before
        them, as far on as the time is. What follows the schedule (rates, sizes of views) ends with either."""
        if self.seconds is None:
            return self.step_number
        return min(self.steps, max(self.step_number, self.steps * self.spent / self.seconds))

    @abstractmethod
    def step(self) -> Mapping[str, float]:
        """One iteration, which does not count itself → what it saw; where that may have to be waited for, ``Seen``."""

    def close(self) -> None:
        """End the drawing ahead of whatever supplies it."""
        for supply in self.supplies:
            supply.close()

    def pictures(self) -> dict[str, Tensor]:
        """What to see in the log: {name: (1, H, W) in [0, 1]}."""
        return {}

    def draw(self, writer: Any) -> None:
        """Add its pictures to the log."""
        for name, picture in self.pictures().items():
            writer.add_image(name, picture, self.step_number)

    def tensors(self) -> Iterator[Tensor]:
        """All that must be the same in every process before the first step."""
        yield from self.model.parameters()
        yield from self.model.buffers()

    def state(self) -> dict[str, Any]:
        """All that a run needs to go on."""
        return {
            "stage": self.name,
            "recipe": self.recipe_facts,
            "data": self.data,
            "step": self.step_number,
            "model": self.model.state_dict(),
            "optimizers": {name: each.state_dict() for name, each in self.optimizers.items()},
            **({} if self.seconds is None else {"spent": self.spent}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state``. Raises CheckpointError where another stage, recipe or set of faces made it."""
        self.check(state)
        with fitting():
            self.take(state)
            self.step_number, self.spent = int(state["step"]), float(state.get("spent", 0.0))

    def take(self, state: dict[str, Any]) -> None:
        """Take over the tensors of a state that is known to belong here."""
        self.model.load_state_dict(state["model"])
        for name, each in self.optimizers.items():
            each.load_state_dict(state["optimizers"][name])

    def check(self, state: dict[str, Any]) -> None:
        """Raises CheckpointError where the state is of another stage, recipe or set of faces."""
        made, asked = state.get("recipe"), self.recipe_facts
        if state.get("stage") != self.name or not isinstance(made, dict):
            raise CheckpointError(f"That is no state of the stage {self.name}.", "Start without --resume.")
        if other := [name for name in asked if asked[name] != made.get(name)]:
            name = other[0]
            raise CheckpointError(
                f"The training state was made with {name} = {made.get(name)}, not {asked[name]}.",
                "Use the same recipe, or start without --resume.",
            )
        if state.get("data") != self.data:
            raise CheckpointError(
                "The training state was made with other faces, or does not say with which.",
                "Use the same data, or start without --resume.",
            )


@contextlib.contextmanager
def fitting() -> Iterator[None]:
    """Whatever tensors that do not fit make torch raise becomes a CheckpointError."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        raise CheckpointError("The training state does not fit this run.", "Start without --resume.") from error


class Log:
    """Bar and TensorBoard of a run, in the team's first process; silent in the others."""

    EVERY = 10
    """Steps between two lines."""

    def __init__(self, stage: Stage, folder: Path, progress: bool):
        self.stage, self.writer = stage, _tensorboard(folder) if stage.team.first else None
        size = stage.faces_per_step
        self.shown, quiet = int(stage.position) * size, not (progress and stage.team.first)
        self.bar = tqdm(total=stage.steps * size, initial=self.shown, desc=stage.name, unit="face", disable=quiet)

    def add(self, seen: Mapping[str, float], last: bool) -> None:
        """What the step that is just done saw."""
        now = int(self.stage.position) * self.stage.faces_per_step
        self.bar.update(now - self.shown)
        self.shown = now
        if self.writer is not None and (last or self.stage.step_number % self.EVERY == 0):
            self.bar.set_postfix({name: f"{value:.3g}" for name, value in seen.items()})
            for name, value in seen.items():
                self.writer.add_scalar(f"{self.stage.name}/{name}", value, self.stage.step_number)

    def draw(self) -> None:
        """The stage's pictures."""
        if self.writer is not None:
            self.stage.draw(self.writer)

    def close(self) -> None:
        """End both."""
        self.bar.close()
        if self.writer is not None:
            self.writer.close()


def run_stage(
    stage: Stage,
    folder: str | Path,
    resume: bool = False,
    save_every: float = 120.0,
    stop_at: int | None = None,
    progress: bool = True,
    seconds: float | None = None,
) -> None:
    """Run a stage to its end, or to step ``stop_at``, keeping its state in ``folder`` every ``save_every`` seconds.
    With ``seconds`` its schedule ends by then, those of the runs it goes on from included, with fewer steps where the
    machine is slow or has other work: the step that is under way is finished.

    Raises CheckpointError where ``resume`` finds no state, or one of another run.
    """
    keep_freed_memory()
    folder = Path(folder)
    file = folder / f"{stage.name}.pt"
    stage.seconds = seconds
    if resume:
        stage.restore(load_state(file))
    stage.team.broadcast(stage.tensors())
    last = stage.steps if stop_at is None else min(stop_at, stage.steps)
    if stage.position >= last:
        return
    with contextlib.closing(stage), contextlib.closing(Log(stage, folder, progress)) as log:
        saved = time.monotonic()
        clock = _Clock(stage)
        while stage.position < last:
            seen = stage.step()
            stage.step_number += 1
            clock.tell()
            log.add(seen, stage.position >= last)
            if stage.team.first and stage.position < last and time.monotonic() - saved > save_every:
                log.draw()
                save_state(stage.state(), file)
                saved = time.monotonic()
        log.draw()
        stage.team.first_does(lambda: save_state(stage.state(), file))


class _Clock:
    """Tells a stage whose time is limited how much of it is spent: the first process's time in all of them."""

    def __init__(self, stage: Stage):
        self.stage, self.before, self.begun = stage, stage.spent, time.monotonic()

    def tell(self) -> None:
        if self.stage.seconds is not None:
            self.stage.spent = self.stage.team.first_does(lambda: self.before + time.monotonic() - self.begun)


def _tensorboard(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
