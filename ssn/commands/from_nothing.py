"""``train`` alone: all stages of the training in minutes, from random weights, on people who do not exist.

Nothing is needed but the program: people are drawn, a network of random weights learns dlib's descriptors of them
(stage 0), then the saliency search and the fine-tuning run on what it has become. Before and after it is measured on
other drawn people. The schedule is short and small; what comes out shows that the training works, and recognises
nobody in a photo as well as the shipped weights do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ssn.data.joined_teachers import ONLY_DLIB
from ssn.data.synthetic import SyntheticOptions, read_synthetic
from ssn.data.training_faces import training_faces
from ssn.evaluation.face_set import FaceSet, protocol_face_set
from ssn.evaluation.measure import Evaluation
from ssn.evaluation.report import as_json
from ssn.evaluation.run import evaluate
from ssn.faces.types import Spectrum
from ssn.models.checkpoint import load_model, update_card
from ssn.recognizer import Recognizer
from ssn.training.distill.export import export as export_base
from ssn.training.distill.recipe import DistillConfig
from ssn.training.distill.run import STATE_FILE, Distillation
from ssn.training.runner import run_stage
from ssn.training.search.batches import BatchConfig
from ssn.training.search.objective import LossConfig
from ssn.training.search.pipeline import train_stages
from ssn.training.search.recipe import FinetuneConfig, Rates, Recipe, SearchConfig, WarmUpConfig
from ssn.training.team import Team

START, DISTILLED, SEARCHED = "start.safetensors", "distilled.safetensors", "ssn.safetensors"
STEPS = {
    START: "random weights",
    DISTILLED: "after the distillation",
    SEARCHED: "after search and fine-tuning",
}
"""The files of a run, in order, and what they hold."""
SPECTRUM: Spectrum = "nir-simulated"


@dataclass(frozen=True)
class Course:
    """What is drawn, and the recipes of the three stages, cut down to minutes on two cores."""

    people: SyntheticOptions = field(
        default_factory=lambda: SyntheticOptions(people=30, probes=2, train_people=120, train_photos=2)
    )
    distillation: DistillConfig = field(
        default_factory=lambda: DistillConfig(
            images=7000, sizes=((64, 0.84), (128, 0.16)), learning_rate=1e-3, warmup=0.03, ema=0.98
        )
    )
    search: Recipe = field(
        default_factory=lambda: Recipe(
            held_out=0,
            batches=BatchConfig(batch=32, micro=16, masked_vis=0.25),
            loss=LossConfig(knowledge=0.0, teacher=20.0),
            rates=Rates(network=1e-3),
            warm_up=WarmUpConfig(views=1, batch=256),
            search=SearchConfig(epochs=0.7, indicator_rate=1e-2),
            finetune=FinetuneConfig(epochs=1.4, final=0.05),
        )
    )
    statistics: int = 8
    """Batches that the averaged weights' normalisations are measured on."""


def from_nothing(
    cache: Path, run: Path, out: Path | None, resume: bool, team: Team, course: Course | None = None
) -> dict[str, Any] | None:
    """Run all stages → what was learned: {"file", "model", "steps": [{"what", "file", "evaluation"}], "measure"},
    the command that measures the last weights on the same people; None in all processes but the first. ``run`` keeps
    states, weights and log, ``cache`` the people, ``out`` the last weights."""
    course = course or Course()
    files = {name: run / name for name in STEPS} | ({SEARCHED: out} if out else {})
    protocol = team.first_before_others(lambda: read_synthetic(course.people, cache))
    faces, counts = team.first_before_others(lambda: training_faces(protocol, cache))
    distillation = Distillation(faces, course.distillation, team)

    def keep(name: str, start: Path | None = None) -> None:
        export_base(distillation, counts, ONLY_DLIB.words, files[name], start, course.statistics)

    begun = resume and team.first_does((run / STATE_FILE).is_file)
    team.first_does(lambda: None if begun and files[START].is_file() else keep(START))
    run_stage(distillation, run, begun)
    team.first_does(lambda: keep(DISTILLED, files[START]))
    searched = resume and team.first_does((run / "search.pt").is_file)
    recipe = replace(course.search, seed=course.distillation.seed)
    done = train_stages(
        "all", recipe, files[DISTILLED], faces, counts, run, files[SEARCHED], searched, team, protocol.train_source
    )
    if done is None:
        return None
    tested = protocol_face_set(protocol, progress=_bar)
    measured = {name: measured_on(tested, files[name], team) for name in _bar(files, "measuring", len(files))}
    update_card(files[SEARCHED], {protocol.name: as_json(measured[SEARCHED])})
    steps = [
        {"what": STEPS[name], "file": str(files[name]), "evaluation": as_json(each)} for name, each in measured.items()
    ]
    drawn = course.people
    split = f"--people {drawn.people} --probes {drawn.probes} --train-people {drawn.train_people}"
    again = f"python -m ssn evaluate {split} --checkpoint {files[SEARCHED]}"
    return {"file": str(files[SEARCHED]), "model": done["model"], "steps": steps, "measure": again}


def _bar(items: Any, what: str, total: int) -> Any:
    return tqdm(items, desc=what, total=total, leave=False)


def measured_on(faces: FaceSet, file: Path, team: Team) -> Evaluation:
    """A checkpoint on the drawn people whom nothing was learned from."""
    recognizer = Recognizer(*load_model(file), team.device)
    return evaluate(faces, recognizer, (SPECTRUM,), fast=True)


def as_text(told: dict[str, Any]) -> str:
    """What ``from_nothing`` says, as a table: shares in percent, a line for each step."""
    rows = told["steps"][0]["evaluation"]["rows"]
    counts = rows[0]["counts"]
    lines = [
        f"{told['model']} written to {told['file']}.",
        f"{counts['gallery']} synthetic people not learned from, {counts['probes']} probes in simulated NIR, gallery "
        "VIS; AUC and Rank-1 in percent:",
        f"{'':<30}" + "".join(f"{row['occlusion']:>16}" for row in rows),
    ]
    for step in told["steps"]:
        cells = [f"{100 * row['auc']:.1f} {100 * row['rank'][0]:5.1f}" for row in step["evaluation"]["rows"]]
        lines.append(f"{step['what']:<30}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join([*lines, f"The same people again: {told['measure']}"])
