"""Two people before the camera: Chromium's fake device plays a film of them."""

from __future__ import annotations

import pytest
from PIL import Image

from app.live import tab

pytestmark = pytest.mark.browser

OFF = "() => document.querySelector('#live-camera video').srcObject === null"


@pytest.fixture
def seeing(browser_seeing, demo):
    """A browser whose camera sees the first two demo people, the first one larger and on the left."""
    room = Image.new("RGB", (640, 480), (120, 120, 120))
    room.paste(Image.open(demo[0].enrolment).convert("RGB").resize((340, 340)), (10, 60))
    room.paste(Image.open(demo[1].enrolment).convert("RGB").resize((260, 260)), (360, 100))
    return browser_seeing(room)


def test_a_frame_without_an_answer_is_not_the_last(seeing, visit, here, monkeypatch):
    really, failed = tab.answer_frame, []

    def fail_once(*asked) -> dict:
        if not failed:
            failed.append(asked)
            raise RuntimeError("nobody foresaw it")
        return really(*asked)

    monkeypatch.setattr(tab, "answer_frame", fail_once)
    visitor = visit(seeing, address=here, permissions=["camera"])
    page = visitor.page
    visitor.tab("Live")
    page.get_by_role("button", name="Start the camera").click()
    page.wait_for_function("() => document.querySelector('.live-status').textContent.includes('does not answer')")
    page.wait_for_function("() => document.querySelectorAll('.live-people li').length === 2")
    assert page.locator(".live-status").inner_text() == ""


def test_everybody_is_named_while_the_tab_is_open(seeing, visit, demo):
    visitor = visit(seeing, permissions=["camera"])
    page = visitor.page
    visitor.tab("Live")
    page.get_by_role("button", name="Start the camera").click()
    page.wait_for_function("() => document.querySelectorAll('.live-people li').length === 2")
    page.wait_for_function("() => document.querySelector('.live-speed').textContent.includes('answers a second')")
    said = page.locator(".live-people li").all_inner_texts()
    assert said[0].startswith(demo[0].name)
    assert "largest" in said[0]
    assert said[1].startswith(demo[1].name)
    assert "largest" not in said[1]
    green = page.evaluate(
        """() => {
          const canvas = document.querySelector("#live-camera canvas");
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          let count = 0;
          for (let i = 0; i < data.length; i += 4)
            count += data[i] === 0x3d && data[i + 1] === 0xdc && data[i + 2] === 0x97;
          return count;
        }"""
    )
    assert green > 500, "boxes and names are drawn over the picture"
    visitor.screenshot("live")

    page.get_by_label("Saliency over the largest face").uncheck()
    visitor.tab("Workbench")
    page.wait_for_function(OFF)
    visitor.tab("Live")
    assert page.get_by_role("button", name="Start the camera").is_visible(), "it is not started by itself"
    assert page.locator(".live-people li").count() == 0
    page.get_by_role("button", name="Start the camera").click()
    page.wait_for_function("() => document.querySelectorAll('.live-people li').length === 2")
    page.get_by_role("button", name="Stop the camera").click()
    page.wait_for_function(OFF)
