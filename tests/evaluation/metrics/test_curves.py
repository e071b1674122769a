"""DET and CMC against scikit-learn and against sorting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import det_curve

from ssn.evaluation import metrics


@given(st.integers(0, 10_000), st.sampled_from([4, 10**6]))
def test_det_agrees_with_scikit_learn(seed, steps):
    rng = np.random.default_rng(seed)
    same = np.array([True] * int(rng.integers(1, 30)) + [False] * int(rng.integers(1, 30)))
    scores = rng.integers(-steps, steps, len(same)) / steps
    fmr, fnmr, thresholds = metrics.det(scores, same)
    assert (fmr[0], fnmr[0]) == (0, 1)
    assert (fmr[-1], fnmr[-1]) == (1, 0)
    ours = dict(zip(thresholds.tolist(), zip(fmr, fnmr, strict=True), strict=True))
    for a, b, threshold in zip(*det_curve(same, scores), strict=True):  # theirs leaves out the flat ends
        assert ours[threshold] == pytest.approx((a, b))


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.5]))
def test_fnmr_at_fmr_is_the_lowest_of_all_thresholds_by_a_loop(seed, target):
    rng = np.random.default_rng(seed)
    same = np.array([True] * 15 + [False] * 25)
    scores = rng.integers(0, 20, 40) / 20
    least = min((scores[same] < t).mean() for t in [np.inf, *scores] if (scores[~same] >= t).mean() <= target)
    assert metrics.fnmr_at_fmr(scores, same, target) == pytest.approx(least)


@given(st.integers(0, 10_000))
def test_mate_ranks_agree_with_sorting_every_probe_by_hand_and_are_zero_for_strangers(seed):
    rng = np.random.default_rng(seed)
    gallery_ids = np.concatenate([np.arange(6), rng.integers(0, 6, 4)])
    probe_ids = rng.integers(0, 9, 15)  # 6, 7 and 8 are strangers
    scores = rng.random((15, 10))
    expected = []
    for row, own in zip(scores, probe_ids, strict=True):
        order = list(dict.fromkeys(gallery_ids[np.argsort(-row)].tolist()))
        expected.append(order.index(own) + 1 if own < 6 else 0)
    assert metrics.mate_ranks(scores, probe_ids, gallery_ids).tolist() == expected


@given(st.integers(0, 10_000))
def test_the_cmc_curve_begins_as_cmc_says_and_ends_at_one(seed):
    rng = np.random.default_rng(seed)
    gallery_ids, probe_ids = rng.permutation(np.arange(12) % 8), rng.integers(0, 8, 20)
    scores = rng.integers(0, 5, (20, 12)) / 5  # many ties
    curve = metrics.cmc_curve(scores, probe_ids, gallery_ids)
    assert len(curve) == 8
    np.testing.assert_allclose(curve[:5], metrics.cmc(scores, probe_ids, gallery_ids))
    assert curve[-1] == 1


def test_a_closed_set_has_no_strangers_and_a_gallery_has_somebody():
    with pytest.raises(ValueError, match="not in the gallery"):
        metrics.cmc_curve(np.zeros((1, 2)), np.array([7]), np.array([0, 1]))
    with pytest.raises(ValueError, match="nobody is enrolled"):
        metrics.mate_ranks(np.zeros((1, 0)), np.array([7]), np.array([], int))
