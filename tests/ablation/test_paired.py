"""Paired comparisons against closed forms and SciPy's exact test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from ssn.ablation.paired import EFFECTS, attribution, mcnemar, mcnemar_of
from ssn.training.search.variants import VARIANTS

TEST = "lfw-devtest"


def judged(hits: np.ndarray) -> dict:
    text = "".join("01"[int(hit)] for hit in hits)
    return {"hits": {TEST: {"people": list(np.arange(len(hits)) // 2), "none": text}}}


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (3, 9), (12, 12), (40, 5)])
def test_p_is_the_chance_of_a_fair_coin_at_least_as_uneven(first, second):
    a, b = np.zeros((1, 100), bool), np.zeros((1, 100), bool)
    a[0, :first], b[0, first : first + second] = True, True
    a[0, 90:] = b[0, 90:] = True
    few, n = min(first, second), first + second
    expected = 1.0 if first == second else 2 * binom.cdf(few, n, 0.5)
    assert mcnemar(a, b) == pytest.approx(expected)
    assert mcnemar(a, b) == pytest.approx(mcnemar(b, a))


def test_discordant_probes_of_several_seeds_are_added():
    a, b = np.array([[1, 0], [1, 1]], bool), np.array([[0, 0], [0, 1]], bool)
    assert mcnemar(a, b) == pytest.approx(0.5)


def test_what_masks_and_indicator_are_worth_comes_out_of_rows_made_of_them():
    """20 % find their person anyway, masks add 30 points, the indicator 10, both together 5 more."""
    shares = {"light-cnn-unmasked": 0.2, "light-cnn": 0.5, "si-unmasked": 0.3, "si": 0.65}
    results = {name: [judged(np.arange(200) < 200 * share)] for name, share in shares.items()}
    found = {row["effect"]: row for row in attribution(results, TEST, ["none"])}
    assert set(found) == {"masks in training", "the indicator", "both together, beyond each"}
    assert found["masks in training"]["value"] == pytest.approx((0.3 + 0.35) / 2)
    assert found["the indicator"]["value"] == pytest.approx((0.1 + 0.15) / 2)
    assert found["both together, beyond each"]["value"] == pytest.approx(0.05)
    for row in found.values():
        assert row["low"] < row["value"] < row["high"]


def test_a_row_is_held_against_the_one_it_differs_from_by_one_part():
    results = {"light-cnn": [judged(np.arange(50) < 20)], "si": [judged(np.arange(50) < 30)]}
    found = mcnemar_of(results, "si", TEST, "none")
    assert found["over"] == "light-cnn"
    assert found["mcnemar_p"] == pytest.approx(2 * 0.5**10)
    assert mcnemar_of(results, "light-cnn", TEST, "none") == {"over": None, "mcnemar_p": None}
    assert mcnemar_of({"si": [{}]}, "si", TEST, "none") == {"over": None, "mcnemar_p": None}


def test_effects_and_neighbours_are_rows():
    assert {name for weights in EFFECTS.values() for name in weights} <= set(VARIANTS)
    assert all(sum(weights.values()) == 0 for weights in EFFECTS.values())
    assert {row.over for row in VARIANTS.values()} - {""} <= set(VARIANTS)
