"""The ablations of several folds as one: means and deviations over the folds, of each fold's means over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssn.errors import DataError
from ssn.evaluation.report import mean_and_deviation

Summary = dict[str, Any]


def over_folds(name: str, summaries: Sequence[Summary]) -> Summary:
    """What ``Ablation.summary`` gives of each fold → a summary of the same form, which ``as_markdown`` prints, with
    ``folds``, the summaries themselves. Its tests are called ``name, N folds``; ``helps`` is judged over the folds.

    Raises DataError for folds with other rows, seeds or recipes.
    """
    first = summaries[0]
    for summary in summaries[1:]:
        if any(summary[key] != first[key] for key in ("recipe", "seed_list")) or _rows_of(summary) != _rows_of(first):
            raise DataError("The folds' ablations have different rows.", "Run all folds with the same options.")
    title = f"{name}, {len(summaries)} folds"
    taught = [_tested(s, "teacher") for s in summaries]
    return {
        **{key: first[key] for key in ("recipe", "seed_list", "shortlist", "commands") if key in first},
        "protocol": title,
        "over": "folds",
        "notes": list(dict.fromkeys(note for summary in summaries for note in summary.get("notes", []))),
        "test": title,
        "base": {**first["base"], "sets": {title: _mean_rows([_tested(s, "base") for s in summaries])}},
        "teacher": {"sets": {title: _mean_rows(taught)} if all(taught) else {}},
        "rows": _mean_of([summary["rows"] for summary in summaries]),
        "more": {},
        "told": _mean_of([summary["told"] for summary in summaries]),
        "gains": _gains([summary["gains"] for summary in summaries]),
        "attribution": [],
        "removed": [],
        "saliency": {},
        "folds": list(summaries),
    }


def _rows_of(summary: Summary) -> list[tuple[str, str]]:
    return [(row["variant"], row["occlusion"]) for row in summary["rows"]]


def _tested(summary: Summary, who: str) -> list[dict[str, Any]]:
    """The rows of the base or of the teacher on a fold's first test."""
    rows: list[dict[str, Any]] = summary[who]["sets"].get(summary["test"], [])
    return rows


def _mean_rows(folds: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Rows as ``Row.flat`` gives them → their means, of what every fold has."""
    means = []
    for same in zip(*folds, strict=True):
        shared = [key for key in same[0] if key != "occlusion" and all(row.get(key) is not None for row in same)]
        means.append({"occlusion": same[0]["occlusion"], **{k: float(np.mean([r[k] for r in same])) for k in shared}})
    return means


def _mean_of(folds: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Rows with ``MEASURE_mean`` → the same, with mean and deviation of those means over the folds."""
    found = []
    for same in zip(*folds, strict=True):
        row = {key: same[0].get(key) for key in ("variant", "occlusion", "masks_in_training", "tied")}
        row |= {"folds": len(same)}
        for measure in [key.removesuffix("_mean") for key in same[0] if key.endswith("_mean")]:
            values = [one[f"{measure}_mean"] for one in same]
            mean, deviation = (None, None) if None in values else mean_and_deviation(values)
            row |= {f"{measure}_mean": mean, f"{measure}_std": deviation}
        found.append(row)
    return found


def _gains(folds: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Paired by fold; a part helps where the mean is more than two standard errors above nothing."""
    found = []
    for same in zip(*folds, strict=True):
        gain, deviation = mean_and_deviation([row["rank1_gain_mean"] for row in same])
        helps = None if deviation is None else bool(gain > 2 * deviation / np.sqrt(len(same)))
        found.append({**same[0], "rank1_gain_mean": gain, "rank1_gain_std": deviation, "helps": helps})
    return found
