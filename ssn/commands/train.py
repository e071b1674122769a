"""``train``: base weights by distillation, or saliency by search and fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ssn.commands.options import Device, JsonFile, say
from ssn.commands.options_of import refuse_unread, with_options
from ssn.data.crops import load_crops
from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError, DataError
from ssn.machine import choose_device
from ssn.models.checkpoint import BASE_CHECKPOINT, load_backbone
from ssn.models.light_cnn import LightCNN29V2
from ssn.training.distill.export import export
from ssn.training.distill.recipe import DistillConfig, recipe_of
from ssn.training.distill.run import STATE_FILE, as_written_now, distill
from ssn.training.search.pipeline import STAGES, train_stages
from ssn.training.search.recipe import Recipe
from ssn.training.states import load_state
from ssn.training.team import Team

DISTILL = "distill"
UNREAD = {
    DISTILL: ("recipe", "base"),
    "search": ("config", "start", "export_only", "recipe.finetune", "out"),
    "finetune": ("config", "start", "export_only"),
    "all": ("config", "start", "export_only"),
}
"""Options, and parts of the recipes, that a stage does not read."""
TEACHER = "dlib face recognition ResNet v1, 128-d descriptors"


@with_options(config=DistillConfig(), recipe=Recipe())
def train(
    context: typer.Context,
    stage: Annotated[
        str, typer.Option(help="distill (base weights); search, finetune or all (saliency, from --base).")
    ] = DISTILL,
    lfw: Annotated[
        Path | None, typer.Option(envvar="SSN_LFW", help="LFW's folder; peopleDevTrain is learned from.")
    ] = None,
    faces: Annotated[
        Path | None, typer.Option(envvar="SSN_FACES", help="Folder of aligned crops, SET.tar and SET.npz.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where crops and descriptors are kept between runs.")] = Path("cache"),
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
    base: Annotated[Path, typer.Option(help="Search, fine-tuning: the base weights to start from.")] = BASE_CHECKPOINT,
    resume: Annotated[bool, typer.Option(help="Go on from the run's last state.")] = False,
    device: Device = "auto",
    json_file: JsonFile = None,
    *,
    config: DistillConfig,
    recipe: Recipe,
) -> None:
    """Train on your own data. A killed run goes on with --resume and loses at most two minutes."""
    if stage not in UNREAD:
        raise DataError(f"There is no stage {stage!r}.", f"Use one of {', '.join((DISTILL, *STAGES))}.")
    refuse_unread(context, train.paths, UNREAD[stage], f"--stage {stage}")
    run = run or Path("runs") / ("search" if stage == "finetune" else stage)
    team = Team(choose_device(device))
    stored, counts = read_faces(lfw, faces, cache, team)
    if stage == DISTILL:
        done = distil(config, stored, counts, run, out, start, resume, export_only, team)
    else:
        done = train_stages(stage, recipe, base, stored, counts, run, out, resume, team)
    if done:
        words = f"{done['model']} written to {done['file']}" if "model" in done else f"State in {done['state']}"
        say(f"{stage} done: {words}.", done, json_file)


def read_faces(lfw: Path | None, faces: Path | None, cache: Path, team: Team) -> tuple[StoredFaces, dict[str, Any]]:
    """The training faces and what a card says of them; what is not in ``cache`` yet is built there by one process."""
    return team.first_before_others(lambda: load_crops(cache, lfw, faces))


def distil(
    config: DistillConfig,
    faces: StoredFaces,
    counts: dict[str, Any],
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
    finished = distill(faces, config, run, team, resume or export_only, backbone, before, stop_at=stop_at)
    if not team.first:
        return None
    return export(finished, counts, TEACHER, out or run / "distilled.safetensors", start)
