"""Failures to acquire against counting attempt by attempt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.evaluation.metrics.acquisition import Acquisition


@given(st.integers(0, 10_000))
def test_generalised_rates_are_those_of_all_intended_comparisons(seed):
    """All against all, every person with as many photos, every tenth or so without a face."""
    rng = np.random.default_rng(seed)
    probes, enrolled = np.repeat(np.arange(5), 2), np.arange(5)
    scores, threshold = rng.random((10, 5)), 0.5
    seen = np.ones(10, bool)
    seen[rng.choice(5, 2, replace=False) * 2] = False
    same = probes[:, None] == enrolled[None, :]
    accepted = (scores >= threshold) & seen[:, None]
    acquisition = Acquisition(10, int((~seen).sum()), 5, 0)
    compared = scores[seen] >= threshold
    fnmr, fmr = (~compared[same[seen]]).mean(), compared[~same[seen]].mean()
    assert acquisition.generalised_fnmr(fnmr) == pytest.approx((~accepted[same]).mean())
    assert acquisition.generalised_fmr(fmr) == pytest.approx(accepted[~same].mean())


def test_both_kinds_of_failure_count():
    acquisition = Acquisition(probes=20, failed_probes=2, enrolments=10, failed_enrolments=5)
    assert (acquisition.fta, acquisition.fte) == (0.1, 0.5)
    # 0.5 + 0.5·0.1 + 0.5·0.9·0.2, the standard's sum
    assert acquisition.generalised_fnmr(0.2) == pytest.approx(0.64)
    assert acquisition.generalised_fmr(0.2) == pytest.approx(0.09)


@pytest.mark.parametrize("counts", [(0, 0, 1, 0), (5, 6, 1, 0), (5, -1, 1, 0)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="cannot be"):
        Acquisition(*counts)
