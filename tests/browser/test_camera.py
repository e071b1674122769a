"""A face held before the camera: Chromium's fake device plays a film of a synthetic person."""

from __future__ import annotations

import io

import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def film(path, photo) -> None:
    """Motion JPEG, 640×480: the photo in the middle of a gray room, thirty frames."""
    face = Image.open(photo).convert("RGB")
    face.thumbnail((440, 440))
    room = Image.new("RGB", (640, 480), (120, 120, 120))
    room.paste(face, ((640 - face.width) // 2, (480 - face.height) // 2))
    frame = io.BytesIO()
    room.save(frame, "JPEG", quality=95)
    path.write_bytes(frame.getvalue() * 30)


@pytest.fixture
def filmed(playwright, chromium, chromium_flags, demo, tmp_path):
    """A browser whose camera sees the first demo person."""
    film(tmp_path / "camera.mjpeg", demo[0].enrolment)
    flags = [*chromium_flags, f"--use-file-for-fake-video-capture={tmp_path / 'camera.mjpeg'}"]
    browser = playwright.chromium.launch(executable_path=chromium, args=flags)
    yield browser
    browser.close()


def test_a_camera_photo_is_matched(filmed, visit, demo):
    visitor = visit(filmed, permissions=["camera"])
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
