"""A template that a gallery of one model can hold and be searched with."""

from __future__ import annotations

import numpy as np

from ssn.errors import TemplateMismatchError
from ssn.models.light_cnn import EMBEDDING_SIZE
from ssn.recognizer import Template


def checked_vector(template: Template, model_id: str) -> np.ndarray:
    """Its vector (256,) float32. Raises TemplateMismatchError for one of another model, or that is no template."""
    if template.model_id != model_id:
        raise TemplateMismatchError(
            f"The template was made by {template.model_id}; this gallery is searched with {model_id}.",
            "Enrol the face again with this model.",
        )
    vector = np.ascontiguousarray(template.vector, dtype=np.float32)
    if vector.shape != (EMBEDDING_SIZE,) or not np.isfinite(vector).all():
        raise TemplateMismatchError(
            f"A template has {EMBEDDING_SIZE} finite numbers; this one is no template.", "Embed the face again."
        )
    return vector


def of_another_model(other: str, model_id: str) -> TemplateMismatchError:
    """Nobody in a gallery can be found by the model it is searched with."""
    return TemplateMismatchError(
        f"Everybody in this gallery was enrolled with {other}, not with {model_id}.",
        "Enrol them again, or load that model.",
    )
