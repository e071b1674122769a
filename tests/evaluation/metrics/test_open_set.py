"""Open-set identification against a loop over the searches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.evaluation.metrics.open_set import fnir_at_fpir, fpir, missed, open_set_curve, searches, strangers_of


def drawn(seed: int):
    rng = np.random.default_rng(seed)
    gallery_ids = np.concatenate([np.arange(7), rng.integers(0, 7, 3)])
    probe_ids = np.concatenate([[0, 9], rng.integers(0, 12, 30)])  # 7 to 11 are strangers
    return rng.integers(0, 25, (32, 10)) / 25, probe_ids, gallery_ids


def by_hand(scores, probe_ids, gallery_ids, threshold, rank):
    """FPIR and FNIR as the standard says it: search by search, candidate by candidate."""
    false, lost, strangers, mated = 0, 0, 0, 0
    for row, own in zip(scores, probe_ids, strict=True):
        best = {p: max(row[gallery_ids == p]) for p in set(gallery_ids.tolist())}
        if own not in best:
            strangers += 1
            false += any(score >= threshold for score in best.values())
            continue
        mated += 1
        before = sum(score >= best[own] for person, score in best.items() if person != own)
        lost += not (before < rank and best[own] >= threshold)
    return false / strangers, lost / mated


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 5]), st.sampled_from([0.1, 0.5, 0.9]))
def test_rates_at_a_threshold_agree_with_the_loop(seed, rank, threshold):
    case = drawn(seed)
    searched = searches(*case)
    expected = by_hand(*case, threshold, rank)
    assert (fpir(searched, threshold), missed(searched, threshold, rank).mean()) == pytest.approx(expected)


@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.1, 0.5]), st.sampled_from([1, 5]))
def test_the_threshold_keeps_the_promise_and_no_lower_one_does(seed, target, rank):
    case = drawn(seed)
    point = fnir_at_fpir(searches(*case), target, rank)
    assert (point.fpir, point.fnir) == pytest.approx(by_hand(*case, point.threshold, rank))
    assert point.fpir <= target
    tried = [t for t in np.unique(case[0]) if by_hand(*case, t, rank)[0] <= target]
    assert all(by_hand(*case, t, rank)[1] >= point.fnir - 1e-12 for t in tried)


@given(st.integers(0, 10_000), st.sampled_from([1, 3]))
def test_every_point_of_the_curve_is_what_its_threshold_gives(seed, rank):
    case = drawn(seed)
    for false, lost, threshold in zip(*open_set_curve(searches(*case), rank), strict=True):
        assert (false, lost) == pytest.approx(by_hand(*case, threshold, rank))


def test_a_set_without_strangers_or_without_mates_is_refused():
    for probes in ([0, 1], [5, 6]):
        with pytest.raises(ValueError, match="both needed"):
            searches(np.zeros((2, 2)), np.array(probes), np.array([0, 1]))


@given(st.integers(2, 200), st.integers(0, 50), st.sampled_from([0.25, 0.5]))
def test_strangers_are_the_asked_share_of_people_and_always_the_same(count, seed, share):
    people = np.repeat(np.arange(count), 3)
    out = strangers_of(people, share, seed)
    assert len(np.unique(out)) == len(out) == round(share * count)
    assert np.isin(out, people).all()
    np.testing.assert_array_equal(out, strangers_of(people[::-1], share, seed))
