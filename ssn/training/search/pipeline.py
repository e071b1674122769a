"""From base weights to a finished variant: warm start, stage 1, stage 2, and the file that holds the result."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Literal

import torch

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError
from ssn.machine import has_fast_bfloat16
from ssn.models.balance import balance
from ssn.models.card import ModelCard
from ssn.models.checkpoint import save_model
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.training.search.algorithm1 import Search
from ssn.training.search.distilled import Teaching
from ssn.training.search.finetune import Finetune
from ssn.training.search.objective import Objective
from ssn.training.search.people import Learners
from ssn.training.search.recipe import Recipe
from ssn.training.search.stage import run_stage
from ssn.training.search.variants import start_network, variant_named
from ssn.training.search.warm_up import still_views, warm_start
from ssn.training.states import load_state
from ssn.training.team import Team

BALANCED_ON = 16
"""Faces the base's activations are measured on."""
StageName = Literal["search", "finetune", "all"]


class Pipeline:
    """One variant's training: what it starts from, and the folder that keeps its states.

    ``warm_file`` may be shared by runs from the same base and people. ``half`` is bfloat16; None lets the machine
    decide.
    """

    def __init__(
        self,
        base: SaliencySearchNetwork,
        crops: StoredFaces,
        learners: Learners,
        recipe: Recipe,
        folder: str | Path,
        team: Team,
        warm_file: str | Path | None = None,
        half: bool | None = None,
    ):
        self.crops, self.learners, self.recipe, self.team = crops, learners, recipe, team
        self.folder = Path(folder)
        self.half = has_fast_bfloat16(team.device) if half is None else half
        variant = variant_named(recipe.variant)
        base = balanced(base, crops, learners, recipe.batches.size).to(team.device, memory_format=torch.channels_last)
        start = warm_start(base, crops, learners, recipe, team, self.half, warm_file or self.folder / "warm.pt")
        network = start_network(base, variant, recipe.seed)
        size, seed = recipe.batches.size, recipe.seed
        teaching = Teaching(crops, learners, start.targets) if recipe.loss.teacher > 0 else None
        self.objective = Objective(network, start.linear(), start.targets, variant, recipe.loss, size, seed, teaching)

    def run(
        self, stage: StageName = "all", resume: bool = False, save_every: float = 120.0, progress: bool = True
    ) -> Objective:
        """Run stage 1, stage 2 on what stage 1 left, or both, and return the result.

        With ``resume`` a run goes on where it was killed. Raises CheckpointError where there is nothing to go on from.
        """
        search = self._make(Search)
        if stage == "finetune":
            search.restore(load_state(self.folder / "search.pt"))
            if search.step_number < search.steps:
                raise CheckpointError("Stage 1 is not finished.", "Run --stage search --resume first.")
        else:
            run_stage(search, self.folder, resume, save_every, progress=progress)
        if stage != "search":
            begun = (self.folder / "finetune.pt").is_file()
            again = resume and (begun or stage == "finetune")
            run_stage(self._make(Finetune), self.folder, again, save_every, progress=progress)
        return self.objective

    def _make(self, kind: type[Search] | type[Finetune]):
        return kind(self.objective, self.crops, self.learners, self.recipe, self.team, self.half)


def balanced(base: SaliencySearchNetwork, crops: StoredFaces, learners: Learners, size: int) -> SaliencySearchNetwork:
    """A copy of the base with the same answers, whose activations are of order one on the first learners."""
    base = copy.deepcopy(base).cpu().float()
    gray = still_views(crops, learners.rows[:BALANCED_ON], size)
    balance(base, gray, branch_indices(["vis"] * len(gray)))
    return base


def export(objective: Objective, recipe: Recipe, data: dict, path: str | Path) -> ModelCard:
    """Write a variant's network as a checkpoint in half precision → its card. ``data`` goes into the card.

    The baseline is saved as a plain backbone. Of every other variant the indicators are what training made them.
    """
    mode = recipe.batches.mode
    training = {"stage": "search and finetune", "variant": recipe.variant, "data": data, "recipe": recipe.facts()}
    card = ModelCard(
        name=f"{recipe.variant}-{mode}",
        searched=objective.variant.selection != "none",
        training=training,
        selection="adaptive" if objective.variant.selection == "adaptive" else "pixel",
    )
    return save_model(path, objective.network.state_dict(), card)
