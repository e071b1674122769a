"""Biometric measures as pure functions of scores and labels; no picture, no model, no file."""

from ssn.evaluation.metrics.comparison import (
    auc,
    best_threshold,
    cmc,
    cross_validated_accuracy,
    eer,
    roc,
    threshold_at_fmr,
    tpr_at_fpr,
)
from ssn.evaluation.metrics.curves import cmc_curve, det, fnmr_at_fmr, mate_ranks

__all__ = [
    "auc",
    "best_threshold",
    "cmc",
    "cmc_curve",
    "cross_validated_accuracy",
    "det",
    "eer",
    "fnmr_at_fmr",
    "mate_ranks",
    "roc",
    "threshold_at_fmr",
    "tpr_at_fpr",
]
