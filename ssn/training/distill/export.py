"""A finished distillation as a checkpoint with its card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ssn.faces.types import FACE_SIZE
from ssn.models.balance import balance
from ssn.models.card import ModelCard
from ssn.models.checkpoint import save_model
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.training.augment import still_views
from ssn.training.distill.run import Distillation

BALANCED_ON = 64
"""Faces that activations are measured on."""


def export(
    run: Distillation,
    counts: dict[str, Any],
    teacher: str,
    out: Path,
    start: Path | None = None,
    batches: int = 32,
) -> dict[str, Any]:
    """A run → its averaged weights in half precision under ``out``, with what they were made from: ``counts`` of the
    faces, who the ``teacher`` was, and the weights it started from. Normalisations are measured on ``batches``."""
    views = run.step_number * run.config.batch
    training = {
        "stage": "distill",
        "teacher": teacher,
        "nir": run.batches.spectra.words,
        "data": counts,
        **({"started from": start.name} if start and not run.before else {}),
        **({"runs before": run.before} if run.before else {}),
        "views": views,
        "recipe": asdict(run.config),
    }
    network = SaliencySearchNetwork(type(run.network.backbone)(), selection=False)
    network.backbone.load_state_dict(run.averaged_backbone(batches))
    shown = np.flatnonzero(~run.batches.spectra.nir)[:BALANCED_ON]
    faces = still_views(run.faces, shown if len(shown) else np.arange(min(BALANCED_ON, len(run.faces))), FACE_SIZE)
    balance(network, faces, branch_indices(["vis"] * len(faces)))
    tensors = {name: tensor for name, tensor in network.state_dict().items() if name.startswith("backbone.")}
    untrained = not views and start is None and not run.before
    name = "light-cnn-29-v2-random" if untrained else "light-cnn-29-v2-distilled"
    card = save_model(out, tensors, ModelCard(name, training=training))
    return {"model": card.model_id, "file": str(out), "views": views, "training": training}
