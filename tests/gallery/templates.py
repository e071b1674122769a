"""Templates of nobody, for tests of the gallery."""

from __future__ import annotations

import numpy as np

from ssn.recognizer import Template

MODEL = "model-a"


def template(seed: int, model: str = MODEL, spectrum: str = "vis") -> Template:
    vector = np.random.default_rng(seed).normal(size=256).astype(np.float32)
    return Template(vector / np.linalg.norm(vector), model, spectrum)
