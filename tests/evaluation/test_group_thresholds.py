"""Thresholds that hold within groups, against a loop over pairs and a group that is more alike by construction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssn.evaluation.group_thresholds import group_thresholds

BEFORE = {"0.01": 0.0, "0.001": 0.0}


def strangers(rng: np.random.Generator, sizes: dict[str, float], each: int) -> tuple[np.ndarray, np.ndarray, list]:
    """Templates of a group with its own common part, whose share is given: enrolled, probes, groups."""
    enrolled, groups = [], []
    for name, share in sizes.items():
        own = rng.normal(size=16)
        enrolled.append(rng.normal(size=(each, 16)) + share * own)
        groups += [("all", name)] * each
    vectors = np.vstack(enrolled)
    probes = vectors + 0.2 * rng.normal(size=vectors.shape)
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)  # noqa: E731
    return unit(vectors), unit(probes), groups


def naive(scores: np.ndarray, groups, name: str, same: np.ndarray) -> list[float]:
    found = []
    for i, own in enumerate(groups):
        for j, other in enumerate(groups):
            if i != j and not same[i, j] and name in own and name in other:
                found.append(scores[i, j])
    return found


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.6]))
def test_the_stated_rate_holds_in_every_group_and_the_most_alike_decides(seed, share):
    rng = np.random.default_rng(seed)
    enrolled, probes, groups = strangers(rng, {"varied": 0.0, "alike": share}, 60)
    scores = {"vis": enrolled @ enrolled.T, "nir": probes @ enrolled.T}
    same = rng.random((120, 120)) < 0.01
    same |= same.T
    found = group_thresholds(scores, groups, BEFORE, same, least=50)
    assert [one.group for one in found.groups] == ["alike", "all", "varied"]
    for own in found.groups:
        for rate, score in found.thresholds.items():
            for matrix in scores.values():
                values = naive(matrix, groups, own.group, same)
                assert len(values) == own.pairs
                assert np.mean(np.array(values) >= score) <= float(rate)
        assert own.before["0.01"] == max(
            np.mean(np.array(naive(m, groups, own.group, same)) >= 0) for m in scores.values()
        )
    if share:
        assert found.decided["0.01"] == "alike"
        before, after = found.groups[0].before["0.01"], found.groups[0].after["0.01"]
        assert after < 0.05 < before


def test_a_threshold_that_is_high_enough_stays():
    enrolled, probes, groups = strangers(np.random.default_rng(1), {"varied": 0.0}, 50)
    found = group_thresholds(
        {"vis": probes @ enrolled.T}, groups, {"0.01": 0.99, "0.001": 0.995}, np.eye(50, dtype=bool), least=50
    )
    assert found.thresholds == {"0.01": 0.99, "0.001": 0.995}
    assert set(found.decided.values()) == {""}


def test_children_are_counted_and_decide_nothing_and_small_groups_say_nothing():
    enrolled, probes, groups = strangers(np.random.default_rng(2), {"adults": 0.0, "children": 2.0}, 50)
    groups = [own[1:] for own in groups] + [("few",)] * 5
    enrolled, probes = np.vstack([enrolled, enrolled[:5]]), np.vstack([probes, probes[:5]])
    same = np.eye(105, dtype=bool)
    found = group_thresholds({"nir": probes @ enrolled.T}, groups, BEFORE, same, lambda name: name != "children", 50)
    assert [one.group for one in found.groups] == ["adults", "children"]
    assert found.decided["0.01"] == "adults"
    assert found.groups[1].after["0.01"] > 0.3


def test_what_is_counted_after_is_of_people_who_set_no_threshold():
    """One pair far above all others sets the threshold of its half alone; the others are counted by their own."""
    scores = np.random.default_rng(3).uniform(0, 0.5, (40, 40))
    scores[0, 1] = 0.9
    half = np.random.default_rng(0).permutation(40) % 2 == 0
    found = group_thresholds({"vis": scores}, [("all",)] * 40, BEFORE, np.zeros((40, 40), bool), least=40, seed=0)
    parts = []
    for counted, learned in ((half, ~half), (~half, half)):
        threshold = max(scores[i, j] for i in range(40) for j in range(40) if i != j and learned[i] and learned[j])
        values = [scores[i, j] for i in range(40) for j in range(40) if i != j and counted[i] and counted[j]]
        parts.append(np.mean(np.array(values) > threshold))
    assert found.groups[0].after["0.001"] == pytest.approx(np.mean(parts))
    assert found.thresholds["0.001"] == pytest.approx(np.partition(scores[~np.eye(40, dtype=bool)], -2)[-2], abs=1e-6)
