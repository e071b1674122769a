"""Stage 1, automatic feature search: Algorithm 1 of the paper.

S_T is split in two at random. An iteration takes one batch of each half: M descends ∇_M L_val(θ″, M) by Adam on the
val half's, then θ″ descends ∇_θ″ L_train(θ″, M) by SGD on the train half's. Variants without the search learn M and θ″
side by side on both batches, which come from all of S_T: the same number of iterations and of faces.
"""

from __future__ import annotations

import numpy as np
import torch

from ssn.data.face_store import StoredFaces
from ssn.training.search.batches import Batches
from ssn.training.search.bilevel import Bilevel
from ssn.training.search.objective import BatchGradient, Objective
from ssn.training.search.people import Learners, halves
from ssn.training.search.recipe import Recipe
from ssn.training.search.stage import Stage
from ssn.training.team import Team

TRAIN, VAL, ALL = 1, 2, 3
"""Streams of random choices."""


class Search(Stage):
    """One run of stage 1. A second-order search runs in float32: bfloat16 would drown its finite difference."""

    name = "search"
    left_out = ("finetune",)

    def __init__(
        self,
        objective: Objective,
        crops: StoredFaces,
        learners: Learners,
        recipe: Recipe,
        team: Team,
        half: bool | None = None,
    ):
        super().__init__(objective, learners, recipe, team, False if recipe.search.order == 2 else half)
        self.variant = objective.variant
        if self.variant.search:
            train, val = halves(len(learners), recipe.seed)
            self.train = Batches(crops, learners, train, recipe.batches, recipe.seed, TRAIN)
            self.val = Batches(crops, learners, val, recipe.batches, recipe.seed, VAL)
            self.per_epoch = min(self.train.per_epoch, self.val.per_epoch)
        else:
            everyone = np.arange(len(learners))
            self.all = Batches(crops, learners, everyone, recipe.batches, recipe.seed, ALL)
            self.per_epoch = max(1, self.all.per_epoch // 2)
        self.upper = objective.indicators()
        parts = objective.weights()
        self.lower = [parameter for name in parts for parameter in parts[name]]
        rates = [getattr(recipe.rates, name) for name in parts for _ in parts[name]]
        self.bilevel = Bilevel(self.upper, self.lower, rates, recipe.search.order)
        self.optimizers["weights"] = self.weight_optimizer()
        if self.upper:
            self.optimizers["indicators"] = self._indicator_optimizer()

    @property
    def steps(self) -> int:
        return max(1, round(self.recipe.search.epochs * self.per_epoch))

    def _indicator_optimizer(self) -> torch.optim.Adam:
        """Adam on M, and on the weights of δ, each at its rate."""
        rates, correction = self.recipe.search, self.objective.network.correction_parameters()
        of_correction = {id(parameter) for parameter in correction}
        groups = [{"params": [p for p in self.upper if id(p) not in of_correction], "lr": rates.indicator_rate}]
        if correction:
            groups.append({"params": correction, "lr": rates.correction_rate})
        return torch.optim.Adam(groups)

    def step(self) -> dict[str, float]:
        return self._bilevel() if self.variant.search else self._side_by_side()

    def _bilevel(self) -> dict[str, float]:
        """M on the val batch, then θ″ on the train batch."""
        val = self._gradient(self.val, self.step_number)
        train = self._gradient(self.train, self.step_number)
        gradients = self.objective.tie(self.bilevel.gradient(val, train))
        self.descend("indicators", self.upper, gradients)
        gradients = train(self.lower)
        length = self.clip(self.lower, gradients)
        self.descend("weights", self.lower, gradients)
        return {**train.terms, "val identity": val.terms["identity"], "gradient": length}

    def _side_by_side(self) -> dict[str, float]:
        """M and θ″ on the same gradient, twice."""
        for number in (2 * self.step_number, 2 * self.step_number + 1):
            batch = self._gradient(self.all, number)
            gradients = batch([*self.upper, *self.lower])
            upper, lower = gradients[: len(self.upper)], gradients[len(self.upper) :]
            length = self.clip(self.lower, lower)
            if self.upper:
                self.descend("indicators", self.upper, self.objective.tie(upper))
            self.descend("weights", self.lower, lower)
        return {**batch.terms, "gradient": length}

    def _gradient(self, batches: Batches, number: int) -> BatchGradient:
        return BatchGradient(self.objective, batches, number, self.team, self.half)
