"""``ablate``: the rows of the paper's Table VII in our setting, trained and measured."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ssn.ablation.judge import TEACHER, Judge, face_sets, measured_once, notes
from ssn.ablation.rows import Ablation, AblationConfig
from ssn.ablation.table import as_markdown
from ssn.commands.options import Device, JsonFile, say
from ssn.commands.options_of import refuse_unread, with_options
from ssn.commands.train import read_faces
from ssn.errors import DataError
from ssn.evaluation.report import write_json
from ssn.machine import choose_device
from ssn.models.checkpoint import BASE_CHECKPOINT, load_model
from ssn.training.search.batches import BatchConfig
from ssn.training.search.objective import LossConfig, Objective
from ssn.training.search.people import choose_people
from ssn.training.search.pipeline import Pipeline, data_facts
from ssn.training.search.recipe import FinetuneConfig, Rates, Recipe, SearchConfig
from ssn.training.search.variants import VARIANTS
from ssn.training.team import Team

SHARED_RECIPE = Recipe(
    batches=BatchConfig(masked_vis=0.5),
    loss=LossConfig(knowledge=0.0, teacher=20.0, dimming=1.0, disturbance=10.0),
    rates=Rates(network=3e-4),
    search=SearchConfig(epochs=2, indicator_rate=2e-3, correction_rate=2e-3),
    finetune=FinetuneConfig(epochs=3, correction_rate=2e-3, final=0.05),
)
"""What the shipped table was made with."""


@with_options(recipe=SHARED_RECIPE)
def ablate(
    context: typer.Context,
    protocol: Annotated[str, typer.Option(help="lfw")] = "lfw",
    lfw: Annotated[Path | None, typer.Option(envvar="SSN_LFW", help="LFW's folder.")] = None,
    faces: Annotated[
        Path | None, typer.Option(envvar="SSN_FACES", help="Folder of aligned crops, SET.tar and SET.npz.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where crops are kept between runs.")] = Path("cache"),
    run: Annotated[Path, typer.Option(help="Where rows are kept; a killed ablation goes on there.")] = Path(
        "runs/ablation"
    ),
    out: Annotated[Path, typer.Option(help="The table: this name with .md and .json.")] = Path("docs/ablation"),
    variants: Annotated[str, typer.Option(help="Rows, comma-separated.")] = ",".join(VARIANTS),
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds each row gets.")] = 3,
    shortlist: Annotated[int, typer.Option(min=0, help="Gallery faces re-ranked per probe; 0 leaves it.")] = 50,
    anyway: Annotated[bool, typer.Option(help="Go on although the baseline does not beat the base.")] = False,
    base: Annotated[Path, typer.Option(help="The base weights that every row starts from.")] = BASE_CHECKPOINT,
    device: Device = "auto",
    json_file: JsonFile = None,
    *,
    recipe: Recipe,
) -> None:
    """Train every variant with several seeds, measure all, and write the table. Killed, it goes on where it was."""
    refuse_unread(context, ablate.paths, ("recipe.variant", "recipe.seed"), "ablate", " See --variants and --seeds.")
    if protocol != "lfw":
        raise DataError(f"There is no ablation on {protocol!r}.", "Use lfw.")
    config = AblationConfig(recipe, tuple(variants.split(",")), tuple(range(seeds)))
    team = Team(choose_device(device))
    network, card = load_model(base)
    config = replace(config, recipe=replace(recipe, base=card.model_id))
    stored, counts = read_faces(lfw, faces, cache, team)
    people = choose_people(stored, recipe.held_out)
    data = data_facts(stored, people, recipe, counts)
    judge = Judge(face_sets(cache, lfw, stored, people), data, shortlist, team)

    def train(row: Recipe, folder: Path) -> Objective:
        pipeline = Pipeline(network, stored, people, row, folder, team, run / "warm.pt")
        return pipeline.run("all", resume=team.first_does((folder / "search.pt").is_file))

    def report(text: str) -> None:
        if team.first:
            typer.echo(text, err=True)

    def measured() -> tuple[dict[str, Any], dict[str, Any]]:
        of_base = measured_once(run / "base.json", card.model_id, judge.facts, lambda: judge.of_file(base))
        return of_base, measured_once(run / "teacher.json", TEACHER, judge.facts, judge.of_teacher)

    of_base, of_teacher = team.first_does(measured)
    facts = {"people": people.fingerprint, "judged": judge.facts}
    ablation = Ablation(config, run, train, judge, of_base, team, facts)
    ablation.run(anyway, report)
    if team.first:
        told = {"notes": notes(list(counts), data["nir"], shortlist), "commands": [_command()]}
        summary = ablation.summary(protocol=protocol, data=data, teacher=of_teacher, **told, shortlist=shortlist)
        page = as_markdown(summary)
        write_json(summary, out.with_suffix(".json"))
        out.with_suffix(".md").write_text(page, encoding="utf-8")
        say(page, summary, json_file)


def _command() -> str:
    """How this was started, without the folders of this machine."""
    places = {"--lfw", "--faces", "--cache", "--run", "--out", "--base", "--json"}
    words, shown = sys.argv[1:], []
    for before, word in zip(["", *words], words, strict=False):
        shown.append(Path(word).name if before in places and not word.startswith("--") else word)
    return " ".join(["python -m ssn", *shown])
