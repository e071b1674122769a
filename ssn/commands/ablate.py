"""``ablate``: the rows of the paper's Table VII in our setting, trained and measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ssn.ablation.rows import Ablation, AblationConfig
from ssn.ablation.table import as_markdown
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
    WeightRate,
    make_recipe,
)
from ssn.data.crops import load_crops
from ssn.data.face_store import FaceStore, StoredFaces, taken
from ssn.data.lfw import LFW, lfw_protocol
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet, stored_face_set
from ssn.evaluation.measure import measure, measure_descriptors
from ssn.evaluation.report import write_json
from ssn.evaluation.saliency import saliency_on_mask
from ssn.faces.descriptor import describe
from ssn.machine import choose_device
from ssn.models.checkpoint import BASE_CHECKPOINT, load_model
from ssn.recognizer import Recognizer
from ssn.training.search.objective import Objective
from ssn.training.search.people import Learners, choose_learners
from ssn.training.search.pipeline import Pipeline, export
from ssn.training.search.recipe import Recipe
from ssn.training.search.variants import VARIANTS
from ssn.training.team import Team

WATCHED = 100
"""Probes on which the saliency of hidden pixels is measured."""

TEACHER = "dlib-descriptors"
HELD_OUT_PROBES = 4
"""Photos of a held-out person that are searched with, at most; some have thirty."""

NOTES = [
    "LFW and CelebA are visible light: every NIR face here is simulated, in training and in testing.",
    "`lfw-devtest`: all people of LFW's `peopleDevTest` with two or more photos, the first enrolled; nobody of them is "
    "in training. `held-out`: people of the training sets' other source whom search and fine-tuning never saw, though "
    f"the base was distilled on photos of theirs. One photo enrolled, with its mirror image (the base's teacher: the "
    f"photo alone), at most {HELD_OUT_PROBES} searched with.",
    "Rows without the search learn indicators and weights side by side on all photos, with as many iterations and "
    "faces as the search has.",
]


class Judge:
    """Measures a finished row on all test sets, as it would be shipped: from its file."""

    def __init__(self, sets: list[FaceSet], data: dict, shortlist: int, watched: int, team: Team):
        self.sets, self.data, self.shortlist, self.team = sets, data, shortlist, team
        probes = sets[0].probes
        chosen = np.linspace(0, len(probes) - 1, min(watched, len(probes))).astype(int)
        self.watched = [probes[i] for i in chosen]

    def __call__(self, objective: Objective, recipe: Recipe, folder: Path) -> dict:
        file = folder / f"{recipe.variant}.safetensors"
        export(objective, recipe, self.data, file)
        return self.of_file(file)

    def of_file(self, file: Path) -> dict:
        """{"model", "sets": {name: rows}, "saliency": {occlusion: blocks}}; an adaptive network also {"told": …}, its
        rows when it is told the masks."""
        recognizer = Recognizer(*load_model(file), self.team.device)
        found = {"model": recognizer.model_id, "sets": self._measure(recognizer, tell=False)}
        if recognizer.network.adaptive:
            found["told"] = self._measure(recognizer, tell=True)
        kinds = ("maskTop", "maskBottom")
        found["saliency"] = {kind: saliency_on_mask(recognizer, self.watched, kind) for kind in kinds}
        return found

    def of_teacher(self) -> dict:
        """{"sets": {name: rows}} of the network the base learned from, on the same pictures."""
        rows = {each.name: measure_descriptors(lambda f: describe(f.pixels, f.landmarks), each) for each in self.sets}
        return {"model": TEACHER, "sets": {name: [row.flat() for row in found] for name, found in rows.items()}}

    def _measure(self, recognizer: Recognizer, tell: bool) -> dict:
        rows = {
            each.name: measure(recognizer, each, shortlist=self.shortlist, tell=tell, fast=True) for each in self.sets
        }
        return {name: [row.flat() for row in found] for name, found in rows.items()}


def face_sets(cache: Path, lfw: Path | None, crops: StoredFaces, learners: Learners) -> list[FaceSet]:
    """LFW's DevTest people, and the people held out."""
    if lfw is None:
        raise DataError("LFW is what this is measured on.", "Pass --lfw ROOT.")
    test, _ = FaceStore(cache).stored(lfw_protocol(LFW(lfw), pairs_list=None).withheld, "lfw-peopleDevTest")
    sets = [stored_face_set("lfw-devtest", test.pixels, test.landmarks, test.identities)]
    if len(rows := learners.held_out):
        pixels, people = taken(crops.pixels, rows), crops.identities[rows]
        sets.append(stored_face_set("held-out", pixels, crops.landmarks[rows], people, HELD_OUT_PROBES))
    return sets


def _measured_once(file: Path, model_id: str, judge: Callable[[], dict]) -> dict:
    """What ``judge`` says of the model of that id, kept in ``file``."""
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept.get("model") == model_id:
            return kept
        raise DataError(f"{file} is about another model.", "Use another --run folder, or the same --base.")
    found = judge()
    write_json(found, file)
    return found


def ablate(
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
    base: Base = BASE_CHECKPOINT,
    mode: Mode = "partial",
    search_epochs: SearchEpochs = 2,
    finetune_epochs: FinetuneEpochs = 3,
    order: Order = 1,
    batch: Batch = 128,
    micro: Micro = 32,
    weight_rate: WeightRate = 3e-4,
    indicator_rate: IndicatorRate = 2e-3,
    correction_rate: CorrectionRate = 2e-3,
    final: FinalShare = 0.05,
    knowledge: Knowledge = 0.0,
    teacher: Teacher = 20.0,
    dimming: Dimming = 1.0,
    disturbance: Disturbance = 10.0,
    masked: Masked = 1.0,
    masked_vis: MaskedVis = 0.5,
    held_out: HeldOut = 200,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Train every variant with several seeds, measure all, and write the table. Killed, it goes on where it was."""
    if protocol != "lfw":
        raise DataError(f"There is no ablation on {protocol!r}.", "Use lfw.")
    team = Team(choose_device(device))
    network, card = load_model(base)
    recipe = make_recipe(
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
        base=card.model_id,
    )
    crops, counts = load_crops(cache, lfw, faces)
    learners = choose_learners(crops, held_out)
    data = {**counts, "people": learners.classes, "photos": len(learners), "held_out": held_out}
    judge = Judge(face_sets(cache, lfw, crops, learners), data, shortlist, WATCHED, team)

    def train(row: Recipe, folder: Path) -> Objective:
        pipeline = Pipeline(network, crops, learners, row, folder, team, run / "warm.pt")
        return pipeline.run("all", resume=(folder / "search.pt").is_file())

    def tell(text: str) -> None:
        if team.first:
            typer.echo(text, err=True)

    def measured() -> tuple[dict, dict]:
        of_base = _measured_once(run / "base.json", card.model_id, lambda: judge.of_file(base))
        return of_base, _measured_once(run / "teacher.json", TEACHER, judge.of_teacher)

    if team.first:
        measured()
    team.wait()
    of_base, of_teacher = measured()
    config = AblationConfig(recipe, tuple(variants.split(",")), tuple(range(seeds)))
    ablation = Ablation(config, run, train, judge, of_base, team)
    ablation.run(anyway, tell)
    if team.first:
        notes = [
            *NOTES,
            f"Re-ranked: the first {shortlist}, embedded anew with the mask where their landmarks put it.",
        ]
        facts = {"protocol": protocol, "data": data, "teacher": of_teacher, "notes": notes, "commands": [_command()]}
        summary = ablation.summary(**facts, shortlist=shortlist)
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
