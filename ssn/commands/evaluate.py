"""``evaluate``: a protocol, or all folds of one, measured on a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from ssn.commands.data_options import CacheFolder
from ssn.commands.options import DEFAULT, Checkpoint, Device, JsonFile, say
from ssn.data.face_store import FaceStore
from ssn.data.registry import DataRequest
from ssn.errors import DataError
from ssn.evaluation.face_set import protocol_face_set
from ssn.evaluation.measure import Evaluation
from ssn.evaluation.measure import evaluate as measure
from ssn.evaluation.report import as_json, as_table, folds_as_json, folds_as_table
from ssn.models.checkpoint import update_card
from ssn.recognizer import Recognizer


def evaluate(
    data: DataRequest,
    cache: CacheFolder = Path("cache"),
    workers: Annotated[int, typer.Option(min=1, help="Processes that align pictures.")] = 2,
    simulate_nir: Annotated[
        bool, typer.Option(help="Simulate NIR from VIS probes although the set has real NIR; a row says which it is.")
    ] = False,
    fast: Annotated[bool, typer.Option(help="bfloat16 where the device has it: scores move by thousandths.")] = False,
    write_card: Annotated[bool, typer.Option(help="Store the measures in the checkpoint.")] = False,
    thresholds: Annotated[
        bool,
        typer.Option(help="With --write-card: store the scores at FMR 1 % and 0.1 % too, for the page's verdicts."),
    ] = False,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Measure verification and identification: AUC, EER, accuracy, TPR at FPR 1 % and 0.1 %, ranks; with occlusions."""
    _check(thresholds, write_card, fast, data.fold)
    protocols = data.read_folds(cache)
    recognizer = Recognizer.load(checkpoint, device)
    store = FaceStore(cache, workers)

    def progress(items, what, total):
        return tqdm(items, desc=what, total=total, leave=False)

    evaluations = []
    for protocol in protocols:
        faces = protocol_face_set(protocol, store, progress)
        evaluations.append(measure(faces, recognizer, simulate=simulate_nir, progress=progress, fast=fast))
    if data.fold == "all":
        found = folds_as_json(data.protocol, evaluations)
        text = folds_as_table(found)
        measures = {fold["protocol"]: {"rows": fold["rows"], "notes": fold["notes"]} for fold in found["folds"]}
    else:
        found, text = as_json(evaluations[0]), as_table(evaluations[0])
        measures = {found["protocol"]: {"rows": found["rows"], "notes": found["notes"]}}
    if write_card:
        scores, source = (None, None) if not thresholds else thresholds_of(evaluations[0])
        update_card(checkpoint, measures, scores, source)
    say(text, found, json_file)


def _check(thresholds: bool, write_card: bool, fast: bool, fold: str | None) -> None:
    """Refuse what would store thresholds that cannot be relied on, before anything is measured."""
    if not thresholds:
        return
    if not write_card:
        raise DataError("Thresholds are stored in the checkpoint's card.", "Add --write-card.")
    if fast:
        raise DataError("Thresholds need scores in full precision.", "Leave --fast out.")
    if fold == "all":
        raise DataError("Thresholds come from one protocol.", "Choose one fold.")


def thresholds_of(evaluation: Evaluation) -> tuple[dict[str, float], dict]:
    """One score per FMR that holds in every row, the highest of them; and where they come from: protocol, impostor
    comparisons of the row with fewest, precision. Raises DataError below 1 / rate impostors."""
    fewest = min(row.impostors for row in evaluation.rows)
    rates = evaluation.rows[0].thresholds or {"0.001": 0.0}
    needed = max(round(1 / float(rate)) for rate in rates)
    if fewest < needed:
        raise DataError(
            f"{fewest} impostor comparisons cannot tell a false match rate of 1 in {needed}.",
            f"Measure on a protocol with {needed} and more, or leave --thresholds out.",
        )
    if evaluation.precision != "float32":
        raise DataError("Thresholds need scores in full precision.", "Leave --fast out.")
    scores = {rate: max(row.thresholds[rate] for row in evaluation.rows) for rate in rates}
    source = {"protocol": evaluation.protocol, "impostors": fewest, "precision": evaluation.precision}
    return scores, source
