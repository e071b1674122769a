"""``train``: base weights by distillation, saliency by search and fine-tuning, or all of it from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ssn.commands.data_options import CacheFolder
from ssn.commands.from_nothing import MINUTES, Course, as_text, from_nothing
from ssn.commands.options import Device, JsonFile, say
from ssn.commands.options_of import Presets, on_command_line, refuse_unread, with_options
from ssn.commands.training_data import ReadyCrops, TeacherName, TrainingData, by_fold, read_training
from ssn.data.registry import DataRequest
from ssn.errors import CheckpointError, DataError
from ssn.machine import choose_device
from ssn.models.checkpoint import BASE_CHECKPOINT, load_backbone
from ssn.models.light_cnn import LightCNN29V2
from ssn.training.distill.export import export
from ssn.training.distill.recipe import PRESETS, DistillConfig, recipe_of
from ssn.training.distill.run import STATE_FILE, as_written_now, distill
from ssn.training.search.pipeline import STAGES, train_stages
from ssn.training.search.recipe import Recipe
from ssn.training.states import load_state
from ssn.training.team import Team

DISTILL = "distill"
ALONE = Path("runs") / "from-nothing"
UNREAD = {
    DISTILL: ("recipe", "base", "minutes"),
    "search": ("config", "preset", "start", "export_only", "recipe.finetune", "out", "minutes"),
    "finetune": ("config", "preset", "start", "export_only", "minutes"),
    "all": ("config", "preset", "start", "export_only", "minutes"),
}
"""Options, and parts of the recipes, that a stage does not read."""
CHOSEN_FOR = {"stage", "protocol", "fold", "faces"}
"""Whoever gives one of these knows what to train on; without any, all is learned from nothing."""


@with_options(config=Presets("preset", PRESETS), recipe=Recipe())
def train(
    context: typer.Context,
    data: DataRequest,
    stage: Annotated[
        str | None,
        typer.Option(help="distill (base weights; where none is named); search, finetune or all (from --base)."),
    ] = None,
    faces: ReadyCrops = None,
    teacher: TeacherName = "dlib",
    cache: CacheFolder = Path("cache"),
    run: Annotated[
        Path | None,
        typer.Option(help="Where this run keeps its state and log; runs/STAGE, for finetune the search's runs/search."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The finished weights; by default in the run's folder.")] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Distillation: weights, or another run's distill.pt, to go on from; random weights without it."
        ),
    ] = None,
    export_only: Annotated[
        bool, typer.Option(help="Distillation: write the weights of the run's last state, without training.")
    ] = False,
    preset: Annotated[
        str,
        typer.Option(
            metavar=f"[{'|'.join(PRESETS)}]",
            help="Distillation: what the options hold that are not given; gpu is what docs/training.md describes.",
        ),
    ] = next(iter(PRESETS)),
    base: Annotated[Path, typer.Option(help="Search, fine-tuning: the base weights to start from.")] = BASE_CHECKPOINT,
    resume: Annotated[bool, typer.Option(help="Go on from the run's last state.")] = False,
    minutes: Annotated[
        float, typer.Option(help="Without any data named: how long all of it may take, by the clock.")
    ] = MINUTES,
    device: Device = "auto",
    json_file: JsonFile = None,
    *,
    config: DistillConfig,
    recipe: Recipe,
) -> None:
    """Train on any protocol's people, on ready crops, or both. Without any option synthetic people are drawn and all
    stages run on them from random weights, in minutes. A killed run goes on with --resume and loses at most two."""
    given = on_command_line(context)
    if not given & CHOSEN_FOR:
        closed = ("config", "preset", "recipe", "base", "start", "export_only", "teacher", *data.given)
        refuse_unread(context, train.paths, closed, "train alone", " Or say --stage and --protocol.", but=("seed",))
        course, team = Course().with_seed(config.seed), Team(choose_device(device))
        told = from_nothing(cache, run or ALONE, out, resume, team, course, minutes)
        if told:
            say(as_text(told), told, json_file)
        return
    stage = stage or DISTILL
    if stage not in UNREAD:
        raise DataError(f"There is no stage {stage!r}.", f"Use one of {', '.join((DISTILL, *STAGES))}.")
    refuse_unread(context, train.paths, UNREAD[stage], f"--stage {stage}")
    asked = None if faces and not given & {"protocol", "fold"} else data
    if asked is None and data.given:
        raise DataError("These options are a protocol's.", "Say which: --protocol NAME.")
    if asked and asked.fold == "all" and (out or start):
        raise DataError("Every fold has weights of its own.", "Leave --out and --start out, or choose one fold.")
    run, team = run or Path("runs") / ("search" if stage == "finetune" else stage), Team(choose_device(device))
    made = []
    for request, folder in by_fold(asked, run):
        known = read_training(request, cache, faces, teacher, team)
        if stage == DISTILL:
            done = distil(config, known, folder, out, start, resume, export_only, team)
        else:
            things = known.faces, known.counts, folder, out, resume, team, known.own
            done = train_stages(stage, recipe, base, *things)
        made += [done] if done else []
    if made:
        words = [f"{each['model']} written to {each['file']}" if "model" in each else each["state"] for each in made]
        say(f"{stage} done: {'; '.join(words)}.", made[0] if len(made) == 1 else made, json_file)


def distil(
    config: DistillConfig,
    data: TrainingData,
    run: Path,
    out: Path | None,
    start: Path | None,
    resume: bool,
    export_only: bool,
    team: Team,
) -> dict[str, Any] | None:
    """Stage 0, and its weights as a checkpoint → what was done; None in all processes but the first."""
    before = load_state(start) if start and start.suffix == Path(STATE_FILE).suffix else None
    backbone = load_backbone(start) if start and before is None else None
    if not isinstance(backbone, LightCNN29V2 | None):
        raise CheckpointError(f"{start} is no Light CNN-29 v2, which this stage trains.", "Start from v2 weights.")
    stop_at = None
    if export_only:
        config, stop_at = recipe_of(as_written_now(load_state(run / STATE_FILE))), 0
    finished = distill(data.faces, config, run, team, resume or export_only, backbone, before, stop_at=stop_at)
    if not team.first:
        return None
    return export(finished, data.counts, data.teacher.words, out or run / "distilled.safetensors", start)
