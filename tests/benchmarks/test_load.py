"""How the load's figures of memory are made."""

from __future__ import annotations

import pytest

from benchmarks.load import settled, slope


@pytest.mark.parametrize(("seconds", "begun"), [(180, 60), (121, 60), (90, 30)])
def test_only_what_grows_after_the_first_minute_counts(seconds, begun):
    grown = [(float(at), 500.0 + (200.0 if at >= begun else 3.0 * at) + 4.0 * at / 60) for at in range(seconds + 1)]
    assert settled(grown)[0][0] == begun
    assert slope(grown) == pytest.approx(4.0)


def test_a_saw_around_a_level_is_level():
    grown = [(float(at), 800.0 + (20.0 if at % 2 else -20.0)) for at in range(60, 182)]
    assert abs(slope(grown)) < 1.0
