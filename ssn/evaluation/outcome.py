"""What a command or a page has of its runs in the end: scores and measures, method by method and fold by fold; and the
report of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ssn.evaluation.face_set import FaceSet
from ssn.evaluation.groups import group_rows
from ssn.evaluation.html_report import Report
from ssn.evaluation.measure import Evaluation
from ssn.evaluation.metrics.intervals import DRAWN, Drawn
from ssn.evaluation.mistakes import mistakes, named_pair, picture_pair
from ssn.evaluation.report import as_json, folds_as_json
from ssn.evaluation.scores import ScoreFile
from ssn.evaluation.summary import summarise
from ssn.evaluation.tables import measured, measured_over_folds, paper_tables
from ssn.recognizer import Recognizer

NOT_DRAWN = Drawn(0)
"""Of all folds but the first the values count, which go into means and deviations, and no interval is shown."""
SIMULATED = "Simulated NIR is made from VIS photos; no measured near-infrared picture stands behind it."


@dataclass(frozen=True)
class Outcome:
    """One method on one protocol. ``faces`` are those it was measured on."""

    scores: ScoreFile
    evaluation: Evaluation
    faces: FaceSet


def score_path(path: Path | None, fold: int, folds: int, family: str) -> Path | None:
    """Where the scores of a run go: ``path`` itself for the model on one protocol, else with the fold's number and the
    family's name before the ending."""
    if path is None:
        return None
    parts = [path.stem, *([f"fold{fold}"] if folds > 1 else []), *([family] if family else [])]
    return path.with_name("-".join(parts) + path.suffix)


def outcome_json(outcomes: Sequence[Outcome], name: str, folds: bool, json_folder: Path | None = None) -> dict:
    """One method: an evaluation, or with ``folds`` means and deviations of several. ``scores`` names the score file of
    each, relative to the folder the JSON is in."""
    if not folds:
        return as_json(outcomes[0].evaluation) | _filed(outcomes[0], json_folder)
    summary = folds_as_json(name, [outcome.evaluation for outcome in outcomes])
    for fold, outcome in zip(summary["folds"], outcomes, strict=True):
        fold.update(_filed(outcome, json_folder))
    return summary


def _filed(outcome: Outcome, folder: Path | None) -> dict[str, Any]:
    path = outcome.scores.path
    if path is None:
        return {}
    near = folder is not None and path.resolve().is_relative_to(folder.resolve())
    return {"scores": str(path.resolve().relative_to(folder.resolve()) if near and folder else path.resolve())}


def report_of(
    methods: Sequence[Sequence[Outcome]],
    title: str = "",
    recognizer: Recognizer | None = None,
    drawn: Drawn = DRAWN,
    tell_covers: bool = False,
    pictures: bool = True,
) -> Report:
    """Methods, each with its outcome on every fold → the report: tables over all folds; curves, intervals, groups and
    errors of the first. ``recognizer`` is the first method's network, whose saliency is shown beside its errors.
    Without ``pictures`` the page names the worst errors and shows nobody."""
    summaries = [
        [summarise(outcome.scores, NOT_DRAWN if fold else drawn) for fold, outcome in enumerate(outcomes)]
        for outcomes in methods
    ]
    first = [folds[0] for folds in summaries]
    folds = len(methods[0])
    rows = measured(first) if folds == 1 else [row for runs in summaries for row in measured_over_folds(runs)]
    own = methods[0][0]
    notes = [SIMULATED] if any(row.spectrum == "nir-simulated" for row in first[0].rows) else []
    if folds > 1:
        notes.append(f"Tables: mean ± standard deviation over {folds} folds. All else is of the first.")
    if not pictures:
        notes.append("Pictures are left out of this page: whoever has the data set makes it anew with them.")
    elif recognizer is not None:
        notes.append("Beside a wrong pair: the selected response of the network's first block to the probe.")
    wrong = mistakes(own.scores, own.faces, tell_covers=tell_covers)
    return Report(
        title or own.evaluation.protocol,
        [first[0], *(replace(run, header=replace(run.header, notes=())) for run in first[1:])],
        paper_tables(rows),
        groups=group_rows(own.scores),
        errors=[picture_pair(m, recognizer) if pictures else named_pair(m) for m in wrong],
        notes=notes,
    )
