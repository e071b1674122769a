"""The workbench's handlers, asked as the page asks them: what they answer, and what must not reach the page."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from app.kit.pictures import pack_mask
from app.workbench import bench as steps
from app.workbench import why as why_module
from app.workbench.reasons import find_reason
from app.workbench.visit import Visit
from ssn.errors import ExplanationCancelledError
from ssn.faces.types import AlignedFace
from tests.app.conftest import event
from tests.asynchronous import run_async


def hiding(rows: slice) -> np.ndarray:
    mask = np.zeros((128, 128), bool)
    mask[rows] = True
    return mask


@pytest.fixture
def visit(desk, visitor) -> Visit:
    return desk.visit(visitor)[1]


@pytest.fixture
def ranked(services, desk, visit, bench, face, landmarks):
    """Ada and Eve are enrolled; the first face is on the bench."""
    services.enrol("Ada", face, "test")
    services.enrol("Eve", AlignedFace(face.pixels[::-1].copy(), landmarks, face.transform), "test")
    visit.put(steps.choose(services, bench, 0))
    return visit.bench


def stroke(desk, visitor, token: str, mask: np.ndarray, number: int = 1) -> dict:
    sent = event(token=token, mask=pack_mask(mask), stroke=1000 + number, number=number)
    return desk.occlusion.on_paint("vis", True, sent, visitor)


def test_a_stroke_changes_every_result_and_is_answered(desk, visit, visitor, ranked):
    shown = stroke(desk, visitor, ranked.token, hiding(slice(40, 60)))
    assert json.loads(shown[desk.occlusion.brush]) == {"kind": "answer", "stroke": 1001}
    assert visit.bench.occluded_share == pytest.approx(20 / 128)
    for component in (desk.occlusion.facts, desk.blocks.blocks, desk.matches.ranks, desk.why.result):
        assert component in shown
    assert desk.probe.found not in shown, "the photo is not sent again"


def test_a_stroke_never_crosses_to_another_face(services, desk, visit, visitor, bench, face):
    """Two faces on one photo: the mask goes along to the second, but no stroke that was meant for the first does."""
    bench = replace(bench, photo=replace(bench.photo, faces=(face, face.with_(pixels=face.pixels[::-1].copy()))))
    visit.put(bench)
    desk.probe.on_face(True, event(index=0), visitor)
    first = visit.bench
    stroke(desk, visitor, first.token, hiding(slice(40, 60)))
    shown = desk.probe.on_face(True, event(index=1), visitor)
    assert json.loads(shown[desk.occlusion.brush])["token"] != first.token, "the brush drops its Undo with the token"
    late = stroke(desk, visitor, first.token, hiding(slice(0, 30)), number=2)
    assert json.loads(late[desk.occlusion.brush])["stroke"] == 1002, "it is answered"
    assert desk.blocks.blocks not in late
    assert visit.bench.index == 1
    assert (visit.bench.mask == hiding(slice(40, 60))).all()


def test_a_stroke_that_waited_behind_a_later_one_is_dropped(services, desk, visit, visitor, ranked, monkeypatch):
    """A stroke takes long, and is sent again twice meanwhile: of those only the last is computed."""
    begun, go, painted, answers = threading.Event(), threading.Event(), [], {}
    really = steps.paint

    def slow(services, bench, mask):
        painted.append(int(mask.sum()))
        begun.set()
        assert go.wait(60)
        return really(services, bench, mask)

    monkeypatch.setattr(steps, "paint", slow)
    session, _ = desk.visit(visitor)
    threads = []
    for number in (1, 2, 3):
        mask = hiding(slice(0, 10 * number))
        work = lambda n=number, m=mask: answers.update({n: stroke(desk, visitor, ranked.token, m, n)})  # noqa: E731
        threads.append(threading.Thread(target=work))
        threads[-1].start()
        assert begun.wait(60)
        while session.turns._tickets < number:
            threading.Event().wait(0.002)
    go.set()
    for thread in threads:
        thread.join()
    assert painted == [10 * 128, 30 * 128]
    assert desk.occlusion.brush in answers[2], "the dropped one is answered"
    assert desk.blocks.blocks not in answers[2]
    assert visit.bench.mask.sum() == 30 * 128


def test_a_damaged_mask_is_told_and_the_bench_stays(desk, visit, visitor, ranked):
    sent = event(token=ranked.token, mask="not base64!", stroke=5, number=1)
    shown = desk.occlusion.on_paint("vis", True, sent, visitor)
    assert "damaged" in shown[desk.probe.problem]
    assert json.loads(shown[desk.occlusion.brush])["stroke"] == 5
    assert visit.bench is ranked


@pytest.mark.parametrize("place", [-1, 10_000])
def test_an_example_that_does_not_exist_is_refused(desk, visitor, place):
    shown = desk.probe.on_example(True, event(place=place), visitor)
    assert "no such example" in shown[desk.probe.problem]


def test_without_a_photo_there_is_nothing_to_hide(desk, visitor):
    shown = desk.occlusion.on_mode("maskTop", True, visitor)
    assert "first" in shown[desk.probe.problem]
    assert shown[desk.occlusion.mode] == "none"
    assert desk.probe.on_spectrum("nir", True, visitor) == gr.skip()
    assert desk.search(visitor, lambda bench: bench) == gr.skip()


# Explanations. ``slow`` makes one last until it is cancelled or let go.


@pytest.fixture
def slow(monkeypatch) -> threading.Event:
    go = threading.Event()

    def wait(services, bench, person, method, contrast, memory, progress, cancel):
        while not go.wait(0.005):
            if cancel.is_set():
                raise ExplanationCancelledError("Cancelled.", "Start it again.")
        return find_reason(services, bench, person, "gradcam", contrast, memory, progress, threading.Event())

    monkeypatch.setattr(why_module, "find_reason", wait)
    return go


def asked(desk, visitor, chosen: int | None, **data):
    return desk.why.on_start(chosen, "gradcam", False, event(**data), visitor)


def ids(ranked) -> list[int]:
    return [match.person_id for match in ranked.matches]


def test_an_explanation_is_shown_with_its_person(desk, visitor, ranked):
    *before, last, end = asked(desk, visitor, ids(ranked)[1])
    assert before[0][desk.why.cancel].interactive, "it can be cancelled from the first moment"
    assert ranked.matches[1].person in last[desk.why.result]
    assert not last[desk.why.cancel].interactive
    assert end == gr.skip(), "what comes last is sent twice, the second time perhaps after a step on the bench"


def test_after_a_stroke_no_old_explanation_is_shown(desk, visitor, ranked, slow):
    running = asked(desk, visitor, ids(ranked)[0])
    next(running)
    next(running)
    shown = stroke(desk, visitor, ranked.token, hiding(slice(40, 60)))
    assert "Press Explain" in shown[desk.why.result]
    assert not shown[desk.why.cancel].interactive
    assert [answer for answer in running if desk.why.result in answer] == []


def test_not_even_one_that_was_ready_when_the_stroke_came(desk, visitor, ranked, slow):
    running = asked(desk, visitor, ids(ranked)[0])
    next(running)
    slow.set()
    stroke(desk, visitor, ranked.token, hiding(slice(40, 60)))
    assert [answer for answer in running if desk.why.result in answer] == []


def test_a_step_ends_an_explanation_when_it_arrives_not_when_it_is_done(desk, visitor, ranked, slow, monkeypatch):
    """What an explanation still says while a stroke is computed could reach the page after the stroke's answer."""
    running = asked(desk, visitor, ids(ranked)[0])
    next(running)
    told, really = [], steps.paint

    def paint(services, bench, mask):
        slow.set()
        told.extend(running)
        return really(services, bench, mask)

    monkeypatch.setattr(steps, "paint", paint)
    stroke(desk, visitor, ranked.token, hiding(slice(40, 60)))
    assert told == [gr.skip()]


def test_why_on_another_person_replaces_the_one_that_runs(desk, visitor, ranked, slow):
    first, second = ids(ranked)
    running = asked(desk, visitor, first)
    next(running)
    other = asked(desk, visitor, first, person=str(second))
    assert next(other)[desk.why.person] == second
    slow.set()
    assert [answer for answer in running if desk.why.result in answer] == []
    *_, last, _ = other
    assert ranked.matches[1].person in last[desk.why.result]


def test_cancel_reaches_the_one_that_runs(desk, visitor, ranked, slow):
    first, second = ids(ranked)
    next(asked(desk, visitor, first))
    running = asked(desk, visitor, second)
    next(running)
    run_async(desk.why.on_cancel(visitor))
    *_, last, _ = running
    assert "Cancelled" in last[desk.why.status]
    assert not last[desk.why.cancel].interactive
    run_async(desk.why.on_cancel(visitor))  # nothing runs: nothing to stop


def test_explanations_are_forgotten_with_the_page(desk, visitor, ranked):
    list(asked(desk, visitor, ids(ranked)[0]))
    memory = desk.visit(visitor)[1].memory
    assert len(memory) > 0
    desk.sessions.forget(visitor.session_hash)
    assert len(desk.visit(visitor)[1].memory) == 0


def test_explain_and_why_are_one_dependency_that_every_step_cancels(desk, services):
    page = desk.why.start.parent
    while page.parent is not None:
        page = page.parent
    functions = list(page.fns.values())
    under_way = [one for one in functions if one.fn is not None and one.name == "on_start"]
    assert len(under_way) == 2, "the explanation and the sweep"
    steps_taken = [one for one in functions if one.concurrency_id == "workbench"]
    assert len(steps_taken) == 16
    for running in under_way:
        cancelled = {target for one in functions if running._id in one.cancels for target in one.targets}
        assert {target for one in steps_taken for target in one.targets} <= cancelled
