"""The exact index against brute force in double precision, after changes in place."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssn.gallery.exact import ExactIndex
from ssn.gallery.ranking import GROUPS, Ranked, first_people


def units(count: int, rng: np.random.Generator) -> np.ndarray:
    vectors = rng.normal(size=(count, 256)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(rows: dict[int, tuple[int, np.ndarray]], probe: np.ndarray, k: int, over: str) -> list[tuple[int, int]]:
    """(person, template) of the k best people, by a sort of all scores in double precision."""
    numbers = np.array(sorted(rows))
    owners = np.array([rows[n][0] for n in numbers])
    scores = np.stack([rows[n][1] for n in numbers]).astype(np.float64) @ probe.astype(np.float64)
    scores = np.array([scores[first] for first in _first_equal(np.stack([rows[n][1] for n in numbers]))])
    people = []
    for person in np.unique(owners):
        own = np.flatnonzero(owners == person)
        best = own[np.lexsort((numbers[own], -scores[own]))[0]]
        if over == "best":
            people.append((-scores[best], numbers[best], person, numbers[best]))
        else:
            people.append((-math.fsum(scores[own]) / len(own), numbers[own].min(), person, numbers[best]))
    return [(int(person), int(template)) for _, _, person, template in sorted(people)[:k]]


def _first_equal(vectors: np.ndarray) -> np.ndarray:
    """For each row the first one equal to it: equal rows must score equal, which a matrix product does not promise."""
    _, first, inverse = np.unique(vectors, axis=0, return_index=True, return_inverse=True)
    return first[inverse.ravel()]


def found(index: ExactIndex, probe: np.ndarray, k: int, over: str = "best") -> list[tuple[int, int]]:
    return [(hit.person_id, hit.template_id) for hit in index.search(probe[None], k, over)[0]]


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 12), st.integers(0, 5)),
        st.tuples(st.just("remove"), st.integers(0, 60), st.integers(1, 9)),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(changes=CHANGES, k=st.integers(0, 9), seed=st.integers(0, 999), over=st.sampled_from(["best", "mean"]))
def test_after_any_changes_in_place_the_order_is_that_of_brute_force(changes, k, seed, over):
    """Vectors come from a pool of six, so that most scores tie."""
    rng = np.random.default_rng(seed)
    pool, index, rows, last = units(6, rng), ExactIndex(), {}, 0
    for kind, number, other in changes:
        if kind == "add":
            numbers = np.arange(last + 1, last + 1 + number)
            owners, vectors = rng.integers(1, 5 + other, number), pool[rng.integers(0, 6, number)]
            index.add(numbers, owners, vectors)
            rows |= {int(n): (int(o), v) for n, o, v in zip(numbers, owners, vectors, strict=True)}
            last += number
        else:
            gone = list(range(number, number + other))
            index.remove(gone)
            rows = {n: row for n, row in rows.items() if n not in gone}
    assert index.templates == sorted(rows)
    probe = units(1, rng)[0]
    assert found(index, probe, k, over) == (brute_force(rows, probe, k, over) if rows else [])


@pytest.fixture(scope="module")
def large():
    """100,000 random templates of 30,000 people; 5,000 are copies of others, and a thousand people look the same."""
    rng = np.random.default_rng(7)
    vectors = units(100_000, rng)
    vectors[rng.choice(100_000, 5_000, replace=False)] = vectors[rng.integers(0, 100_000, 5_000)]
    alike = rng.choice(100_000, 1_000, replace=False)
    vectors[alike] = vectors[alike[0]]
    owners = rng.integers(1, 30_001, 100_000)
    index = ExactIndex()
    index.add(np.arange(1, 90_001), owners[:90_000], vectors[:90_000])
    gone = rng.choice(90_000, 2_000, replace=False) + 1
    index.remove(gone.tolist())
    index.add(np.arange(90_001, 100_001), owners[90_000:], vectors[90_000:])
    left = np.setdiff1d(np.arange(1, 100_001), gone)
    return index, left, owners, vectors, alike


@pytest.mark.parametrize("k", [1, 5, 50])
def test_among_100_000_templates_every_rank_is_that_of_double_precision(large, k):
    index, left, owners, vectors, alike = large
    rng = np.random.default_rng(k)
    probes = np.concatenate([units(4, rng), vectors[rng.integers(0, 100_000, 3)], vectors[alike[:1]]])
    assert len(left) > 2 * 8 * (2 * k + 14) > GROUPS / 2, "else the groups of large galleries are not tried"
    first = _first_equal(vectors[left - 1])
    for probe, hits in zip(probes, index.search(probes, k), strict=True):
        scores = (vectors[left - 1].astype(np.float64) @ probe.astype(np.float64))[first].clip(-1, 1)
        order = np.lexsort((left, -scores))
        _, best = np.unique(owners[left - 1][order], return_index=True)
        order = order[np.sort(best)[:k]]
        assert [hit.template_id for hit in hits] == left[order].tolist()
        assert [hit.person_id for hit in hits] == owners[left[order] - 1].tolist()
        assert [hit.score for hit in hits] == pytest.approx(scores[order], abs=1e-12)


def test_probes_together_find_what_they_find_alone(large):
    index, *_ = large
    probes = units(9, np.random.default_rng(1))
    for over in ("best", "mean"):
        assert index.search(probes, 7, over) == [index.search(probe[None], 7, over)[0] for probe in probes]
    assert index.search(probes[:0], 7) == []


def test_a_person_of_many_templates_does_not_hide_the_next():
    """The first 300 ranks are one person's: the search must look on until it has everybody."""
    rng = np.random.default_rng(2)
    probe, others = units(1, rng)[0], units(3, rng)
    vectors = np.concatenate([np.repeat(probe[None], 300, axis=0), others])
    index = ExactIndex()
    index.add(np.arange(1, 304), np.array([1] * 300 + [2, 3, 4]), vectors)
    expected = [1, *(2 + np.argsort(-(others.astype(np.float64) @ probe))).tolist()]
    assert [person for person, _ in found(index, probe, 4)] == expected


def test_scores_closer_than_single_precision_are_told_apart():
    """Two templates whose float32 scores may come out either way; the larger true one is first, whoever is older."""
    rng = np.random.default_rng(3)
    probe = units(1, rng)[0]
    base = units(1, rng)[0]
    variants = np.repeat(base[None], 40, axis=0)
    variants[np.arange(40), np.arange(40)] = np.nextafter(variants[np.arange(40), np.arange(40)], np.float32(1))
    index = ExactIndex()
    index.add(np.arange(1, 41), np.arange(1, 41), variants)
    exact = variants.astype(np.float64) @ probe.astype(np.float64)
    assert [person for person, _ in found(index, probe, 40)] == (1 + np.lexsort((np.arange(40), -exact))).tolist()


@settings(max_examples=60)
@given(
    levels=st.lists(st.integers(-3, 3), min_size=1, max_size=3000),
    owners=st.integers(1, 9),
    k=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_approximate_scores_off_by_less_than_half_of_the_margin_lose_nobody(levels, owners, k, seed):
    """Exact scores on few levels, some beyond 1 and -1, where all are equal; the approximate ones are anywhere near."""
    rng, margin = np.random.default_rng(seed), 0.1
    exact = np.array(levels) * 0.45
    near = (exact + rng.uniform(-0.499, 0.499, len(exact)) * margin).astype(np.float32)
    people, ages = rng.integers(0, owners, len(exact)), rng.permutation(len(exact))
    exact = exact.clip(-1, 1)

    def ranked(places: np.ndarray) -> Ranked:
        return Ranked(exact[places], people[places], ages[places], ages[places])

    order, best = np.lexsort((ages, -exact)), {}
    for place in order:
        best.setdefault(int(people[place]), int(ages[place]))
    for scores in (near, torch.from_numpy(near)):
        hits = first_people(scores, people, k, margin, ranked)
        assert [(hit.person_id, hit.template_id) for hit in hits] == list(best.items())[:k]


def test_what_is_removed_is_not_left_in_memory():
    index = ExactIndex()
    vectors = units(5, np.random.default_rng(4))
    index.add(np.arange(1, 6), np.arange(1, 6), vectors)
    index.remove([2, 5, 77])
    memory = index._vectors.numpy()
    for number in (2, 5):
        assert not (memory == vectors[number - 1]).all(axis=1).any()
    for number in (1, 3, 4):
        assert (memory == vectors[number - 1]).all(axis=1).sum() == 1
    index.remove([1, 3, 4])
    assert len(index) == 0
    assert not memory.any()


def test_growing_copies_seldom():
    """A thousand enrolments after a large load move the tensor at most once."""
    index, rng = ExactIndex(), np.random.default_rng(5)
    index.reserve(5_000)
    index.add(np.arange(1, 5_001), np.arange(1, 5_001), units(5_000, rng))
    places = set()
    for number in range(5_001, 6_001):
        index.add(np.array([number]), np.array([number]), units(1, rng))
        places.add(index._vectors.data_ptr())
    assert len(places) <= 2
