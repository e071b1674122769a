"""The tail of strangers' scores against distributions whose tail is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import expon, norm

from ssn.errors import DataError
from ssn.gallery.tail import LEAST_TAIL, RATES, TAIL_SHARE, Tail, highest_tail, tail_of

LEAST = int(LEAST_TAIL / TAIL_SHARE)


def test_rates_fall():
    assert (np.diff(RATES) < 0).all()
    assert RATES[0] < 1


def test_what_can_be_counted_is_the_quantile():
    values = np.random.default_rng(0).normal(size=200_000)
    levels, counted = tail_of(values)
    assert counted == pytest.approx(1e-4)
    seen = counted <= RATES
    assert levels[seen] == pytest.approx(np.quantile(values, 1 - RATES[seen]), abs=0.02)
    assert levels[seen] == pytest.approx(norm.isf(RATES[seen]), abs=0.2)


def test_beyond_the_data_an_exponential_tail_goes_on_as_such():
    levels, counted = tail_of(np.random.default_rng(1).exponential(size=100_000))
    for rate in (1e-5, 1e-6, 1e-7):
        assert rate < counted
        assert np.interp(np.log(1 / rate), np.log(1 / RATES), levels) == pytest.approx(expon.isf(rate), rel=0.15)


def test_an_end_that_a_sample_suggests_is_not_relied_on():
    """Uniform numbers end at 1; the tail says so nowhere."""
    levels, counted = tail_of(np.random.default_rng(2).random(50_000))
    assert levels[-1] > 1
    beyond = levels[counted > RATES]
    assert (np.diff(beyond) > 0).all()


def test_too_few_pairs_are_refused():
    with pytest.raises(DataError, match=f"{LEAST}"):
        tail_of(np.zeros(LEAST - 1))
    with pytest.raises(DataError, match="No group"):
        highest_tail({"few": np.zeros(LEAST - 1)})


def test_the_group_whose_strangers_are_most_alike_decides():
    rng = np.random.default_rng(3)
    groups = {"usual": rng.normal(size=40_000), "alike": rng.normal(0.7, 1, 10_000), "few": rng.normal(9, 1, 50)}
    found = highest_tail(groups)
    assert found.group == "alike"
    assert found.pairs == 50_000
    for name in ("usual", "alike"):
        assert (found.levels >= tail_of(groups[name])[0] - 1e-12).all()
    assert found.level(0.01) == pytest.approx(norm.isf(0.01, 0.7), abs=0.1)


@given(st.integers(0, 1000), st.floats(1e-9, 0.9))
def test_level_and_rate_are_inverses(seed, rate):
    found = highest_tail({"all": np.random.default_rng(seed).normal(size=LEAST * 3)})
    assert float(found.rate(found.level(rate))) == pytest.approx(rate, rel=1e-6)


@given(st.lists(st.floats(-5, 30), min_size=2, max_size=8))
def test_a_higher_score_is_never_reached_more_often(scores):
    found = Tail(norm.isf(RATES), 1e-4, 1, "all")
    rates = found.rate(np.sort(scores))
    assert (np.diff(rates) <= 0).all()
    assert ((rates > 0) & (rates <= 1)).all()
