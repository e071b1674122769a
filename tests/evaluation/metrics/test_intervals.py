"""The subject bootstrap against copying the comparisons of whoever is drawn, and against theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.evaluation import metrics
from ssn.evaluation.metrics.intervals import (
    Drawn,
    Interval,
    SortedComparisons,
    mean_and_deviation,
    share_draws,
    share_interval,
    verification_draws,
)

RATES = (0.01, 0.1)


def comparisons(seed: int, people: int = 6, photos: int = 2):
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(people), photos)
    probe, gallery = (side.ravel() for side in np.meshgrid(owner, np.arange(people), indexing="ij"))
    same = probe == gallery
    return rng.integers(0, 12, len(same)) / 12 + 0.2 * same, same, probe, gallery


@given(st.integers(0, 10_000), st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_a_draw_measures_what_copied_comparisons_measure(seed, multiplicity):
    scores, same, probe, gallery = comparisons(seed)
    w = np.array(multiplicity)
    copies = np.where(same, w[probe], w[probe] * w[gallery])
    values = SortedComparisons(scores, same, probe, gallery).measures(w.astype(float), RATES)
    a, b = np.repeat(scores, copies), np.repeat(same, copies)
    if b.all() or not b.any():
        assert all(np.isnan(value) for value in values.values())
        return
    assert values["auc"] == pytest.approx(metrics.auc(a, b))
    assert values["eer"] == pytest.approx(metrics.eer(a, b))
    for rate in RATES:
        assert values[f"tpr_at_{rate}"] == pytest.approx(metrics.tpr_at_fpr(a, b, rate))


@given(st.integers(0, 10_000))
def test_everybody_once_is_the_measure_itself(seed):
    scores, same, probe, gallery = comparisons(seed)
    value, drawn = verification_draws(SortedComparisons(scores, same, probe, gallery), RATES, Drawn(5))
    assert value["auc"] == pytest.approx(metrics.auc(scores, same))
    assert value["eer"] == pytest.approx(metrics.eer(scores, same))
    assert all(len(values) == 5 for values in drawn.values())


def test_draws_are_of_as_many_people_and_the_same_for_one_seed():
    first, again = (list(Drawn(20, seed=3).multiplicities(9)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert {w.sum() for w in first} == {9}
    assert not np.array_equal(first, list(Drawn(20, seed=4).multiplicities(9)))


def test_independent_people_give_the_binomial_interval():
    """One search a person, 70 % right: the standard error is √(p(1 − p)/n)."""
    hits = np.arange(1000) % 10 < 7
    found = share_interval(hits, np.arange(1000), Drawn(2000))
    assert found.value == pytest.approx(0.7)
    reach = 1.96 * np.sqrt(0.7 * 0.3 / 1000)
    assert (found.low, found.high) == (pytest.approx(0.7 - reach, abs=4e-3), pytest.approx(0.7 + reach, abs=4e-3))


def test_copies_of_a_search_make_nothing_surer_when_people_are_drawn():
    hits = np.arange(200) % 10 < 7
    single = share_interval(hits, np.arange(200))
    repeated = share_interval(np.repeat(hits, 50), np.repeat(np.arange(200), 50))
    assert (repeated.low, repeated.high) == pytest.approx((single.low, single.high))


@given(st.integers(0, 10_000))
def test_shares_under_a_draw_agree_with_a_loop(seed):
    rng = np.random.default_rng(seed)
    people, hits = np.concatenate([np.arange(4), rng.integers(0, 4, 10)]), rng.random(14) < 0.5
    drawn = Drawn(4, seed)
    for w, share in zip(drawn.multiplicities(4), share_draws(hits, people, 4, drawn), strict=True):
        counted = [hit for hit, person in zip(hits, people, strict=True) for _ in range(int(w[person]))]
        assert share == pytest.approx(np.mean(counted))


def test_without_a_draw_that_has_a_value_there_is_no_interval():
    assert Drawn(3).interval(0.5, np.full(3, np.nan)) == Interval(0.5, None, None)
    assert Drawn(3).interval(0.5, np.array([np.nan, 0.4, 0.4])) == Interval(0.5, 0.4, 0.4)


def test_mean_and_deviation_over_folds():
    assert mean_and_deviation([1.0, 2.0, 3.0]) == pytest.approx((2.0, 1.0))
    assert mean_and_deviation([0.5]) == (0.5, None)
