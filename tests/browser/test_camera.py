"""A face held before the camera: Chromium's fake device plays a film of a synthetic person."""

from __future__ import annotations

import pytest
from PIL import Image

pytestmark = pytest.mark.browser


@pytest.fixture
def seeing(browser_seeing, demo):
    """A browser whose camera sees the first demo person in the middle of a gray room."""
    room = Image.new("RGB", (640, 480), (120, 120, 120))
    face = Image.open(demo[0].enrolment).convert("RGB")
    face.thumbnail((440, 440))
    room.paste(face, ((room.width - face.width) // 2, (room.height - face.height) // 2))
    return browser_seeing(room)


def test_a_camera_photo_is_matched(seeing, visit, demo):
    visitor = visit(seeing, permissions=["camera"])
    page = visitor.page
    page.locator("#probe-input").get_by_role("button", name="Use the camera").click()
    page.wait_for_function("() => document.querySelector('#probe-input video').videoWidth > 0")
    page.wait_for_timeout(500)
    visitor.screenshot("camera")
    page.locator("#probe-input").get_by_role("button", name="Take the photo").click()
    page.wait_for_selector("#ranks li")
    assert "Camera photo" in page.locator("#found figcaption").inner_text()
    assert page.locator("#ranks .name").first.inner_text() == demo[0].name
    assert page.evaluate("document.querySelector('#probe-input video').srcObject === null"), "the camera is off again"
    visitor.screenshot("camera-match")
