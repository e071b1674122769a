"""An evaluation as a table to read and as JSON for scripts; and several folds of one as means and deviations."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import numpy as np

from ssn.errors import DataError
from ssn.evaluation.measure import RATES, Evaluation, Row
from ssn.evaluation.summary import FPIRS
from ssn.files import write_json as write_json

SPECTRUM_NAMES = {"vis": "VIS", "nir": "NIR", "nir-simulated": "simulated NIR"}
LISTED_FAILURES = 10
"""Failures to acquire that the table names; JSON has all."""
HEAD = ("AUC", "EER", "acc.", "TPR@1%", "TPR@.1%", "Rank-1")
WIDTHS = (7, 7, 7, 9, 9, 8)
OPEN_WIDTHS = (11, 11)


def as_table(evaluation: Evaluation) -> str:
    """Fixed-width text, one line per row of the evaluation; shares in percent."""
    lines = [
        f"model {evaluation.model}, protocol {evaluation.protocol}",
        _line("probe (gallery VIS)", "occlusion", HEAD),
    ]
    for row in evaluation.rows:
        cells = ["–" if share is None else f"{100 * share:.1f}" for share in shares_of(row).values()]
        lines.append(_line(SPECTRUM_NAMES[row.probe_spectrum], row.occlusion, cells))
    lines.append(_counts(evaluation))
    lines += _open_set([row for row in evaluation.rows if row.open_set])
    lines += [f"  {failure.picture}: {failure.why}" for failure in evaluation.failures[:LISTED_FAILURES]]
    rest = len(evaluation.failures) - LISTED_FAILURES
    lines += [f"  and {rest} more"] if rest > 0 else []
    return "\n".join([*lines, *evaluation.notes])


def shares_of(row: Row) -> dict[str, float | None]:
    """The columns of the table, in [0, 1]; None where there is nothing to measure."""
    return {
        "auc": row.auc,
        "eer": row.eer,
        "accuracy": row.accuracy,
        **{f"tpr_at_{rate}": row.tpr_at_fpr[str(rate)] for rate in RATES},
        "rank1": row.rank[0] if row.rank else None,
    }


def _open_set(rows: list[Row]) -> list[str]:
    """Those rows' FNIR, a line each; nothing without any."""
    if not rows:
        return []
    counts = rows[0].open_set
    head = _line("open set, FNIR", "", [f"@FPIR {100 * rate:g}%" for rate in FPIRS], OPEN_WIDTHS)
    about = f"  ({counts['enrolled']} searches for enrolled people, {counts['strangers']} for strangers)"
    return [
        head + about,
        *(
            _line(
                SPECTRUM_NAMES[row.probe_spectrum],
                row.occlusion,
                [f"{100 * row.open_set[str(rate)]:.1f}" for rate in FPIRS],
                OPEN_WIDTHS,
            )
            for row in rows
        ),
    ]


def _line(probe: str, occlusion: str, cells, widths: tuple[int, ...] = WIDTHS) -> str:
    return f"{probe:<20}{occlusion:<12}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
    )


def _counts(evaluation: Evaluation) -> str:
    counts = evaluation.rows[0].counts
    why = Counter(failure.why for failure in evaluation.failures)
    reasons = f" ({', '.join(f'{count} {reason}' for reason, count in why.most_common())})" if why else ""
    return (
        f"{counts['genuine']} genuine and {counts['impostor']} impostor comparisons; {counts['probes']} probes, "
        f"{counts['gallery']} enrolled; failures to acquire: {counts['no_face']}{reasons}"
    )


def as_json(evaluation: Evaluation) -> dict:
    """The documented form: ``{"model", "protocol", "rows": [...], "notes", "failures", "precision"}``; shares in
    [0, 1]. Which probes were found is in the score file alone: here and in a card it would be thousands of words."""
    rows = [{name: value for name, value in asdict(row).items() if name != "hits"} for row in evaluation.rows]
    return {**asdict(evaluation), "rows": rows, "notes": list(evaluation.notes), "failures": _failures(evaluation)}


def _failures(evaluation: Evaluation) -> list[dict]:
    return [asdict(failure) for failure in evaluation.failures]


def mean_and_deviation(values: list[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for the latter of a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def folds_as_json(name: str, folds: list[Evaluation]) -> dict:
    """``{"model", "protocol", "rows", "folds", "notes"}``: ``folds`` as ``as_json`` gives them, ``rows`` with each
    share of the table as {"mean", "std", "folds"} over so many folds that have it. Raises DataError for folds that do
    not fit together."""
    if len({evaluation.model for evaluation in folds}) != 1:
        raise DataError("The folds were measured with different models.", "Measure them with one.")
    rows = []
    for same in zip(*(evaluation.rows for evaluation in folds), strict=True):
        kinds = {(row.probe_spectrum, row.occlusion) for row in same}
        if len(kinds) != 1:
            raise DataError("The folds have different rows.", "Measure the same spectra and occlusions on each.")
        measures = [shares_of(row) for row in same]
        facts = {"probe_spectrum": same[0].probe_spectrum, "occlusion": same[0].occlusion}
        for measure in measures[0]:
            values = [share for shares in measures if (share := shares[measure]) is not None]
            mean, deviation = mean_and_deviation(values) if values else (None, None)
            facts[measure] = {"mean": mean, "std": deviation, "folds": len(values)}
        rows.append(facts)
    notes = list(dict.fromkeys(note for evaluation in folds for note in evaluation.notes))
    return {
        "model": folds[0].model,
        "protocol": f"{name}, {len(folds)} folds",
        "rows": rows,
        "folds": [as_json(evaluation) for evaluation in folds],
        "notes": notes,
    }


def folds_as_table(summary: dict) -> str:
    """What ``folds_as_json`` gives, as fixed-width text: mean ± sample standard deviation in percent."""
    widths = (13,) * len(HEAD)
    lines = [
        f"model {summary['model']}, protocol {summary['protocol']}: mean ± standard deviation",
        _line("probe (gallery VIS)", "occlusion", HEAD, widths),
    ]
    for row in summary["rows"]:
        cells = [_mean(value) for key, value in row.items() if key not in ("probe_spectrum", "occlusion")]
        lines.append(_line(SPECTRUM_NAMES[row["probe_spectrum"]], row["occlusion"], cells, widths))
    failed = [len(fold["failures"]) for fold in summary["folds"]]
    lines.append(f"failures to acquire, fold by fold: {', '.join(map(str, failed))}")
    return "\n".join([*lines, *summary["notes"]])


def _mean(value: dict) -> str:
    if value["mean"] is None:
        return "–"
    return f"{100 * value['mean']:.1f}" + ("" if value["std"] is None else f" ± {100 * value['std']:.1f}")
