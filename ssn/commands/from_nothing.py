"""``train`` alone: all stages of the training in minutes, from random weights, on people who do not exist.

Nothing is needed but the program: people are drawn, a network of random weights learns dlib's descriptors of them
(stage 0), then the saliency search and the fine-tuning run on what it has become. Before and after it is measured on
other drawn people. The schedule is short and small; what comes out shows that the training works, and recognises
nobody in a photo as well as the shipped weights do. Its minutes are kept by the clock (``time_plan``): where they run
out, fewer people are drawn and the schedules end earlier.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ssn.commands.time_plan import TimePlan
from ssn.data.face_store import StoredFaces
from ssn.data.joined_teachers import ONLY_DLIB
from ssn.data.synthetic import BRANCHES, SyntheticOptions, is_kept, read_synthetic
from ssn.data.training_faces import training_faces
from ssn.evaluation.face_set import FaceSet, protocol_face_set
from ssn.evaluation.measure import Evaluation
from ssn.evaluation.report import as_json
from ssn.evaluation.run import evaluate
from ssn.faces.occlude import OCCLUSIONS
from ssn.faces.types import Spectrum
from ssn.models.checkpoint import load_model, update_card
from ssn.recognizer import Recognizer
from ssn.training.distill.export import BALANCED_ON as EXPORT_BALANCED_ON
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
MINUTES = 10.0
FEWER_PEOPLE = (1, 2, 3, 6)
"""What the training people are divided by where the machine draws too slowly."""
VIEWS, DRAWN = 4, 2
"""Faces through the network for each photo of the warm start, and what drawing a test photo costs beside one."""


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

    def with_seed(self, seed: int) -> Course:
        """The same, other choices."""
        return replace(self, distillation=replace(self.distillation, seed=seed), search=replace(self.search, seed=seed))

    def drawn_within(self, plan: TimePlan, cache: Path) -> Course:
        """The same, with as many training people as there is time to draw, of fewer as many views as of all."""
        people = self.people
        choices = [max(1, people.train_people // fewer) for fewer in FEWER_PEOPLE]
        known = is_kept(people.people + people.train_people, cache)
        count = plan.people(choices, len(BRANCHES) * people.train_photos, known)
        longer, search = people.train_people / count, self.search
        return replace(
            self,
            people=replace(people, train_people=count),
            search=replace(
                search,
                search=replace(search.search, epochs=longer * search.search.epochs),
                finetune=replace(search.finetune, epochs=longer * search.finetune.epochs),
            ),
        )


def from_nothing(
    cache: Path,
    run: Path,
    out: Path | None,
    resume: bool,
    team: Team,
    course: Course | None = None,
    minutes: float = MINUTES,
) -> dict[str, Any] | None:
    """Run all stages in ``minutes`` → what was learned: {"file", "model", "steps": [{"what", "file", "evaluation"}],
    "better": how many of the rows are better than at the start, of how many, "measure": the command that measures the
    last weights on the same people, "minutes", "done": the share of each schedule that there was time for}; None in all
    processes but the first. ``run`` keeps states, weights and log, ``cache`` the people, ``out`` the last weights."""
    files = {name: run / name for name in STEPS} | ({SEARCHED: out} if out else {})
    plan = team.first_before_others(lambda: TimePlan(minutes, run / "plan.json", resume))
    _say(team, plan, "people are drawn")
    chosen = team.first_does(lambda: (course or Course()).drawn_within(plan, cache))
    protocol = team.first_before_others(lambda: read_synthetic(chosen.people, cache))
    faces, counts = team.first_before_others(lambda: training_faces(protocol, cache))
    _say(team, plan, "a network of random weights learns dlib's descriptors of them")
    distillation = _distilled(chosen, faces, counts, files, run, resume, team, plan)
    _say(team, plan, "saliency is searched, and the network fine-tuned")
    searched = resume and team.first_does((run / "search.pt").is_file)
    limits = team.first_does(lambda: plan.seconds(("search", "finetune")))
    recipe, own = chosen.search, protocol.train_source
    done = train_stages(
        "all", recipe, files[DISTILLED], faces, counts, run, files[SEARCHED], searched, team, own, limits
    )
    if done is None:
        return None
    _say(team, plan, "what was learned is measured on others")
    tested = protocol_face_set(protocol, progress=_bar)
    measured = _measured(tested, files, team, plan)
    update_card(files[SEARCHED], {protocol.name: as_json(measured[SEARCHED])})
    drawn = chosen.people
    split = f"--people {drawn.people} --probes {drawn.probes} --train-people {drawn.train_people}"
    return {
        "file": str(files[SEARCHED]),
        "model": done["model"],
        "steps": [
            {"what": STEPS[name], "file": str(files[name]), "evaluation": as_json(each)}
            for name, each in sorted(measured.items(), key=lambda item: list(STEPS).index(item[0]))
        ],
        "better": better(measured[START], measured[SEARCHED]),
        "measure": f"python -m ssn evaluate {split} --checkpoint {files[SEARCHED]}",
        "minutes": plan.spent() / 60,
        "done": {"distill": distillation.step_number / distillation.steps} | done["done"],
    }


def _distilled(
    course: Course,
    faces: StoredFaces,
    counts: dict[str, Any],
    files: dict[str, Path],
    run: Path,
    resume: bool,
    team: Team,
    plan: TimePlan,
) -> Distillation:
    """Stage 0, and the weights before and after it in their files."""
    distillation = Distillation(faces, course.distillation, team)

    def keep(name: str, start: Path | None = None) -> None:
        export_base(distillation, counts, ONLY_DLIB.words, files[name], start, course.statistics)

    begun = resume and team.first_does((run / STATE_FILE).is_file)
    team.first_does(
        lambda: None if begun and files[START].is_file() else _timed(course, faces, plan, lambda: keep(START))
    )
    limit = team.first_does(lambda: plan.seconds((distillation.name,)))[distillation.name]
    run_stage(distillation, run, begun, seconds=limit)
    plan.to_come.pop("export", None)
    team.first_does(lambda: keep(DISTILLED, files[START]))
    return distillation


def _timed(course: Course, faces: StoredFaces, plan: TimePlan, export: Callable[[], None]) -> None:
    """The first export, by whose pace the plan learns how long the work takes that cannot be cut short."""
    begun = plan.spent()
    export()
    looked = 2 * course.statistics * course.distillation.batch + EXPORT_BALANCED_ON
    face = (plan.spent() - begun) / looked
    people, probes, rows = course.people.people, course.people.probes, len(OCCLUSIONS)
    measured = len(STEPS) * people * (2 + rows * probes) + DRAWN * people * (1 + probes)
    plan.to_come = {"export": face * looked, "warm start": face * VIEWS * len(faces), "measuring": face * measured}


def _measured(tested: FaceSet, files: dict[str, Path], team: Team, plan: TimePlan) -> dict[str, Evaluation]:
    """By file: first the end and the start, and the step between them where the minutes are not over by then."""
    measured: dict[str, Evaluation] = {}
    for name in _bar((SEARCHED, START, DISTILLED), "measuring", len(STEPS)):
        if len(measured) < 2 or plan.spent() < plan.total:
            measured[name] = measured_on(tested, files[name], team)
    return measured


def better(start: Evaluation, end: Evaluation) -> dict[str, int]:
    """In how many of the rows both AUC and Rank-1 have risen, and how many there are."""
    rows = zip(start.rows, end.rows, strict=True)
    risen = sum((b.auc or 0) > (a.auc or 0) and b.rank[0] > a.rank[0] for a, b in rows)
    return {"rows": risen, "of": len(start.rows)}


def _say(team: Team, plan: TimePlan, what: str) -> None:
    """What begins, and the time left for all that is to come, above the bars."""
    if team.first:
        left = max(0.0, plan.total - plan.spent()) / 60
        tqdm.write(f"{left:.1f} of {plan.total / 60:g} minutes left: {what}", file=sys.stderr)


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
    return "\n".join([*lines, _learned(told), f"The same people again: {told['measure']}"])


def _learned(told: dict[str, Any]) -> str:
    """What was learned against the start, in a sentence or two; and of which schedule time cut something off."""
    risen, rows = told["better"]["rows"], told["better"]["of"]
    text = f"Better than random weights in {risen} of {rows} columns, after {told['minutes']:.1f} minutes."
    cut = [f"{100 * share:.0f} % of {name}" for name, share in told["done"].items() if share < 1]
    if cut:
        text += f" There was time for {', '.join(cut)}: a larger --minutes gives more."
    return text
