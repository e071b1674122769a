"""How the minutes of ``train`` alone are shared out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.commands import time_plan
from ssn.commands.time_plan import SAFE, TimePlan, affordable
from ssn.errors import DataError


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time_plan.time, "monotonic", lambda: now[0])
    return now


@given(st.floats(0, 700), st.floats(0, 300), st.floats(0, 300))
def test_the_stages_end_in_time_wherever_there_is_time_for_the_rest(drawing, export, measuring):
    now = [1000.0]
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(time_plan.time, "monotonic", lambda: now[0])
        plan = TimePlan(10, Path(folder) / "plan.json")
        now[0] += drawing
        plan.to_come = {"export": export, "measuring": measuring}
        first = plan.seconds(["distill"])
        now[0] += first["distill"] + export
        del plan.to_come["export"]
        rest = plan.seconds(["search", "finetune"])
        end = now[0] - 1000 + sum(rest.values()) + measuring
    assert min(*first.values(), *rest.values()) >= 1
    if drawing + export + measuring < 0.7 * SAFE * 600:
        assert end <= 600
    assert rest["finetune"] / rest["search"] == pytest.approx(1.2) or rest["search"] == 1


def test_a_run_that_goes_on_keeps_what_it_was_given(clock, tmp_path, monkeypatch):
    monkeypatch.setattr(time_plan, "pace", lambda: 0.1)
    plan = TimePlan(10, tmp_path / "plan.json")
    people, seconds = plan.people((120, 40), 4, False), plan.seconds(["distill"])
    clock[0] += 250
    monkeypatch.setattr(time_plan, "pace", lambda: pytest.fail("measured again"))
    again = TimePlan(10, tmp_path / "plan.json", resume=True)
    assert (again.people((120, 40), 4, False), again.seconds(["distill"])) == (people, seconds)
    (tmp_path / "plan.json").write_text("[]")
    with pytest.raises(DataError, match="no plan"):
        TimePlan(10, tmp_path / "plan.json", resume=True)


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_no_time_is_refused(tmp_path, minutes):
    with pytest.raises(DataError, match="no time"):
        TimePlan(minutes, tmp_path / "plan.json")


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.booleans(), st.floats(0.001, 5))
def test_the_most_people_there_is_time_for_are_drawn(choices, known, face):
    found = affordable(choices, 4, known, 180, face)

    def cost(people: int) -> float:
        return face * (60 + people * (4 * 0.7 + (0 if known else 1.4)))

    assert found in choices
    assert all(cost(other) > 180 for other in choices if other > found)
    assert cost(found) <= 180 or found == min(choices)
