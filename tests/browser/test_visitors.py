"""One visitor and the next, one face and the next, one question and the next: nothing crosses over."""

from __future__ import annotations

import threading

import pytest

from app.kit.demo_people import read_demo
from app.workbench import why as why_module
from app.workbench.reasons import find_reason
from benchmarks.disturbances import break_off
from benchmarks.load import Client
from ssn.errors import ExplanationCancelledError
from ssn.faces.finder import FaceFinder

pytestmark = pytest.mark.browser


def test_a_photo_that_takes_long_holds_up_nobody_else(here, visit, demo, monkeypatch):
    go, busy, really = threading.Event(), threading.Event(), FaceFinder.find

    def slow(finder, image):
        if not busy.is_set():
            busy.set()
            assert go.wait(120)
        return really(finder, image)

    monkeypatch.setattr(FaceFinder, "find", slow)
    first, second = visit(address=here), visit(address=here)
    first.upload(demo[0].enrolment)
    assert busy.wait(60)
    second.open_photo(demo[1].enrolment)
    second.stroke((0.3, 0.4), (0.7, 0.4))
    second.wait_for_strokes()
    assert first.page.locator("#found .photo").count() == 0, "the first photo is still being read"
    go.set()
    first.page.wait_for_selector("#blocks .cell img")


def test_two_visitors_see_each_their_own(visit, demo, tmp_path):
    """Of photo, mask, result and error: what one does shows nothing at the other's, in a browser of its own."""
    first, second = visit(), visit()
    first.open_photo(demo[0].enrolment)
    second.open_photo(demo[1].enrolment)
    second.page.get_by_label("maskTop").click()
    second.page.wait_for_function("() => document.querySelector('#facts .facts').dataset.hidden !== '0.0 %'")
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    second.upload(tmp_path / "no.jpg")
    second.page.wait_for_selector("#probe-problem .error")
    photos = [one.page.locator("#found img").get_attribute("src") for one in (first, second)]
    first.page.wait_for_timeout(1500)
    assert [one.page.locator("#found img").get_attribute("src") for one in (first, second)] == photos
    assert photos[0] != photos[1]
    assert first.hidden() != second.hidden()
    assert first.page.locator("#probe-problem .error").count() == 0
    names = [one.page.locator("#ranks .name").first.inner_text() for one in (first, second)]
    assert names[0] == demo[0].name
    assert len(set(names)) == 2


def test_requests_that_are_broken_off_leave_a_server_that_answers_as_before(server):
    client = Client(server, 0, read_demo().people)

    def asked() -> None:
        """Each step looks whether the answer is its own."""
        for step in (client.match, client.paint, client.explain):
            step()

    broken = break_off(server, 9, client.photo, asked)
    assert broken.errors == ()
    assert broken.aborted == {"upload": 3, "match": 3, "explanation": 3}


def test_undo_never_brings_the_strokes_of_another_face(visitor, two_faces):
    page = visitor.page
    visitor.upload(two_faces)
    page.get_by_role("button", name="Face 1").click()
    page.wait_for_selector("#ranks li")
    for height in (0.3, 0.6):
        visitor.stroke((0.3, height), (0.7, height))
        visitor.wait_for_strokes()
    painted = visitor.hidden()
    page.get_by_role("button", name="Face 2").click()
    page.wait_for_selector("#found [aria-label^='Face 2'][aria-pressed=true]")
    assert visitor.hidden() == painted, "the mask goes along"
    visitor.wait_for_strokes()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_timeout(1500)
    assert page.locator(".brush-share").inner_text() == f"{painted} hidden"
    assert visitor.hidden() == painted


@pytest.fixture
def gate(monkeypatch) -> threading.Event:
    """Explanations last until it is opened, or until they are cancelled."""
    go = threading.Event()

    def wait(services, bench, person, method, contrast, memory, progress, cancel):
        while not go.wait(0.02):
            if cancel.is_set():
                raise ExplanationCancelledError("Cancelled.", "Start it again.")
        return find_reason(services, bench, person, "gradcam", contrast, memory, progress, threading.Event())

    monkeypatch.setattr(why_module, "find_reason", wait)
    return go


def test_only_what_was_asked_last_of_what_is_shown_is_explained(here, visit, gate):
    visitor = visit(address=here)
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    page.locator("#why-start").click()
    page.wait_for_selector("#why-status .bar")

    # A step on the bench takes the explanation along, even one that is ready in the same moment.
    visitor.stroke((0.3, 0.4), (0.7, 0.4))
    gate.set()
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    visitor.wait_for_strokes()
    page.wait_for_timeout(1500)
    assert "Press Explain" in page.locator("#why-result").inner_text()
    assert page.locator("#why-status").inner_text().strip() == ""
    assert page.locator("#why-stop").is_disabled()

    # "Why?" on another person replaces the explanation that runs.
    gate.clear()
    page.locator("#why-start").click()
    page.wait_for_selector("#why-status .bar")
    name = page.locator("#ranks .name").nth(1).inner_text()
    page.get_by_role("button", name=f"Why {name}?").click()
    page.wait_for_function("() => document.querySelectorAll('#why-person input')[1].checked")
    gate.set()
    page.wait_for_selector("#why-result .reason")
    assert name in page.locator("#why-result h3").inner_text()

    # Cancel reaches the one that runs, whichever button started it.
    gate.clear()
    first = page.locator("#ranks .name").first.inner_text()
    page.locator("#why-start").click()
    page.wait_for_selector("#why-status .bar")
    page.get_by_role("button", name=f"Why {first}?").click()
    page.wait_for_function("() => document.querySelectorAll('#why-person input')[0].checked")
    page.locator("#why-stop").click()
    page.wait_for_function("() => document.querySelector('#why-status').innerText.includes('Cancelled')")
    assert name in page.locator("#why-result h3").inner_text(), "what was shown before stays"
