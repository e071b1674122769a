"""The parts of the comparison with the teacher and of the groups' false matches that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.groups import false_matches
from benchmarks.teacher import interval, right
from ssn.data.groups import AGES, age_band, groups_of


def test_the_best_single_threshold_decides():
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    same = np.array([False, False, True, True])
    assert right(scores, same).sum() == 3
    assert right(np.array([0.1, 0.2, 0.3]), np.array([False, False, True])).all()
    assert right(np.array([0.3, 0.3]), np.array([True, True])).all()
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, same = rng.normal(size=12), rng.random(12) < 0.5
        cuts = [-np.inf, *(np.sort(scores)[:-1] + np.sort(scores)[1:]) / 2, np.inf]
        assert right(scores, same).mean() == max(np.mean((scores > cut) == same) for cut in cuts)


def test_the_interval_holds_the_difference_and_knows_no_difference():
    rng = np.random.default_rng(1)
    ours, teachers = rng.random(1000) < 0.95, rng.random(1000) < 0.80
    low, high = interval(ours, teachers)
    assert low < ours.mean() - teachers.mean() < high
    assert low > 0
    deviation = np.sqrt((ours.astype(float) - teachers).var() / 1000)
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    assert interval(ours, ours) == [0.0, 0.0]


def test_every_age_is_in_one_band():
    assert [age_band(age) for age in (0, 12, 13, 29, 30, 120)] == [
        "age 0–12",
        "age 0–12",
        "age 13–17",
        "age 18–29",
        "age 30–44",
        "age 60–120",
    ]
    assert all(sum(low <= age <= high for low, high in AGES) == 1 for age in range(121))


@pytest.mark.parametrize(
    ("source", "name", "groups"),
    [
        ("aaf", "00012A35.jpg", ["all", "age 30–44"]),
        ("utkface", "26_1_2_20170104023102422.jpg", ["all", "age 18–29", "female", "Asian"]),
        ("utkface", "61_1_20170109150557335.jpg", []),  # some names lack the origin
        ("celeba", "000001.jpg", []),
    ],
)
def test_file_names_say_groups(source, name, groups):
    assert groups_of(source, name) == groups


def test_false_matches_are_counted_between_different_people_only():
    rng = np.random.default_rng(2)
    probes, gallery = rng.normal(size=(2, 9, 4))
    found = false_matches(probes, gallery, {"0.01": 0.5, "0.001": 9.0})
    scores = [probes[i] @ gallery[j] for i in range(9) for j in range(9) if i != j]
    assert found["0.01"] == pytest.approx(sum(score >= 0.5 for score in scores) / 72)
    assert found["0.001"] == np.mean(np.array(scores) >= 9.0)
