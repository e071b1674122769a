"""Thinned curves keep their shape; axes go where they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from ssn.evaluation import curves, metrics
from ssn.evaluation.curves import AXES, CMC_AXES, DET_AXES, Axis, Curve, thinned


@given(st.integers(0, 10_000), st.sampled_from(["roc", "det", "open_set"]), st.sampled_from([20, 100, 500]))
def test_nothing_left_out_is_far_from_what_is_drawn(seed, kind, most):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 5000))
    power = rng.uniform(0.2, 6)  # some curves have nearly all their points in a corner
    x = np.sort(rng.random(count) ** power)
    y = np.sort(rng.random(count) ** power)[:: -1 if kind != "roc" else 1]
    whole, axes = Curve(x, y), AXES[kind]
    few = thinned(whole, axes, most)
    assert len(few.x) <= most + 1 or len(few.x) == count <= most
    assert set(zip(few.x, few.y, strict=True)) <= set(zip(x, y, strict=True))
    assert (few.x[0], few.y[0], few.x[-1], few.y[-1]) == (x[0], y[0], x[-1], y[-1])
    drawn = np.stack([axes[0].position(few.x), axes[1].position(few.y)], axis=1)
    every = np.stack([axes[0].position(x), axes[1].position(y)], axis=1)
    far = np.abs(every[:: max(1, count // 300), None] - drawn[None]).sum(axis=2).min(axis=1)
    assert far.max() <= 2 / (most - 1) + 1e-9


def test_a_short_curve_stays_as_it_is():
    short = Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert thinned(short, AXES["roc"]) is short


def test_axes_are_linear_logarithmic_and_of_normal_deviates():
    assert Axis("", 0, 10).position([0, 5, 10, 20]).tolist() == [0, 0.5, 1, 1]
    assert Axis("", 0.01, 1, "log").position(np.array([0, 0.1, 1])) == pytest.approx([0, 0.5, 1])
    assert Axis("", 0.1, 0.9, "probit").position(np.array([0.1, 0.5, 0.9])) == pytest.approx([0, 0.5, 1])


def test_the_det_of_two_normal_distributions_is_a_straight_line():
    thresholds = np.linspace(0, 2, 50)
    fmr, fnmr = norm.sf(thresholds), norm.cdf(thresholds - 2)
    inside = (fmr > DET_AXES[0].low) & (fmr < DET_AXES[0].high) & (fnmr > DET_AXES[1].low) & (fnmr < DET_AXES[1].high)
    x, y = DET_AXES[0].position(fmr[inside]), DET_AXES[1].position(fnmr[inside])
    assert inside.sum() > 20
    assert abs(np.corrcoef(x, y)[0, 1]) == pytest.approx(1, abs=1e-12)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=40), st.integers(1, 300))
def test_the_drawn_cmc_counts_ranks(ranks, enrolled):
    ranks = [min(rank, enrolled) for rank in ranks]
    curve = curves.cmc_curve(np.array(ranks), enrolled)
    assert curve.x.tolist() == list(range(1, min(enrolled, CMC_AXES[0].high) + 1))
    for rank, share in zip(curve.x, curve.y, strict=True):
        assert share == pytest.approx(np.mean([r <= rank for r in ranks]))


@pytest.mark.parametrize(
    ("enrolled", "ticks"),
    [
        (1, (1, 2)),
        (2, (1, 2)),
        (8, (1, 2, 5, 8)),
        (21, (1, 2, 5, 10, 21)),
        (24, (1, 2, 5, 10, 24)),
        (50, (1, 2, 5, 10, 20, 50)),
        (99, (1, 2, 5, 10, 20, 50)),
    ],
)
def test_the_axis_of_the_cmc_ends_where_everybody_is_found(enrolled, ticks):
    few = [curves.cmc_curve(np.array([1]), count) for count in (1, enrolled)]
    across, up = curves.axes_of("cmc", few)
    assert across.ticks == ticks
    assert (across.low, across.high, up) == (1, ticks[-1], CMC_AXES[1])
    assert np.all(np.diff(across.position(ticks)) > 0.05), "ticks do not lie on each other"
    assert curves.axes_of("det", few) == DET_AXES


@given(st.integers(0, 1000))
def test_histograms_count_every_comparison_once(seed):
    rng = np.random.default_rng(seed)
    same = np.array([True] * 5 + [False] * 9)
    drawn = curves.histogram(np.round(rng.random(14), 1), same)
    assert drawn.genuine.sum() == pytest.approx(1)
    assert drawn.impostor.sum() == pytest.approx(1)
    assert curves.histogram(np.zeros(14), same).genuine.sum() == 1


def test_roc_and_det_are_those_of_the_metrics():
    rng = np.random.default_rng(0)
    same = np.arange(200) % 2 == 0
    scores = rng.random(200) + same
    drawn = curves.verification_curves(scores, same)
    fmr, fnmr, _ = metrics.det(scores, same)
    np.testing.assert_array_equal(drawn["det"].y, fnmr)
    np.testing.assert_array_equal(drawn["roc"].y, 1 - fnmr)
    np.testing.assert_array_equal(drawn["roc"].x, fmr)
