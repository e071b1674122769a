"""The states left behind: which are remembered, how many, and what returning brings back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.workbench import bench as steps
from app.workbench import trail as module
from app.workbench.trail import MOST, Trail, weight
from app.workbench.visit import Visit
from ssn.errors import DataError
from tests.app.conftest import event


def rows(stop: int) -> np.ndarray:
    mask = np.zeros((128, 128), bool)
    mask[:stop] = True
    return mask


def painted(bench, stop: int):
    """As a stroke leaves it, without looking again."""
    mask = rows(stop)
    face = bench.before.face.with_(mask=mask)
    return replace(bench, mode="painted", painted=mask, mask=mask, after=replace(bench.before, face=face))


@pytest.fixture
def first(services, bench):
    return steps.choose(services, bench, 0)


def test_strokes_that_go_on_are_one_state(first):
    trail = Trail()
    trail.follow(None, first)
    assert trail.states == ()
    before = first
    for stop in (10, 20, 30):
        trail.follow(before, painted(first, stop))
        before = painted(first, stop)
    assert [state.bench.mode for state in trail.states] == ["none"]
    version = trail.version
    trail.follow(before, painted(first, 40))
    assert trail.version == version, "nothing new to show"


def test_the_oldest_make_room_and_none_is_there_twice(first):
    trail, benches = Trail(), [replace(painted(first, 3 * n + 1), token=str(n)) for n in range(MOST + 4)]
    for before, after in pairwise(benches):
        trail.follow(before, after)
    assert [state.bench.token for state in trail.states] == [str(n) for n in range(MOST + 2, 2, -1)]
    again = trail.states[3].bench
    trail.follow(benches[-1], replace(again, token="returned"))
    assert all((state.bench.mask != again.mask).any() for state in trail.states), "what is entered is not left"
    assert len({state.bench.mask.tobytes() for state in trail.states}) == len(trail.states)


def test_their_pictures_stay_within_bounds(first, monkeypatch):
    own = weight([first])
    large = [replace(painted(first, 3 * n + 1), token=str(n)) for n in range(6)]
    assert weight([large[0], large[0]]) == weight([large[0]]), "what is shared is counted once"
    monkeypatch.setattr(module, "MOST_BYTES", own + 40_000)
    trail = Trail()
    for before, after in pairwise(large):
        trail.follow(before, after)
    assert 1 <= len(trail.states) < 5
    assert trail.states[0].bench is large[-2], "the newest stays"


def test_returning_restores_photo_mask_spectrum_and_wishes(services, desk, visitor, bench, face):
    services.enrol("Ada", face, "test")
    visit = desk.visit(visitor)[1]
    visit.put(steps.choose(services, bench, 0))
    desk.probe.on_spectrum("nir", True, visitor)
    shown = desk.occlusion.on_mode("maskTop", True, visitor)
    assert "Return to" in shown[desk.trail.strip]
    left = visit.bench
    desk.occlusion.on_mode("none", True, visitor)
    desk.probe.on_spectrum("vis", True, visitor)
    number = next(state.number for state in visit.trail.states if state.bench.mode == "maskTop")
    desk.trail.on_return(True, event(number=str(number)), visitor)
    now = visit.bench
    assert (now.mode, now.choice, now.photo.token) == ("maskTop", "nir", left.photo.token)
    assert (now.mask == left.mask).all()
    assert now.matches == left.matches
    assert now.token != left.token, "strokes on the way belong to what was left"
    refused = desk.trail.on_return(True, event(number="999"), visitor)
    assert "not remembered" in refused[desk.probe.problem]
    assert visit.bench is now


def test_they_go_with_the_visitor(services, desk, visitor, bench):
    visit = desk.visit(visitor)[1]
    visit.put(steps.choose(services, bench, 0))
    desk.occlusion.on_mode("maskTop", True, visitor)
    assert visit.trail.states
    desk.sessions.forget(visitor.session_hash)
    assert desk.visit(visitor)[1].trail.states == ()
    with pytest.raises(DataError):
        Visit().trail.state(1)
