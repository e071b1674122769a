"""What is known of a map that explains a pair."""

from __future__ import annotations

from dataclasses import asdict

from ssn.explanation.belief import Belief
from ssn.explanation.explainer import Attribution
from ssn.explanation.methods.registry import METHODS


def figures_of(found: Attribution, measured: Belief) -> dict:
    """What is known of one method's map, for the JSON."""
    return {
        "title": METHODS[found.method].title,
        "score": found.score,
        "baseline": found.baseline,
        "baseline_score": found.baseline_score,
        "delta": found.delta,
        "relative_delta": found.relative_delta,
        "parameters": found.parameters,
        "regions": found.regions,
        "deletion_auc": measured.curves.deletion_auc,
        "insertion_auc": measured.curves.insertion_auc,
        "control_deletion_auc": measured.control_deletion_auc,
        "control_insertion_auc": measured.control_insertion_auc,
        "controls": {"deletion_auc": measured.control_deletion, "insertion_auc": measured.control_insertion},
        "gains": {kind: asdict(measured.gain(kind)) for kind in ("deletion", "insertion")},
        "verdict": measured.verdict,
        "randomised_weights_correlation": measured.randomised,
        "shift_stability": measured.stability,
        "seconds": found.seconds,
    }
