"""Stage 2: θ″ learns on all of S_T under the indicators of stage 1, which stay."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from ssn.data.face_store import StoredFaces
from ssn.training.crops import Crops
from ssn.training.search.algorithm1 import BatchGradient
from ssn.training.search.batches import Batches
from ssn.training.search.objective import Objective, descend
from ssn.training.search.people import TrainingPeople
from ssn.training.search.recipe import Recipe
from ssn.training.search.stage import ObjectiveStage
from ssn.training.seen import Seen
from ssn.training.team import Team

STREAM = 4


class Finetune(ObjectiveStage):
    """One run of stage 2, from the objective that stage 1 left. M_B^m is fixed, unless the network's weights are; the
    weights of δ in ``ssn-adaptive`` are weights like others and go on learning."""

    name = "finetune"

    def __init__(
        self,
        objective: Objective,
        faces: StoredFaces,
        people: TrainingPeople,
        recipe: Recipe,
        team: Team,
        bfloat16: bool | None = None,
        crops: Crops | None = None,
    ):
        super().__init__(objective, people, recipe, team, bfloat16)
        crops = crops or Crops(faces.pixels, team.device)
        self.batches = Batches(faces, people, np.arange(len(people)), recipe.batches, recipe.seed, STREAM, crops)
        self.supplies.append(self.batches)
        parts = objective.weights()
        self.lower = [parameter for name in parts for parameter in parts[name]]
        self.optimizers["weights"] = self.weight_optimizer()
        rate = recipe.finetune.correction_rate
        self.correction = objective.network.correction_parameters() if rate > 0 else []
        if self.correction:
            self.optimizers["correction"] = torch.optim.Adam(self.correction, lr=rate)
        self.upper = objective.indicators() if objective.variant.frozen else []
        if self.upper:
            self.optimizers["indicators"] = self.indicator_optimizer()
        self.first_rates = {
            name: [group["lr"] for group in each.param_groups] for name, each in self.optimizers.items()
        }

    @property
    def steps(self) -> int:
        return max(1, round(self.recipe.finetune.epochs * self.batches.per_epoch))

    def step(self) -> Mapping[str, float]:
        """θ″ (and δ) on the next batch."""
        self._set_rates()
        batch = BatchGradient(self.objective, self.batches, self.step_number, self.team, self.bfloat16)
        gradients = batch([*self.lower, *self.correction, *self.upper])
        lower, rest = gradients[: len(self.lower)], gradients[len(self.lower) :]
        correction, upper = rest[: len(self.correction)], rest[len(self.correction) :]
        length = self.clip(self.lower, lower)
        descend(self.optimizers["weights"], self.lower, lower)
        if self.correction:
            descend(self.optimizers["correction"], self.correction, correction)
        if self.upper:
            self.objective.move_indicators(self.optimizers["indicators"], upper)
        return Seen({**batch.values.unread, "gradient": length})

    def rate_share(self) -> float:
        """What the present step's rates are of the first ones."""
        final = self.recipe.finetune.final
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * self.position / self.steps))

    def _set_rates(self) -> None:
        share = self.rate_share()
        for name, each in self.optimizers.items():
            for group, rate in zip(each.param_groups, self.first_rates[name], strict=True):
                group["lr"] = share * rate
