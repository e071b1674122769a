"""What stage 1 and stage 2 share: a numbered step, a state on disk, a bar and a log.

Every random choice of a step comes from generators seeded by its number, so a resumed run needs only the tensors, the
optimisers and the step number to go on as if it had never stopped.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ssn.errors import CheckpointError
from ssn.machine import has_fast_bfloat16, keep_freed_memory
from ssn.models.pixel_selection import BRANCHES
from ssn.training.search.objective import Objective
from ssn.training.search.people import Learners
from ssn.training.search.recipe import Recipe
from ssn.training.states import load_state, save_state
from ssn.training.team import Team


class Stage:
    """One stage of one run. A subclass says ``name``, ``steps`` and ``step``, and fills ``optimizers``."""

    name: str
    left_out: tuple[str, ...] = ()
    """Parts of the recipe this stage does not depend on."""

    def __init__(self, objective: Objective, learners: Learners, recipe: Recipe, team: Team, half: bool | None = None):
        self.objective, self.learners, self.recipe, self.team = objective.to(team.device), learners, recipe, team
        self.half = has_fast_bfloat16(team.device) if half is None else half
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.step_number = 0

    @property
    def steps(self) -> int:
        raise TypeError("use Search or Finetune")

    def step(self) -> dict[str, float]:
        """One iteration → what it saw."""
        raise TypeError("use Search or Finetune")

    def weight_optimizer(self) -> torch.optim.SGD:
        """SGD on θ″: network, classifier and estimators, each at its rate."""
        rates = self.recipe.rates
        parts = self.objective.weights()
        groups = [{"params": parts[name], "lr": getattr(rates, name)} for name in parts if parts[name]]
        return torch.optim.SGD(groups, momentum=rates.momentum, weight_decay=rates.weight_decay)

    def descend(self, name: str, parameters: list[nn.Parameter], gradients: list[Tensor]) -> None:
        """One step of the optimiser ``name``, with these gradients."""
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimizers[name].step()
        self.optimizers[name].zero_grad(set_to_none=True)

    def clip(self, parameters: list[nn.Parameter], gradients: list[Tensor]) -> float:
        """Shorten, in place, the network's and the classifier's parts of the gradients to the recipe's longest → the
        length of the network's before."""
        place = {id(parameter): gradient for parameter, gradient in zip(parameters, gradients, strict=True)}
        lengths = []
        for name in ("network", "classifier"):
            part = [place[id(parameter)] for parameter in self.objective.weights()[name]]
            lengths.append(torch.sqrt(sum(g.double().square().sum() for g in part)).item())
            if lengths[-1] > self.recipe.rates.clip:
                torch._foreach_mul_(part, self.recipe.rates.clip / lengths[-1])
        return lengths[0]

    def state(self) -> dict:
        return {
            "stage": self.name,
            "recipe": self.recipe.facts(self.left_out),
            "data": self.learners.fingerprint,
            "step": self.step_number,
            "objective": self.objective.state_dict(),
            "optimizers": {name: each.state_dict() for name, each in self.optimizers.items()},
        }

    def restore(self, state: dict) -> None:
        """Go on from ``state``. Raises CheckpointError where another stage, recipe or set of people made it."""
        self._check(state)
        try:
            self.objective.load_state_dict(state["objective"])
            for name, each in self.optimizers.items():
                each.load_state_dict(state["optimizers"][name])
            self.step_number = int(state["step"])
        except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            raise CheckpointError("The training state does not fit this run.", "Start without --resume.") from error

    def _check(self, state: dict) -> None:
        made, asked = state.get("recipe"), self.recipe.facts(self.left_out)
        if state.get("stage") != self.name or not isinstance(made, dict):
            raise CheckpointError(f"That is no state of the stage {self.name}.", "Start without --resume.")
        if other := [name for name in asked if asked[name] != made.get(name)]:
            name = other[0]
            raise CheckpointError(
                f"The training state was made with {name} = {made.get(name)}, not {asked[name]}.",
                "Use the same recipe, or start without --resume.",
            )
        if state.get("data") != self.learners.fingerprint:
            raise CheckpointError("The training state was made with other people.", "Start without --resume.")

    def pictures(self) -> dict[str, Tensor]:
        """The indicators as pictures: {block and spectrum: (1, H, W)}, channel means of σ(M), stretched to [0, 1]."""
        found = {}
        for number, block in enumerate(self.objective.network.selection or (), start=1):
            for name, saliency in zip(BRANCHES, torch.sigmoid(block.indicators.detach()), strict=True):
                picture = saliency.mean(dim=0, keepdim=True)
                low, high = picture.amin(), picture.amax()
                found[f"block {number} {name}"] = (picture - low) / (high - low).clamp_min(1e-6)
        return found


def run_stage(
    stage: Stage,
    folder: str | Path,
    resume: bool = False,
    save_every: float = 120.0,
    stop_at: int | None = None,
    progress: bool = True,
) -> None:
    """Run a stage to its end, or to step ``stop_at``, keeping its state in ``folder`` every ``save_every`` seconds.

    Raises CheckpointError where ``resume`` finds no state, or one of another run.
    """
    keep_freed_memory()
    file = Path(folder) / f"{stage.name}.pt"
    if resume:
        stage.restore(load_state(file))
    last = stage.steps if stop_at is None else min(stop_at, stage.steps)
    if stage.step_number >= last:
        return
    first = stage.team.first
    writer = _tensorboard(Path(folder)) if first else None
    bar = tqdm(total=stage.steps, initial=stage.step_number, desc=stage.name, disable=not (progress and first))
    saved = time.monotonic()
    while stage.step_number < last:
        seen = stage.step()
        stage.step_number += 1
        bar.update()
        if first and (stage.step_number % 10 == 0 or stage.step_number == last):
            bar.set_postfix({name: f"{value:.3g}" for name, value in seen.items()})
            for name, value in seen.items():
                writer.add_scalar(f"{stage.name}/{name}", value, stage.step_number)
        if first and time.monotonic() - saved > save_every and stage.step_number < last:
            _draw(writer, stage)
            save_state(stage.state(), file)
            saved = time.monotonic()
    bar.close()
    if first:
        _draw(writer, stage)
        writer.close()
        save_state(stage.state(), file)
    stage.team.wait()


def _draw(writer, stage: Stage) -> None:
    for name, picture in stage.pictures().items():
        writer.add_image(f"indicator/{name}", picture, stage.step_number)
    for number, block in enumerate(stage.objective.network.selection or (), start=1):
        writer.add_histogram(f"indicator/block {number}", block.indicators.detach(), stage.step_number)


def _tensorboard(folder: Path):
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
