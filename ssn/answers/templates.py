"""Faces → templates, and two of them compared."""

from __future__ import annotations

from ssn.answers.faces import subject_of
from ssn.faces.types import AlignedFace
from ssn.gallery.verdict import by_rate, verdict
from ssn.recognizer import Recognizer


def template_row(recognizer: Recognizer, face: AlignedFace) -> dict:
    """``{"spectrum", "face", "vector"}``: 256 numbers of unit length, to seven digits; in float32 whatever probes are
    looked at in, since nobody knows what they will be compared with."""
    vector = [round(float(value), 7) for value in recognizer.embed_batch([face], fast=False)[0]]
    return {"spectrum": face.spectrum, "face": subject_of(face), "vector": vector}


def comparison(recognizer: Recognizer, first: AlignedFace, second: AlignedFace) -> dict:
    """Two photos, neither of them enrolled → ``{"model", "score", "verdict", "thresholds"}``. The verdict is of one
    comparison: ``match`` from the score on that one pair of strangers in 1,000 reaches."""
    score = recognizer.embed(first).similarity(recognizer.embed(second))
    thresholds = recognizer.card.thresholds
    return {
        "model": recognizer.model_id,
        "score": score,
        "verdict": verdict(score, thresholds),
        "thresholds": dict(by_rate(thresholds)),
    }
