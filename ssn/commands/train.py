"""``train``: stage 0, distillation of the base weights."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ssn.commands.options import Device, JsonFile, say
from ssn.commands.search import (
    Base,
    Batch,
    CorrectionRate,
    Dimming,
    Disturbance,
    FinalShare,
    FinetuneEpochs,
    HeldOut,
    IndicatorRate,
    Knowledge,
    Masked,
    MaskedVis,
    Micro,
    Mode,
    Order,
    SearchEpochs,
    Teacher,
    VariantName,
    WeightRate,
    make_recipe,
    train_stages,
)
from ssn.data.crops import load_crops
from ssn.errors import CheckpointError, DataError
from ssn.faces.types import FACE_SIZE
from ssn.machine import choose_device
from ssn.models.balance import balance
from ssn.models.card import ModelCard
from ssn.models.checkpoint import BASE_CHECKPOINT, load_backbone, save_model
from ssn.models.light_cnn import LightCNN29V2
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.training.augment import ViewRanges
from ssn.training.distill.recipe import DistillConfig, recipe_of
from ssn.training.distill.run import STATE_FILE, Distillation, distill
from ssn.training.search.batches import BatchConfig
from ssn.training.search.objective import LossConfig
from ssn.training.search.recipe import FinetuneConfig, Rates, Recipe, SearchConfig
from ssn.training.search.warm_up import still_views
from ssn.training.states import load_state
from ssn.training.team import Team


def train(
    stage: Annotated[
        str, typer.Option(help="distill (base weights); search, finetune or all (saliency, from --base).")
    ] = "distill",
    lfw: Annotated[
        Path | None, typer.Option(envvar="SSN_LFW", help="LFW's folder; peopleDevTrain is learned from.")
    ] = None,
    faces: Annotated[
        Path | None, typer.Option(envvar="SSN_FACES", help="Folder of aligned crops, SET.tar and SET.npz.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where crops and descriptors are kept between runs.")] = Path("cache"),
    run: Annotated[Path, typer.Option(help="Where this run keeps its state and TensorBoard log.")] = Path(
        "runs/distill"
    ),
    out: Annotated[Path | None, typer.Option(help="The finished weights; by default in the run's folder.")] = None,
    images: Annotated[int, typer.Option(min=64, help="distill: views to learn from in all.")] = DistillConfig.images,
    learning_rate: Annotated[float, typer.Option(help="distill: peak rate of AdamW.")] = DistillConfig.learning_rate,
    start: Annotated[
        Path | None,
        typer.Option(help="distill: weights, or another run's distill.pt, to go on from; random weights without it."),
    ] = None,
    sizes: Annotated[
        str, typer.Option(help="distill: sides of the views in pixels and their shares of the views, in order.")
    ] = ",".join(f"{side}:{share:g}" for side, share in DistillConfig.sizes),
    occluded: Annotated[
        float, typer.Option(min=0, max=1, help="distill: share of the views that get a black rectangle.")
    ] = ViewRanges.occluded,
    occlusion_sides: Annotated[
        str, typer.Option(help="distill: shortest and longest side of it, as shares of the face's.")
    ] = f"{ViewRanges.occlusion_low:g}:{ViewRanges.occlusion_high:g}",
    seed: Annotated[int, typer.Option(help="Decides every random choice.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on from the run's last state.")] = False,
    export_only: Annotated[
        bool, typer.Option(help="distill: write the weights of the run's last state, without training.")
    ] = False,
    base: Base = BASE_CHECKPOINT,
    variant: VariantName = "ssn",
    mode: Mode = BatchConfig.mode,
    search_epochs: SearchEpochs = SearchConfig.epochs,
    finetune_epochs: FinetuneEpochs = FinetuneConfig.epochs,
    order: Order = SearchConfig.order,
    batch: Batch = BatchConfig.batch,
    micro: Micro = BatchConfig.micro,
    weight_rate: WeightRate = Rates.network,
    indicator_rate: IndicatorRate = SearchConfig.indicator_rate,
    correction_rate: CorrectionRate = SearchConfig.correction_rate,
    final: FinalShare = FinetuneConfig.final,
    knowledge: Knowledge = LossConfig.knowledge,
    teacher: Teacher = LossConfig.teacher,
    dimming: Dimming = LossConfig.dimming,
    disturbance: Disturbance = LossConfig.disturbance,
    masked: Masked = BatchConfig.masked,
    masked_vis: MaskedVis = BatchConfig.masked_vis,
    held_out: HeldOut = Recipe.held_out,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Train on your own data. A killed run goes on with --resume and loses at most two minutes."""
    if stage != "distill":
        recipe = make_recipe(
            variant=variant,
            mode=mode,
            search_epochs=search_epochs,
            finetune_epochs=finetune_epochs,
            order=order,
            batch=batch,
            micro=micro,
            weight_rate=weight_rate,
            indicator_rate=indicator_rate,
            correction_rate=correction_rate,
            final=final,
            knowledge=knowledge,
            teacher=teacher,
            dimming=dimming,
            disturbance=disturbance,
            masked=masked,
            masked_vis=masked_vis,
            held_out=held_out,
            seed=seed,
        )
        done = train_stages(stage, recipe, base, lfw, faces, cache, run, out, resume, device)
        if done:
            say(f"{stage} done.", done, json_file)
        return
    out = out or run / "distilled.safetensors"
    before = load_state(start) if start and start.suffix == Path(STATE_FILE).suffix else None
    backbone = load_backbone(start) if start and before is None else None
    if not isinstance(backbone, LightCNN29V2 | None):
        raise CheckpointError(f"{start} is no Light CNN-29 v2, which this stage trains.", "Start from v2 weights.")
    crops, counts = load_crops(cache, lfw, faces)
    low, high = sides_of(occlusion_sides)
    views = ViewRanges(occluded=occluded, occlusion_low=low, occlusion_high=high)
    config = DistillConfig(images=images, learning_rate=learning_rate, seed=seed, sizes=sizes_of(sizes), views=views)
    stop_at = None
    if export_only:
        config, stop_at = recipe_of(load_state(run / STATE_FILE)), 0
    team = Team(choose_device(device))
    finished = distill(crops, config, run, team, resume or export_only, backbone, before, stop_at=stop_at)
    if not team.first:
        return
    data = export(finished, counts, out, start)
    say(f"{data['model']} written to {out} after {data['views']:,} views.", data, json_file)


def sizes_of(text: str) -> tuple[tuple[int, float], ...]:
    """ "64:0.6,128:0.4" → ((64, 0.6), (128, 0.4)). Raises DataError for what cannot be read, or shares other than 1."""
    try:
        found = tuple((int(side), float(share)) for side, share in (one.split(":") for one in text.split(",")))
    except ValueError as error:
        raise DataError(f"{text!r} are no sizes and shares.", "Write them like 64:0.6,128:0.4.") from error
    if any(side < 32 or share <= 0 for side, share in found) or abs(sum(share for _, share in found) - 1) > 1e-6:
        raise DataError(f"{text!r} are no sizes of 32 and more whose shares make 1.", "Write them like 64:0.6,128:0.4.")
    return found


def sides_of(text: str) -> tuple[float, float]:
    """ "0.15:0.65" → (0.15, 0.65). Raises DataError for what is no pair of shares in order."""
    try:
        low, high = (float(side) for side in text.split(":"))
    except ValueError as error:
        raise DataError(f"{text!r} are no two sides.", "Write them like 0.15:0.65.") from error
    if not 0 < low <= high <= 1:
        raise DataError(f"{text!r} are no two sides between 0 and 1, in order.", "Write them like 0.15:0.65.")
    return low, high


def export(finished: Distillation, counts: dict, out: Path, start: Path | None = None) -> dict:
    """A run → its averaged weights in half precision under ``out``, with what they were made from."""
    views = finished.step_number * finished.config.batch
    training = {
        "stage": "distill",
        "teacher": "dlib face recognition ResNet v1, 128-d descriptors",
        "data": counts,
        **({"started from": start.name} if start and not finished.before else {}),
        **({"runs before": finished.before} if finished.before else {}),
        "views": views,
        "recipe": asdict(finished.config),
    }
    network = SaliencySearchNetwork(type(finished.student.backbone)(), selection=False)
    network.backbone.load_state_dict(finished.averaged_backbone())
    faces = still_views(finished.crops, np.arange(min(64, len(finished.crops))), FACE_SIZE)
    balance(network, faces, branch_indices(["vis"] * len(faces)))
    tensors = {name: tensor for name, tensor in network.state_dict().items() if name.startswith("backbone.")}
    card = save_model(out, tensors, ModelCard("light-cnn-29-v2-distilled", training=training))
    return {"model": card.model_id, "file": str(out), "views": views, "training": training}
