"""Stage 1, automatic feature search: Algorithm 1 of the paper.

    split S_T at random in two halves, train and val
    until converged:
        draw a batch of each
        M  descends  ∇_M L_val(θ″, M)        by Adam          (∇ of first or second order: ``bilevel``)
        θ″ descends  ∇_θ″ L_train(θ″, M)     by SGD

Variants without the search learn M and θ″ side by side on both batches, which come from all of S_T: as many faces
and as many steps of M and of θ″.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ssn.data.face_store import StoredFaces
from ssn.training.crops import Crops
from ssn.training.search.batches import Batches
from ssn.training.search.bilevel import Bilevel
from ssn.training.search.objective import Objective, descend, total
from ssn.training.search.people import TrainingPeople, halves
from ssn.training.search.recipe import Recipe
from ssn.training.search.stage import ObjectiveStage
from ssn.training.seen import Seen
from ssn.training.team import Team

TRAIN, VAL, ALL = 1, 2, 3
"""Streams of random choices."""


class Search(ObjectiveStage):
    """One run of stage 1. A second-order search runs in float32: bfloat16 would drown its finite difference."""

    name = "search"
    left_out = ("finetune",)

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
        super().__init__(objective, people, recipe, team, False if recipe.search.order == 2 else bfloat16)
        train, val = halves(len(people), recipe.seed)
        members = {TRAIN: train, VAL: val} if objective.variant.search else {ALL: np.arange(len(people))}
        crops = crops or Crops(faces.pixels, team.device)
        self.batches = {
            stream: Batches(faces, people, photos, recipe.batches, recipe.seed, stream, crops)
            for stream, photos in members.items()
        }
        self.supplies += self.batches.values()
        self.upper, parts = objective.indicators(), objective.weights()
        self.lower = [parameter for name in parts for parameter in parts[name]]
        rates = [recipe.rates.of(name) for name in parts for _ in parts[name]]
        self.bilevel = Bilevel(self.upper, self.lower, rates, recipe.search.order)
        self.optimizers["weights"] = self.weight_optimizer()
        if self.upper:
            self.optimizers["indicators"] = self.indicator_optimizer()

    @property
    def steps(self) -> int:
        if self.objective.variant.search:
            per_epoch = min(batches.per_epoch for batches in self.batches.values())
        else:
            per_epoch = max(1, self.batches[ALL].per_epoch // 2)
        return max(1, round(self.recipe.search.epochs * per_epoch))

    def step(self) -> Mapping[str, float]:
        return self._bilevel() if self.objective.variant.search else self._side_by_side()

    def _bilevel(self) -> Seen:
        """M on the val batch, then θ″ on the train batch."""
        val, train = self.gradient(VAL, self.step_number), self.gradient(TRAIN, self.step_number)
        self.objective.move_indicators(self.optimizers["indicators"], self.bilevel.gradient(val, train))
        gradients = train(self.lower)
        length = self.clip(self.lower, gradients)
        descend(self.optimizers["weights"], self.lower, gradients)
        val_identity = val.values.unread["identity"]
        return Seen({**train.values.unread, "val identity": val_identity, "gradient": length})

    def _side_by_side(self) -> Seen:
        """M and θ″ on the mean gradient of two batches: the faces of an iteration of the search, and its one step."""
        batches = [self.gradient(ALL, number) for number in (2 * self.step_number, 2 * self.step_number + 1)]
        first, second = (batch([*self.upper, *self.lower]) for batch in batches)
        gradients = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
        upper, lower = gradients[: len(self.upper)], gradients[len(self.upper) :]
        length = self.clip(self.lower, lower)
        if self.upper:
            self.objective.move_indicators(self.optimizers["indicators"], upper)
        descend(self.optimizers["weights"], self.lower, lower)
        return Seen({**batches[1].values.unread, "gradient": length})

    def gradient(self, stream: int, number: int) -> BatchGradient:
        """Of the loss on batch ``number`` of a stream."""
        return BatchGradient(self.objective, self.batches[stream], number, self.team, self.bfloat16)


class BatchGradient:
    """The gradient of the objective on batch ``number``: the mean over its micro-batches, all processes' together.

    Called with parameters it gives their gradients; the batch is drawn once and stays the same. ``values`` holds the
    terms of the loss at the last call, by name.
    """

    def __init__(self, objective: Objective, batches: Batches, number: int, team: Team, bfloat16: bool):
        self.objective, self.team, self.bfloat16 = objective, team, bfloat16
        self.count = batches.config.micros
        self.micros = [micro.to(team.device) for micro in batches.take(number, team.share(self.count))]
        self.values = Seen({})

    def __call__(self, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
        sums = [torch.zeros_like(p) for p in parameters]
        values = torch.zeros(len(self.objective.measures), device=self.team.device)
        for micro in self.micros:
            terms = self.objective(micro, self.bfloat16)
            gradients = torch.autograd.grad(total(terms) / self.count, parameters, allow_unused=True)
            for sum_, gradient in zip(sums, gradients, strict=True):
                if gradient is not None:
                    sum_ += gradient
            values += torch.stack([term.value.detach() for term in terms]) / self.count
        *sums, values = self.team.sum([*sums, values])
        self.values = Seen(dict(zip(self.objective.measures, values.unbind(), strict=True)))
        return sums
