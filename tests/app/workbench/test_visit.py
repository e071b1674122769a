"""Whose explanation may be shown, and which stroke is out of date."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.workbench.visit import Visit


@pytest.fixture
def visit(bench) -> Visit:
    visit = Visit()
    visit.put(bench)
    return visit


def test_an_explanation_belongs_to_one_bench(visit, bench):
    run = visit.begin(bench)
    assert visit.is_current(run)
    visit.put(replace(bench, mode="maskTop"))
    assert run.cancel.is_set()
    assert not visit.is_current(run)


def test_a_later_question_replaces_the_earlier_and_cancel_reaches_the_running_one(visit, bench):
    first, second = visit.begin(bench), visit.begin(bench)
    assert first.cancel.is_set()
    assert not visit.is_current(first)
    assert visit.is_current(second)
    visit.end(first)
    assert visit.stop(), "the end of the first takes nothing from the second"
    assert second.cancel.is_set()
    assert visit.is_current(second), "what there is may still be shown"
    visit.end(second)
    assert not visit.stop()


def test_who_leaves_stops_what_runs(visit, bench):
    run = visit.begin(bench)
    visit.leave()
    assert run.cancel.is_set()


def test_an_older_stroke_is_overtaken_on_its_own_face_only(visit):
    visit.arrived("a", 1)
    assert not visit.overtaken("a", 1)
    visit.arrived("a", 2)
    assert visit.overtaken("a", 1)
    assert not visit.overtaken("a", 2)
    visit.arrived("a", 1)
    assert not visit.overtaken("a", 2), "one that arrives late takes nothing from a later one"
    visit.arrived("b", 3)
    assert not visit.overtaken("a", 1)
    assert not visit.overtaken("b", 3)
