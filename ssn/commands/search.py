"""``train --stage search|finetune|all``: the options, and what they start. ``train`` itself holds the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ssn.data.crops import load_crops
from ssn.errors import DataError
from ssn.machine import choose_device
from ssn.models.checkpoint import load_model
from ssn.training.search.batches import BatchConfig
from ssn.training.search.objective import LossConfig
from ssn.training.search.people import choose_learners
from ssn.training.search.pipeline import Pipeline, export
from ssn.training.search.recipe import FinetuneConfig, Rates, Recipe, SearchConfig
from ssn.training.search.variants import VARIANTS, variant_named
from ssn.training.team import Team

STAGES = ("search", "finetune", "all")

Base = Annotated[Path, typer.Option(help="search, finetune: the base weights to start from.")]
VariantName = Annotated[str, typer.Option(help=f"search, finetune: {', '.join(VARIANTS)}.")]
Mode = Annotated[str, typer.Option(help="search, finetune: complete, or partial with random masks on the NIR faces.")]
SearchEpochs = Annotated[float, typer.Option(min=0, help="Epochs of stage 1, or a part of one; one step at least.")]
FinetuneEpochs = Annotated[float, typer.Option(min=0, help="Epochs of stage 2, or a part of one; one step at least.")]
Order = Annotated[int, typer.Option(min=1, max=2, help="Order of the bilevel gradient of stage 1.")]
Batch = Annotated[int, typer.Option(min=4, help="Faces of a batch.")]
Micro = Annotated[int, typer.Option(min=2, help="Faces that go through the network together.")]
WeightRate = Annotated[float, typer.Option(help="SGD's rate on the network; the classifier's is ten times that.")]
IndicatorRate = Annotated[float, typer.Option(help="Adam's rate on the indicators.")]
CorrectionRate = Annotated[float, typer.Option(min=0, help="ssn-adaptive: Adam's rate on the weights of δ.")]
FinalShare = Annotated[float, typer.Option(help="Share of the rates left at the end of stage 2; 1 keeps them.")]
Knowledge = Annotated[float, typer.Option(help="Weight of the distance to what the base knows.")]
Teacher = Annotated[float, typer.Option(min=0, help="Weight of what the base's teacher goes on telling.")]
Dimming = Annotated[float, typer.Option(min=0, help="ssn-adaptive: weight of taking saliency from hidden pixels.")]
Disturbance = Annotated[float, typer.Option(min=0, help="ssn-adaptive: weight of leaving that of shown ones alone.")]
Masked = Annotated[float, typer.Option(min=0, max=1, help="partial: share of the NIR faces that get a mask.")]
MaskedVis = Annotated[float, typer.Option(min=0, max=1, help="partial: share of the VIS faces that get a mask.")]
HeldOut = Annotated[int, typer.Option(min=0, help="People of --faces kept apart for the same-set test.")]


def make_recipe(
    variant: str = "ssn",
    mode: str = BatchConfig.mode,
    search_epochs: float = SearchConfig.epochs,
    finetune_epochs: float = FinetuneConfig.epochs,
    order: int = SearchConfig.order,
    batch: int = BatchConfig.batch,
    micro: int = BatchConfig.micro,
    weight_rate: float = Rates.network,
    indicator_rate: float = SearchConfig.indicator_rate,
    correction_rate: float = SearchConfig.correction_rate,
    final: float = FinetuneConfig.final,
    knowledge: float = LossConfig.knowledge,
    masked: float = BatchConfig.masked,
    masked_vis: float = BatchConfig.masked_vis,
    held_out: int = Recipe.held_out,
    seed: int = 0,
    base: str = "",
    teacher: float = LossConfig.teacher,
    dimming: float = LossConfig.dimming,
    disturbance: float = LossConfig.disturbance,
) -> Recipe:
    """Options as numbers → the recipe. Raises DataError for an unknown variant or mode, or batches that do not fit."""
    variant_named(variant)
    return Recipe(
        variant=variant,
        base=base,
        seed=seed,
        held_out=held_out,
        batches=BatchConfig(batch=batch, micro=micro, mode=mode, masked=masked, masked_vis=masked_vis),
        loss=LossConfig(knowledge=knowledge, teacher=teacher, dimming=dimming, disturbance=disturbance),
        rates=replace(Rates(), network=weight_rate, classifier=10 * weight_rate),
        search=SearchConfig(
            epochs=search_epochs, indicator_rate=indicator_rate, correction_rate=correction_rate, order=order
        ),
        finetune=FinetuneConfig(epochs=finetune_epochs, correction_rate=correction_rate, final=final),
    )


def train_stages(
    stage: str,
    recipe: Recipe,
    base: Path,
    lfw: Path | None,
    faces: Path | None,
    cache: Path,
    run: Path,
    out: Path | None,
    resume: bool,
    device: str,
) -> dict | None:
    """Run stage 1, stage 2 or both and write the weights to ``out`` (after stage 2) → what was done; None in all
    processes but the first. ``out`` None is VARIANT-MODE.safetensors in the run's folder."""
    if stage not in STAGES:
        raise DataError(f"There is no stage {stage!r}.", f"Use one of {', '.join(STAGES)}.")
    team = Team(choose_device(device))
    network, card = load_model(base)
    recipe = replace(recipe, base=card.model_id)
    crops, counts = load_crops(cache, lfw, faces)
    learners = choose_learners(crops, recipe.held_out)
    objective = Pipeline(network, crops, learners, recipe, run, team).run(stage, resume)
    if not team.first:
        return None
    done = {"stage": stage, "variant": recipe.variant, "people": learners.classes, "photos": len(learners)}
    if stage == "search":
        return {**done, "state": str(run / "search.pt")}
    data = {**counts, "people": learners.classes, "photos": len(learners), "held_out": recipe.held_out}
    out = out or run / f"{recipe.variant}-{recipe.batches.mode}.safetensors"
    card = export(objective, recipe, data, out)
    return {**done, "model": card.model_id, "file": str(out), "training": card.training}
