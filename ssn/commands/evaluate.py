"""``evaluate``: a protocol measured on a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from ssn.commands.options import DEFAULT, Checkpoint, Device, JsonFile, say
from ssn.data.lfw import LFW, lfw_protocol
from ssn.data.protocol import Protocol
from ssn.data.synthetic import synthetic_protocol
from ssn.errors import DataError
from ssn.evaluation.report import as_json, as_table
from ssn.evaluation.run import Evaluation
from ssn.evaluation.run import evaluate as measure
from ssn.models.checkpoint import update_card
from ssn.recognizer import Recognizer


@dataclass(frozen=True)
class _Asked:
    """The flags that choose a protocol."""

    root: Path | None
    pairs: str | None
    identify: str | None
    people: int
    fold: int
    worn: str
    cache: Path | None


def _lfw(asked: _Asked) -> Protocol:
    if asked.root is None:
        raise DataError("LFW must be somewhere.", "Pass --root FOLDER, or set SSN_LFW.")
    return lfw_protocol(LFW(asked.root), asked.pairs, asked.identify)


def _synthetic(asked: _Asked) -> Protocol:
    return synthetic_protocol(people=asked.people, fold=asked.fold, worn=asked.worn, cache=asked.cache)


PROTOCOLS = {"synthetic": _synthetic, "lfw": _lfw}


def thresholds_of(evaluation: Evaluation) -> dict[str, float]:
    """One score per FMR that holds in every row: the highest of them."""
    rates = evaluation.rows[0].thresholds
    return {rate: max(row.thresholds[rate] for row in evaluation.rows) for rate in rates}


def evaluate(
    protocol: Annotated[str, typer.Option(help="synthetic (needs no data) or lfw.")] = "synthetic",
    root: Annotated[Path | None, typer.Option(envvar="SSN_LFW", help="The data set's folder.")] = None,
    pairs: Annotated[str | None, typer.Option(help="lfw: the list of pairs to verify.")] = "pairsDevTest.txt",
    identify: Annotated[
        str | None, typer.Option(help="lfw: a people list, e.g. peopleDevTest.txt; adds Rank-1 … Rank-5.")
    ] = None,
    people: Annotated[int, typer.Option(help="synthetic: how many people are tested.")] = 200,
    fold: Annotated[int, typer.Option(help="synthetic: fold 1 to 10.")] = 1,
    worn: Annotated[str, typer.Option(help="synthetic: what probes wear: none, goggles, surgical or scarf.")] = "none",
    cache: Annotated[Path | None, typer.Option(help="synthetic: where the checked cast of people is kept.")] = None,
    fast: Annotated[bool, typer.Option(help="bfloat16 where the device has it: scores move by thousandths.")] = False,
    write_card: Annotated[
        bool, typer.Option(help="Store the measures and the thresholds at FMR 1 % and 0.1 % in the checkpoint.")
    ] = False,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Measure verification and identification: AUC, EER, accuracy, TPR at FPR 1 % and 0.1 %, ranks; with occlusions."""
    if protocol not in PROTOCOLS:
        raise DataError(f"There is no protocol {protocol!r}.", f"Use one of {', '.join(PROTOCOLS)}.")
    chosen = PROTOCOLS[protocol](_Asked(root, pairs, identify, people, fold, worn, cache))
    recognizer = Recognizer.load(checkpoint, device)

    def progress(items, what, total):
        return tqdm(items, desc=what, total=total, leave=False)

    evaluation = measure(chosen, recognizer, progress=progress, fast=fast)
    data = as_json(evaluation)
    if write_card:
        update_card(
            checkpoint, {chosen.name: {"rows": data["rows"], "notes": data["notes"]}}, thresholds_of(evaluation)
        )
    say(as_table(evaluation), data, json_file)
