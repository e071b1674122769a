"""The states left behind: which are remembered, how many, and what returning brings back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import gradio as gr
import numpy as np
import pytest

from app.kit.photo import Photo
from app.kit.pictures import pack_mask
from app.session import Sessions
from app.workbench import bench as steps
from app.workbench.bench import Bench
from app.workbench.tab import build_workbench
from app.workbench.trail import MOST, Trail, weight
from app.workbench.visit import Visit
from ssn.errors import DataError
from ssn.faces.types import FaceBox
from tests.app.conftest import event, noise_face


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


def test_what_is_shared_is_weighed_once_and_the_oldest_makes_room_first(first):
    large = [replace(painted(first, 3 * n + 1), token=str(n)) for n in range(6)]
    assert weight([large[0], large[0]]) == weight([large[0]])
    trail = Trail()
    for before, after in pairwise(large):
        trail.follow(before, after)
    version = trail.version
    assert trail.make_room()
    assert [state.bench.token for state in trail.states] == ["4", "3", "2", "1"]
    assert trail.version > version, "the page has something new to show"
    for _ in trail.states:
        assert trail.make_room()
    assert not trail.make_room()
    with pytest.raises(DataError, match="needed the room"):
        trail.state(1)


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


@pytest.fixture
def crowded(services, bench):
    """The desk of a server whose pages together may keep three faces as the network saw them, and little more."""
    own = Visit()
    own.put(steps.choose(services, bench, 0))
    with gr.Blocks(), gr.Tab("Workbench") as tab:
        return build_workbench(services, Sessions(budget=own.weight() * 13 // 4), tab)


def begin(desk, page: gr.Request, face) -> Visit:
    """A page with a photo of its own, as ``face`` on it."""
    photo = Photo(np.zeros((128, 160, 3), np.uint8), 1.0, (FaceBox((0, 0, 9, 9), np.zeros((5, 2)), 1.0),), (face,), "")
    desk.take(page, lambda _: steps.choose(desk.probe.services, Bench(photo), 0), False)
    return desk.visit(page)[1]


def test_states_make_room_for_other_pages_and_the_page_is_told(crowded, visitor, face):
    visit = begin(crowded, visitor, face)
    crowded.occlusion.on_mode("maskTop", False, visitor)
    crowded.occlusion.on_mode("maskBottom", False, visitor)
    number = visit.trail.states[0].number
    begin(crowded, gr.Request(session_hash="other"), noise_face(face.landmarks, 5))
    assert visit.trail.states == ()
    assert crowded.sessions.weight() <= crowded.sessions.budget
    told = crowded.trail.on_return(False, event(number=str(number)), visitor)
    assert "the server needed the room" in told[crowded.probe.problem]
    assert "made room for other pages" in told[crowded.trail.strip]


def test_a_page_whose_photo_made_room_is_told_whatever_it_asks(crowded, visitor, face):
    visit = begin(crowded, visitor, face)
    token = visit.bench.token
    others = [begin(crowded, gr.Request(session_hash=str(n)), noise_face(face.landmarks, n)) for n in range(4)]
    assert crowded.sessions.weight() <= crowded.sessions.budget
    assert others[-1].bench is not None, "what was just sent stays"
    stroke = event(token=token, mask=pack_mask(rows(9)), stroke="1", number="1")
    answers = [
        crowded.occlusion.on_paint("vis", False, stroke, visitor),
        crowded.occlusion.on_mode("maskTop", False, visitor),
        crowded.probe.on_spectrum("nir", False, visitor),
        crowded.matches.on_count(9, visitor),
    ]
    assert all("gone" in told[crowded.probe.problem] for told in answers)
    assert "gone" in next(crowded.why.on_all(1, False, visitor))[crowded.why.status]
    begin(crowded, visitor, face)
    shown = crowded.occlusion.on_mode("maskTop", False, visitor)
    assert "gone" not in str(shown.get(crowded.probe.problem)), "what is sent again can be used"
