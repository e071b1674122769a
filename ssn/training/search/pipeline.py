"""From base weights to a finished variant: warm start, stage 1, stage 2, and the file that holds the result."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError, DataError
from ssn.machine import has_fast_bfloat16
from ssn.models.backbone import architecture_of
from ssn.models.balance import balance
from ssn.models.card import ModelCard
from ssn.models.checkpoint import load_model, save_model
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.training.augment import still_views
from ssn.training.crops import Crops
from ssn.training.runner import Stage, run_stage
from ssn.training.search.algorithm1 import Search
from ssn.training.search.distilled import DistilledKnowledge
from ssn.training.search.finetune import Finetune
from ssn.training.search.objective import Objective
from ssn.training.search.people import LFW_SOURCE, TrainingPeople, choose_people
from ssn.training.search.recipe import Recipe
from ssn.training.search.variants import start_network, variant_named
from ssn.training.search.warm_up import warm_start
from ssn.training.spectra import Spectra
from ssn.training.states import load_state
from ssn.training.team import Team

BALANCED_ON = 16
"""Faces the base's activations are measured on."""
STAGES = ("search", "finetune", "all")
PAPER_RATE = 1e-4
"""The paper's rate of θ″."""
UNLIMITED: Mapping[str, float] = MappingProxyType({})
"""No stage's time is limited."""


class Pipeline:
    """One variant's training: what it starts from, and the folder that keeps its states.

    ``warm_file`` may be shared by runs from the same base and people. ``bfloat16`` None lets the machine decide.
    """

    def __init__(
        self,
        base: SaliencySearchNetwork,
        faces: StoredFaces,
        people: TrainingPeople,
        recipe: Recipe,
        folder: str | Path,
        team: Team,
        warm_file: str | Path | None = None,
        bfloat16: bool | None = None,
    ):
        self.faces, self.people, self.recipe, self.team = faces, people, as_learned(recipe), team
        self.folder, self.crops = Path(folder), Crops(faces.pixels, team.device)
        self.bfloat16 = has_fast_bfloat16(team.device) if bfloat16 is None else bfloat16
        variant = variant_named(recipe.variant)
        base = balanced(base, faces, people, recipe.batches.size).to(team.device).to(memory_format=torch.channels_last)
        team.broadcast([*base.parameters(), *base.buffers()])
        warm_file = warm_file or self.folder / "warm.pt"
        start = warm_start(base, faces, people, recipe, team, self.bfloat16, warm_file, self.crops)
        network = start_network(base, variant, recipe.seed)
        size, seed = recipe.batches.size, recipe.seed
        distilled = DistilledKnowledge(faces, people, start.targets) if recipe.loss.teacher > 0 else None
        classifier = start.linear(cold=seed if variant.slow else None)
        self.done: dict[str, float] = {}
        """By name of the stages that ran, which share of its steps each has done."""
        self.objective = Objective(network, classifier, start.targets, variant, recipe.loss, size, seed, distilled)

    def run(
        self,
        stage: str = "all",
        resume: bool = False,
        save_every: float = 120.0,
        progress: bool = True,
        seconds: Mapping[str, float] = UNLIMITED,
    ) -> Objective:
        """Run stage 1 (``search``), stage 2 on what stage 1 left (``finetune``), or both, and return the result.

        With ``resume`` a run goes on where it was killed. ``seconds`` limits the time of a stage by its name, see
        ``run_stage``. Raises CheckpointError where there is nothing to go on from.
        """
        search = self._make(Search)
        stages: list[Stage] = [search]
        if stage == "finetune":
            search.restore(load_state(self.folder / "search.pt"))
            if search.step_number < search.steps:
                raise CheckpointError("Stage 1 is not finished.", "Run --stage search --resume first.")
        else:
            limit = seconds.get(search.name)
            run_stage(search, self.folder, resume, save_every, progress=progress, seconds=limit)
        if stage != "search":
            begun = (self.folder / "finetune.pt").is_file()
            again = resume and (begun or stage == "finetune")
            stages.append(self._make(Finetune))
            limit = seconds.get(Finetune.name)
            run_stage(stages[-1], self.folder, again, save_every, progress=progress, seconds=limit)
        self.done = {each.name: each.step_number / each.steps for each in stages}
        return self.objective

    def _make(self, kind: type[Search] | type[Finetune]) -> Search | Finetune:
        things = self.objective, self.faces, self.people, self.recipe, self.team, self.bfloat16
        return kind(*things, self.crops)


def as_learned(recipe: Recipe) -> Recipe:
    """The recipe with what its variant decides: no masks, or the one rate that the paper states."""
    variant = variant_named(recipe.variant)
    if not variant.masks:
        recipe = replace(recipe, batches=replace(recipe.batches, mode="complete"))
    if variant.slow:
        recipe = replace(recipe, rates=replace(recipe.rates, network=PAPER_RATE, classifier=1.0))
    return recipe


def balanced(
    base: SaliencySearchNetwork, faces: StoredFaces, people: TrainingPeople, size: int
) -> SaliencySearchNetwork:
    """A copy of the base with the same answers, whose activations are of order one on the people's first photos."""
    base = copy.deepcopy(base).cpu().float()
    rows = people.rows[:BALANCED_ON]
    branches = ["nir" if nir else "vis" for nir in faces.nir[rows]]
    balance(base, still_views(faces, rows, size), branch_indices(branches))
    return base


def export(objective: Objective, recipe: Recipe, data: dict[str, Any], path: str | Path) -> ModelCard:
    """Write a variant's network as a checkpoint in half precision → its card. ``data`` goes into the card.

    The baseline is saved as a plain backbone. Of every other variant the indicators are what training made them.
    """
    recipe = as_learned(recipe)
    mode = recipe.batches.mode
    training = {"stage": "search and finetune", "variant": recipe.variant, "data": data, "recipe": recipe.facts()}
    card = ModelCard(
        name=f"{recipe.variant}-{mode}",
        architecture=architecture_of(objective.network.backbone),
        searched=objective.variant.selection != "none",
        training=training,
        selection="adaptive" if objective.variant.selection == "adaptive" else "pixel",
    )
    return save_model(path, objective.network.state_dict(), card)


def data_facts(faces: StoredFaces, people: TrainingPeople, recipe: Recipe, counts: dict[str, Any]) -> dict[str, Any]:
    """What a card says of the faces: ``counts`` by set, people, photos, and what NIR was."""
    return {
        **counts,
        "people": people.classes,
        "photos": len(people),
        "held_out": len(np.unique(faces.identities[people.held_out])),
        "nir": Spectra(faces, recipe.batches.simulate_nir).words,
    }


def train_stages(
    stage: str,
    recipe: Recipe,
    base: Path,
    faces: StoredFaces,
    counts: dict[str, Any],
    run: Path,
    out: Path | None,
    resume: bool,
    team: Team,
    own: str = LFW_SOURCE,
    seconds: Mapping[str, float] = UNLIMITED,
) -> dict[str, Any] | None:
    """Run stage 1, stage 2 or both and write the weights to ``out`` (after stage 2) → what was done; None in all
    processes but the first. ``out`` None is VARIANT-MODE.safetensors in the run's folder; ``own`` is the source of the
    protocol's people; ``seconds`` as in ``Pipeline.run``."""
    if stage not in STAGES:
        raise DataError(f"There is no stage {stage!r}.", f"Use one of {', '.join(STAGES)}.")
    network, card = load_model(base)
    recipe = replace(recipe, base=card.model_id)
    people = choose_people(faces, recipe.held_out, own=own)
    pipeline = Pipeline(network, faces, people, recipe, run, team)
    objective = pipeline.run(stage, resume, seconds=seconds)
    if not team.first:
        return None
    done = {"stage": stage, "variant": recipe.variant, "people": people.classes, "photos": len(people)}
    done["done"] = pipeline.done
    if stage == "search":
        return {**done, "state": str(run / "search.pt")}
    out = out or run / f"{recipe.variant}-{recipe.batches.mode}.safetensors"
    card = export(objective, recipe, data_facts(faces, people, recipe, counts), out)
    return {**done, "model": card.model_id, "file": str(out), "training": card.training}
