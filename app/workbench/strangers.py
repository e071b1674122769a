"""What strangers would score with this probe, what the people enrolled do score, and a handle at the score from which
on somebody is called a match."""

from __future__ import annotations

import json

import numpy as np

from app.services import Services
from app.workbench import bench as steps
from app.workbench.bench import Bench
from ssn.gallery.cohort import Judge
from ssn.gallery.search_verdict import said_of

EDGES = np.linspace(-0.4, 1.0, 71)
RAREST, MOST = 1e-4, 0.5
"""Between these shares of strangers' searches the handle moves."""


def known_judge(bench: Bench) -> Judge | None:
    """Who judges the score that counts for rank 1; None where the verdicts are not those of this search."""
    if bench.judges is None or not bench.matches or not bench.searched_rates:
        return None
    return bench.judges.of(bench.matches[0], bench.rescored)[1]


def strangers_message(bench: Bench, number: int = 0) -> str:
    """Message to the slider: the expected scores of as many strangers as templates are enrolled, the scores of the
    people enrolled, and where the verdicts begin; empty where they do not come from this search. It answers the page's
    question ``number``, or none."""
    judge = known_judge(bench)
    if judge is None or bench.judges is None:
        return ""
    scores = tuple(bench.rescored.values()) if judge is bench.judges.alike else bench.enrolled_scores
    first, _ = bench.judges.of(bench.matches[0], bench.rescored)
    limits = judge.thresholds
    return json.dumps(
        {
            "from": float(EDGES[0]),
            "to": float(EDGES[-1]),
            "expected": [float(f"{count:.3g}") for count in judge.expected(EDGES)],
            "enrolled": np.histogram(np.clip(scores, EDGES[0], EDGES[-1]), EDGES)[0].tolist(),
            "first": round(first, 4),
            "uncertain": round(limits["uncertain"], 4),
            "match": round(limits["match"], 4),
            "percent": float(f"{100 * bench.rates.match:.3g}"),
            "said": threshold_words(judge),
            "number": number,
        }
    )


def threshold_words(judge: Judge) -> str:
    """``A match from 0.68 on: about 1 stranger in 100 gets this far among your 20 people.``"""
    score = judge.thresholds["match"]
    return f"A match from {score:.2f} on: {said_of(score, judge)}."


def set_threshold(services: Services, bench: Bench, score: float) -> Bench:
    """A match from this score on, as nearly as the rates of strangers allow: other verdicts of the same scores. Raises
    GalleryError."""
    judge = known_judge(bench)
    if judge is None:
        return bench
    rate = float(judge.search_rate(score))
    return steps.set_rate(services, bench, min(MOST, max(RAREST, rate)))
