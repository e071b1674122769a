"""``thresholds``: scores at FMR 1 % and 0.1 % that hold within groups of people, for a checkpoint's card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ssn.commands.cohort import CropSets, adults, drawn_people, nobody
from ssn.commands.options import DEFAULT, Checkpoint, Device, JsonFile, say
from ssn.data.groups import is_child
from ssn.errors import DataError
from ssn.evaluation.group_thresholds import GroupThresholds, group_thresholds
from ssn.evaluation.measure import RATES
from ssn.evaluation.scores import ScoreFile
from ssn.evaluation.strangers import embed_strangers
from ssn.models.card import ModelCard
from ssn.models.checkpoint import update_card
from ssn.recognizer import Recognizer

LEAST_HELD_OUT = 20
"""People that ``drawn_people`` sets aside at least; here they are compared too."""


def thresholds(
    faces: CropSets,
    people: Annotated[int, typer.Option(min=140, help="Strangers of each set that are compared.")] = 500,
    least: Annotated[int, typer.Option(min=20, help="People below which a group says nothing.")] = 140,
    scores: Annotated[
        Path | None,
        typer.Option(help="Score file (.npz) of `evaluate`: what the new thresholds cost in genuine pairs is told."),
    ] = None,
    write_card: Annotated[bool, typer.Option(help="Store thresholds and groups in the checkpoint.")] = False,
    seed: Annotated[int, typer.Option(help="Who is drawn.")] = 0,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Raise a checkpoint's thresholds until the stated false match rates hold within every group of adults. Children
    are counted, and decide nothing."""
    recognizer = Recognizer.load(checkpoint, device)
    card = recognizer.card
    before = measured_before(card)
    genuine = {} if scores is None else genuine_scores(scores, card)
    drawn = nobody()
    for path in faces:
        some, others = drawn_people(path, people - LEAST_HELD_OUT, LEAST_HELD_OUT, seed)
        drawn = drawn + some + others
    if not len(adults(drawn).faces):
        raise DataError("These sets show no adults.", "Name a set with adults.")
    seen = embed_strangers(recognizer, drawn.faces, drawn.groups, covers=("none",), told=told)
    matrices: dict[str, np.ndarray] = {branch: probes @ seen.enrolled.T for (branch, _), probes in seen.probes.items()}
    found = group_thresholds(matrices, seen.groups, before, drawn.same, is_adult, least, seed)
    data = as_data(found, before, genuine, card.model_id, [path.stem for path in faces])
    if write_card:
        decided = {rate: found.decided[rate] for rate in found.thresholds}
        source = {**card.thresholds_from, "before_groups": before, "decided_by": decided}
        update_card(checkpoint, {"groups": data}, found.thresholds, source)
    say(as_text(found, data), data, json_file)


def told(share: float) -> None:
    """The share of the faces that is embedded, on standard error."""
    typer.echo(f"{100 * share:.0f} % of the faces", err=True)


def is_adult(group: str) -> bool:
    """Does a group count when thresholds are decided?"""
    return not is_child(group)


def measured_before(card: ModelCard) -> dict[str, float]:
    """The thresholds of the protocol alone, also where groups have raised them since. Raises DataError without any."""
    before = card.thresholds_from.get("before_groups", card.thresholds)
    if set(before) < {str(rate) for rate in RATES}:
        raise DataError("This checkpoint has no thresholds to raise.", "Run evaluate --write-card --thresholds first.")
    return {str(rate): float(before[str(rate)]) for rate in RATES}


def genuine_scores(path: Path, card: ModelCard) -> dict[str, np.ndarray]:
    """By row, the (n,) genuine scores of a run of that model. Raises DataError for another one's."""
    file = ScoreFile.open(path)
    if file.header.model_id != card.model_id:
        raise DataError(f"{path} has scores of {file.header.model_id}, not of {card.model_id}.", "Measure it anew.")
    found = {}
    for row in file.rows():
        compared = row.verification(file.comparisons)
        found[" ".join(row.key)] = compared.scores[compared.same]
    return found


def as_data(
    found: GroupThresholds, before: dict[str, float], genuine: dict[str, np.ndarray], model: str, sets: list[str]
) -> dict:
    """What was measured."""
    price = {
        row: {
            rate: {
                "before": float(np.mean(own >= before[rate])),
                "after": float(np.mean(own >= found.thresholds[rate])),
            }
            for rate in before
        }
        for row, own in genuine.items()
    }
    groups = [rates.as_data() for rates in found.groups]
    new = {"thresholds": found.thresholds, "before": before, "decided_by": found.decided}
    return {"model": model, "sets": sets, **new, "groups": groups, "genuine": price}


def as_text(found: GroupThresholds, data: dict) -> str:
    """The same as tables."""
    lines = [f"{'group':<22} {'people':>6} {'pairs':>8}  at FMR 1 %: before → after    at 0.1 %: before → after"]
    for rates in found.groups:
        cells = [f"{100 * rates.before[r]:6.2f} → {100 * rates.after[r]:5.2f} %" for r in map(str, RATES)]
        lines.append(f"{rates.group:<22} {rates.people:>6} {rates.pairs:>8,}  " + "          ".join(cells))
    for rate, score in found.thresholds.items():
        why = found.decided[rate] or "the protocol's own"
        lines.append(f"FMR {float(rate):.1%}: {data['before'][rate]:.3f} → {score:.3f} ({why})")
    for row, price in data["genuine"].items():
        told = ", ".join(f"{100 * own['before']:.1f} → {100 * own['after']:.1f} %" for own in price.values())
        lines.append(f"genuine pairs above, {row}: {told}")
    return "\n".join(lines)
