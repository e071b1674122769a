"""``ablate``: the rows of the paper's Table VII in our setting, trained and measured."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ssn.ablation.folds import over_folds
from ssn.ablation.judge import Judge, face_sets, measured_once, notes
from ssn.ablation.rows import Ablation, AblationConfig
from ssn.ablation.table import as_markdown
from ssn.commands.data_options import CacheFolder
from ssn.commands.options import Device, JsonFile, say
from ssn.commands.options_of import refuse_unread, with_options
from ssn.commands.training_data import ReadyCrops, TeacherName, TrainingData, by_fold, read_training
from ssn.data.face_store import FaceStore
from ssn.data.registry import DataRequest
from ssn.errors import DataError
from ssn.evaluation.report import write_json
from ssn.files import atomically
from ssn.machine import choose_device
from ssn.models.checkpoint import BASE_CHECKPOINT, load_model
from ssn.models.network import SaliencySearchNetwork
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
    data: DataRequest,
    faces: ReadyCrops = None,
    teacher: TeacherName = "dlib",
    cache: CacheFolder = Path("cache"),
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
    """Train every variant with several seeds on a protocol's training people, measure all on its test, and write the
    table; of all folds their mean and deviation. Killed, it goes on where it was."""
    refuse_unread(context, ablate.paths, ("recipe.variant", "recipe.seed"), "ablate", " See --variants and --seeds.")
    config = AblationConfig(recipe, tuple(variants.split(",")), tuple(range(seeds)))
    team = Team(choose_device(device))
    network, card = load_model(base)
    config = replace(config, recipe=replace(recipe, base=card.model_id))
    summaries = []
    for request, folder in by_fold(data, run):
        known = read_training(request, cache, faces, teacher, team)
        bench = Bench(known, network, base, folder, team, shortlist)
        summaries.append(bench.ablation(config, cache, anyway))
    if team.first:
        for each in summaries:
            each["commands"] = [_command()]
        summary = summaries[0] if len(summaries) == 1 else over_folds(data.protocol, summaries)
        page = as_markdown(summary)
        write_json(summary, out.with_suffix(".json"))
        with atomically(out.with_suffix(".md")) as part:
            part.write_text(page, encoding="utf-8")
        say(page, summary, json_file)


@dataclass(frozen=True)
class Bench:
    """One fold's ablation: what is learned from, the ``base`` file and its ``network``, and the folder of its rows."""

    known: TrainingData
    network: SaliencySearchNetwork
    base: Path
    run: Path
    team: Team
    shortlist: int

    def ablation(self, config: AblationConfig, cache: Path, anyway: bool) -> dict[str, Any]:
        """Run every row → the summary."""
        known, team = self.known, self.team
        if known.protocol is None:
            raise DataError("An ablation is measured on a protocol.", "Say which: --protocol NAME.")
        people = choose_people(known.faces, config.recipe.held_out, own=known.own)
        data = data_facts(known.faces, people, config.recipe, known.counts)
        sets = face_sets(known.protocol, FaceStore(cache), known.faces, people)
        judge = Judge(sets, data, self.shortlist, team)

        def train(row: Recipe, folder: Path) -> Objective:
            pipeline = Pipeline(self.network, known.faces, people, row, folder, team, self.run / "warm.pt")
            return pipeline.run("all", resume=team.first_does((folder / "search.pt").is_file))

        of_base, of_teacher = team.first_does(lambda: self._measured(judge, config.recipe.base))
        facts = {"people": people.fingerprint, "judged": judge.facts}
        ablation = Ablation(config, self.run, train, judge, of_base, team, facts)
        ablation.run(anyway, self._report)
        told = {"notes": notes(list(known.counts), data["nir"], self.shortlist, sets), "shortlist": self.shortlist}
        return ablation.summary(protocol=known.protocol.name, data=data, teacher=of_teacher, **told)

    def _measured(self, judge: Judge, model: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the judge says of the base and of its teacher, kept in the run's folder."""
        of_base = measured_once(self.run / "base.json", model, judge.facts, lambda: judge.of_file(self.base))
        teacher = self.known.teacher
        of_teacher = measured_once(
            self.run / "teacher.json", teacher.words, judge.facts, lambda: judge.of_teacher(teacher)
        )
        return of_base, of_teacher

    def _report(self, text: str) -> None:
        if self.team.first:
            typer.echo(text, err=True)


def _command() -> str:
    """How this was started, without the folders of this machine."""
    places = {
        "--root",
        "--table",
        "--vis-list",
        "--nir-list",
        "--faces",
        "--cache",
        "--run",
        "--out",
        "--base",
        "--json",
    }
    words, shown = sys.argv[1:], []
    for before, word in zip(["", *words], words, strict=False):
        shown.append(Path(word).name if before in places and not word.startswith("--") else word)
    return " ".join(["python -m ssn", *shown])
