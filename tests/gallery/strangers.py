"""Strangers made of numbers: templates of nobody, with a mean of their own, and the cohort measured on them."""

from __future__ import annotations

import numpy as np

from ssn.evaluation.cohort import measure_cohort
from ssn.evaluation.strangers import Strangers
from ssn.gallery.cohort import Cohort
from ssn.gallery.condition import COVERS
from tests.gallery.templates import MODEL

WIDTH = 256


def templates(count: int, seed: int, lean: float = 1.2) -> np.ndarray:
    """Unit vectors that all lean the same way, and more along some axes than along others, as a network's do."""
    rng = np.random.default_rng(seed)
    shape = np.random.default_rng(99).uniform(0.3, 1.5, WIDTH)
    rows = rng.normal(size=(count, WIDTH)) * shape + lean * np.random.default_rng(98).normal(size=WIDTH) / 4
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def people(count: int, seed: int, groups: tuple[str, ...] = ("adults",)) -> Strangers:
    """Each enrolled, and seen in every condition in VIS, always by another template."""
    probes = {("vis", cover): templates(count, 1000 * seed + place) for place, cover in enumerate(COVERS, start=1)}
    return Strangers(templates(count, 1000 * seed), probes, np.arange(count) % 4, (groups,) * count)


def cohort(seed: int = 1) -> Cohort:
    return measure_cohort(MODEL, people(500, seed), people(300, seed + 1), lambda group: group == "children")
