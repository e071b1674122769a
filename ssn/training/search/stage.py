"""What stage 1 and stage 2 share: the optimiser of θ″, its clipping, and the indicators as pictures."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ssn.models.pixel_selection import BRANCHES
from ssn.training.runner import Stage
from ssn.training.search.objective import Objective
from ssn.training.search.people import TrainingPeople
from ssn.training.search.recipe import Recipe
from ssn.training.team import Team


class ObjectiveStage(Stage):
    """A stage that learns an objective. ``left_out`` names parts of the recipe it does not depend on."""

    left_out: tuple[str, ...] = ()

    def __init__(
        self,
        objective: Objective,
        people: TrainingPeople,
        recipe: Recipe,
        team: Team,
        bfloat16: bool | None = None,
    ):
        self.objective, self.people, self.recipe = objective.to(team.device), people, recipe
        super().__init__(objective, recipe.facts(self.left_out), people.fingerprint, team, bfloat16)
        self.faces_per_step = recipe.batches.batch

    def weight_optimizer(self) -> torch.optim.SGD:
        """SGD on θ″: network, classifier and estimators, each at its rate."""
        rates, parts = self.recipe.rates, self.objective.weights()
        groups = [{"params": parts[name], "lr": rates.of(name)} for name in parts if parts[name]]
        return torch.optim.SGD(groups, momentum=rates.momentum, weight_decay=rates.weight_decay)

    def indicator_optimizer(self) -> torch.optim.Adam:
        """Adam on what M is made of, and on the weights of δ, each at its rate."""
        rates, correction = self.recipe.search, self.objective.network.correction_parameters()
        of_correction = {id(parameter) for parameter in correction}
        learned = [p for p in self.objective.learned_indicators() if id(p) not in of_correction]
        groups = [{"params": learned, "lr": rates.indicator_rate}]
        if correction:
            groups.append({"params": correction, "lr": rates.correction_rate})
        return torch.optim.Adam(groups)

    def clip(self, parameters: list[nn.Parameter], gradients: list[Tensor]) -> Tensor:
        """Shorten, in place, the network's and the classifier's parts of the gradients to the recipe's longest → the
        length () of the network's before. Nothing waits for that."""
        place = {id(parameter): gradient for parameter, gradient in zip(parameters, gradients, strict=True)}
        lengths, longest = [], self.recipe.rates.clip
        for name in ("network", "classifier"):
            part = [place[id(parameter)] for parameter in self.objective.weights()[name]]
            length = torch.sqrt(sum((g.double().square().sum() for g in part), torch.zeros(())))
            if part:
                share = torch.where(length > longest, longest / length, 1.0)
                torch._foreach_mul_(part, share.to(part[0].dtype))
            lengths.append(length)
        return lengths[0]

    def pictures(self) -> dict[str, Tensor]:
        """The indicators as pictures: {block and spectrum: (1, H, W)}, channel means of σ(M), stretched to [0, 1]."""
        pictures = {}
        for number, block in enumerate(self.objective.network.selections(), start=1):
            for name, saliency in zip(BRANCHES, torch.sigmoid(block.indicators.detach()), strict=True):
                picture = saliency.mean(dim=0, keepdim=True)
                low, high = picture.amin(), picture.amax()
                pictures[f"indicator/block {number} {name}"] = (picture - low) / (high - low).clamp_min(1e-6)
        return pictures

    def draw(self, writer: Any) -> None:
        super().draw(writer)
        for number, block in enumerate(self.objective.network.selections(), start=1):
            writer.add_histogram(f"indicator/block {number}", block.indicators.detach(), self.step_number)
