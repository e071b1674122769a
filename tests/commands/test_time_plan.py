"""How the minutes of ``train`` alone are shared out."""

from __future__ import annotations

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


def test_whatever_drawing_takes_the_stages_end_in_time(clock, tmp_path):
    for drawing in (10.0, 200.0, 500.0):
        plan = TimePlan(10, tmp_path / f"{drawing}.json")
        clock[0] += drawing
        first = plan.seconds(["distill"])
        clock[0] += first["distill"] + 7
        rest = plan.seconds(["search", "finetune"])
        used = drawing + first["distill"] + 7 + sum(rest.values())
        assert used < SAFE * 600
        assert min(*first.values(), *rest.values()) > 1


def test_a_plan_that_is_late_gives_every_stage_a_step(clock, tmp_path):
    plan = TimePlan(1, tmp_path / "plan.json")
    clock[0] += 500
    assert plan.left() == 0
    assert plan.seconds(["search", "finetune"]) == {"search": 1.0, "finetune": 1.0}


def test_a_run_that_goes_on_keeps_what_it_was_given(clock, tmp_path, monkeypatch):
    monkeypatch.setattr(time_plan, "pace", lambda: 0.1)
    plan = TimePlan(10, tmp_path / "plan.json")
    people, seconds = plan.people((120, 40), 30, 4), plan.seconds(["distill"])
    clock[0] += 250
    monkeypatch.setattr(time_plan, "pace", lambda: pytest.fail("measured again"))
    again = TimePlan(10, tmp_path / "plan.json", resume=True)
    assert (again.people((120, 40), 30, 4), again.seconds(["distill"])) == (people, seconds)
    (tmp_path / "plan.json").write_text("[]")
    with pytest.raises(DataError, match="no plan"):
        TimePlan(10, tmp_path / "plan.json", resume=True)


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_no_time_is_refused(tmp_path, minutes):
    with pytest.raises(DataError, match="no time"):
        TimePlan(minutes, tmp_path / "plan.json")


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.integers(2, 50), st.floats(0.001, 5))
def test_the_most_people_there_is_time_for_are_drawn(choices, tested, face):
    found = affordable(choices, tested, 4, 180, face)

    def cost(people: int) -> float:
        return face * (1.6 * (people + tested) + 0.4 * 4 * people)

    assert found in choices
    assert all(cost(other) > 180 for other in choices if other > found)
    assert cost(found) <= 180 or found == min(choices)
