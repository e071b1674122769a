"""Exact search with the templates on a GPU: the same people in the same order with the same scores, through every
change."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.gallery.exact import ExactIndex
from ssn.gallery.ranking import GROUPS

pytestmark = pytest.mark.gpu
MANY = 560 * GROUPS + 7
"""So many that the maxima of groups are looked at first."""


def units(count: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, 256), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_hand(vectors: np.ndarray, probe: np.ndarray, k: int) -> list[tuple[int, float]]:
    """Everybody's score in double precision, of equal ones the older first; a person a template."""
    near = np.sort(np.argsort(vectors @ probe)[-10 * k :])
    scores = (vectors[near].astype(np.float64) * probe.astype(np.float64)).sum(axis=1)
    order = np.lexsort((near, -scores))[:k]
    return [(int(near[i]), float(scores[i])) for i in order]


@pytest.mark.parametrize("count", [30, 3000, MANY])
def test_the_first_k_with_ties(count, device):
    vectors = units(count, 0)
    vectors[count // 2 : count // 2 + 9] = vectors[3]  # ten times the same face
    index, numbers = ExactIndex(device), np.arange(count)
    index.add(numbers, numbers, vectors)
    probes = np.concatenate([units(3, 1), vectors[3:4], vectors[7:8]])
    for probe, hits in zip(probes, index.search(probes, 10), strict=True):
        expected = by_hand(vectors, probe, 10)
        assert [hit.person_id for hit in hits] == [person for person, _ in expected]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], abs=1e-12)


@pytest.mark.parametrize("over", ["best", "mean"])
def test_people_of_several_templates_are_those_of_the_processor_through_every_change(over, device):
    here, there = ExactIndex("cpu"), ExactIndex(device)
    probes = units(8, 3)

    def alike() -> None:
        expected, found = (index.search(probes, 7, over) for index in (here, there))
        assert expected == found

    for index in (here, there):
        index.reserve(3000)
    place = there._vectors.data_ptr()
    changes = [
        lambda index: index.add(np.arange(2000), np.arange(2000) // 3, units(2000, 4)),
        lambda index: index.add(np.arange(2000, 2020), np.arange(20), probes.repeat(3, axis=0)[:20]),
        lambda index: index.remove([0, 5, 2003, 1999]),
        lambda index: index.give({7: 3, 2001: 900}),
        lambda index: index.remove(list(range(100, 1500))),
        lambda index: index.add(np.arange(3000, 3100), np.arange(3000, 3100), units(100, 5)),
    ]
    for change in changes:
        for index in (here, there):
            change(index)
        alike()
    assert there._vectors.data_ptr() == place
    assert there._vectors.device.type == device.type
    for (numbers, owners, vectors), again in zip(here.pieces(), there.pieces(), strict=True):
        assert np.array_equal(numbers, again[0])
        assert np.array_equal(owners, again[1])
        assert np.array_equal(vectors, again[2])
