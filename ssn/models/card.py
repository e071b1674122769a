"""What is known of a model: name, architecture, training, measures and thresholds; and the id its templates carry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ssn.models.backbone import DEFAULT_ARCHITECTURE


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model. ``thresholds`` maps a false match rate of one comparison as text ("0.01", "0.001")
    to a cosine score (what holds for a search of many people is in the cohort beside the file: ``gallery/cohort``), and
    ``thresholds_from`` says on which ``protocol``, from how many ``impostors`` and at which ``precision`` they were
    measured (empty in files written before that was kept);
    ``searched`` tells whether its indicators came out of a search or still have their first value; ``selection``
    whether they are the paper's (``pixel``) or our extension's (``adaptive``)."""

    name: str
    architecture: str = DEFAULT_ARCHITECTURE
    searched: bool = False
    training: dict = field(default_factory=dict)
    measures: dict = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    model_id: str = ""
    selection: str = "pixel"
    thresholds_from: dict = field(default_factory=dict)


def model_id(name: str, tensors: dict[str, Tensor]) -> str:
    """``name`` and 12 hex digits of the tensors' names, shapes, types and bytes."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return f"{name}-{digest.hexdigest()[:12]}"
