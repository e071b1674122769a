"""A run from disk as a summary: a score file, or the JSON of an evaluation, which knows no curves and no intervals."""

from __future__ import annotations

import json
from pathlib import Path

from ssn.errors import DataError
from ssn.evaluation.metrics.intervals import DRAWN, Drawn, Interval
from ssn.evaluation.scores import RunHeader, ScoreFile
from ssn.evaluation.summary import FPIRS, RowSummary, RunSummary, summarise


def load_run(path: str | Path, drawn: Drawn = DRAWN) -> RunSummary:
    """``.npz`` → its summary. ``.json`` as ``evaluate --json`` writes it → the summary of the score file that its
    ``scores`` names, relative to it, or else its measures alone. Raises DataError for anything else."""
    path = Path(path)
    if path.suffix == ".npz":
        return summarise(ScoreFile.open(path), drawn)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("scores"):
            return summarise(ScoreFile.open(path.parent / data["scores"]), drawn)
        header = RunHeader(data["model"], data["protocol"], "", notes=tuple(data.get("notes", ())))
        return RunSummary(header, [_row(row) for row in data["rows"]])
    except FileNotFoundError:
        raise DataError(f"There is no run {path}.", "Run evaluate with --json FILE first.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no evaluation.", "Name a .json or an .npz that evaluate wrote.") from error


def _row(row: dict) -> RowSummary:
    shares = {"auc": row["auc"], "eer": row["eer"]}
    shares |= {f"tpr_at_{rate}": share for rate, share in row["tpr_at_fpr"].items()}
    shares |= {f"rank{place}": share for place, share in enumerate(row["rank"], start=1)}
    shares |= {f"fnir_at_{rate}": row["open_set"][str(rate)] for rate in FPIRS if row.get("open_set")}
    measures = {name: Interval(float(share)) for name, share in shares.items() if share is not None}
    return RowSummary(row["probe_spectrum"], row["occlusion"], measures, row["thresholds"], row["counts"])


def as_json(runs: list[RunSummary]) -> list[dict]:
    """The documented form of summaries: per run model, protocol, fingerprint, command, and rows with ``measures`` as
    {"value", "low", "high"}, shares in [0, 1]."""
    return [
        {
            "model": run.header.model_id,
            "protocol": run.header.protocol,
            "fingerprint": run.header.fingerprint,
            "command": run.header.command,
            "rows": [
                {
                    "probe_spectrum": row.spectrum,
                    "occlusion": row.occlusion,
                    "measures": {n: {"value": i.value, "low": i.low, "high": i.high} for n, i in row.measures.items()},
                    "thresholds": row.thresholds,
                    "counts": row.counts,
                }
                for row in run.rows
            ],
        }
        for run in runs
    ]
