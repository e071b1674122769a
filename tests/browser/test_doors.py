"""Photos as people give them: pasted, dropped beside the zone, as links, folders and heaps; and the camera."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

pytestmark = pytest.mark.browser

LIVE = "() => document.querySelector('#probe-input video').srcObject !== null"
OFF = "() => document.querySelector('#probe-input video').srcObject === null"

GIVE = """
([how, selector, files, texts]) => {
  const data = new DataTransfer();
  for (const [name, kind, bytes] of files) {
    const content = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
    data.items.add(new File([content], name, { type: kind }));
  }
  for (const [kind, text] of texts) data.setData(kind, text);
  const options = { bubbles: true, cancelable: true };
  const event = how === "paste"
    ? new ClipboardEvent("paste", { ...options, clipboardData: data })
    : new DragEvent(how, { ...options, dataTransfer: data });
  document.querySelector(selector).dispatchEvent(event);
  return event.defaultPrevented;
}
"""


def as_file(path) -> tuple[str, str, str]:
    return path.name, "image/jpeg", base64.b64encode(path.read_bytes()).decode()


def give(page, how, selector="body", files=(), texts=()) -> bool:
    """Paste or drop at ``selector`` → did the page take it from the browser?"""
    return page.evaluate(GIVE, [how, selector, [as_file(path) for path in files], list(texts)])


def wait_for_name(page, name) -> None:
    page.wait_for_function("name => document.querySelector('#ranks .name')?.innerText === name", arg=name)


def test_a_picture_is_pasted_at_once_wherever_the_visitor_is(visit, demo):
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.page
    buffer = io.BytesIO()
    Image.open(demo[0].enrolment).convert("RGB").save(buffer, "PNG")
    page.evaluate(
        """async (text) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const picture = new Blob([bytes], { type: "image/png" });
          await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
        }""",
        base64.b64encode(buffer.getvalue()).decode(),
    )
    page.keyboard.press("Control+V")
    wait_for_name(page, demo[0].name)
    for place, selector in enumerate(("#brush canvas", "#blocks", "#masthead"), start=1):
        assert give(page, "paste", selector, [demo[place].enrolment])
        wait_for_name(page, demo[place].name)


def test_text_is_pasted_into_a_text_field_as_ever(visitor):
    page = visitor.page
    visitor.tab("Gallery")
    assert not give(
        page, "paste", "#enrol-name textarea, #enrol-name input", texts=[("text/plain", "http://a.b/c.jpg")]
    )
    assert page.locator("#enrol-input .probe-status").inner_text() == ""


def test_a_picture_dropped_beside_the_zone_is_caught(visitor, demo):
    page = visitor.page
    for place, selector in enumerate(("#masthead", "#blocks", "body")):
        for how in ("dragover", "drop"):
            assert give(page, how, selector, [demo[place].enrolment]), "the browser would leave the page"
        wait_for_name(page, demo[place].name)


def test_a_drop_goes_to_the_tab_that_is_open(visitor, demo):
    page = visitor.page
    visitor.tab("Gallery")
    page.wait_for_selector("#enrol-input .probe-drop")
    assert give(page, "drop", "#masthead", [demo[0].enrolment])
    page.wait_for_selector("#enrol-found .photo img")
    assert page.locator("#found .photo").count() == 0
    visitor.tab("Model")
    page.wait_for_function("() => document.querySelector('#enrol-input').offsetParent === null")
    assert give(page, "drop", "#masthead", [demo[1].enrolment]), "nor is the page left where nothing takes photos"


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_what_is_no_single_picture_is_answered(visitor, demo, how):
    page = visitor.page
    photos = [person.enrolment for person in demo[:3]]
    asked = [
        ([], [("text/uri-list", "https://example.org/a.jpg")], "link"),
        ([], [("text/plain", "https://example.org/a.jpg")], "link"),
        ([], [("text/plain", "data:image/png;base64,AAAA")], "link"),
        (photos[:2], [], "2 files"),
        (photos, [("text/plain", "three")], "3 files"),
        ([], [("text/plain", "a letter")], "no picture in that"),
        ([], [], "no picture in that"),
    ]
    for files, texts, words in asked:
        assert give(page, how, "#blocks", files, texts)
        page.wait_for_function(
            "words => document.querySelector('#probe-input .probe-status').innerText.includes(words)", arg=words
        )
        assert page.locator("#found .photo").count() == 0


def test_a_folder_is_answered(visitor, demo, tmp_path):
    """A real drag by the browser's own protocol: only it knows folders."""
    page = visitor.page
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(demo[0].enrolment.read_bytes())
    protocol = visitor.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        protocol.send("Input.dispatchDragEvent", {"type": kind, "x": 700, "y": 400, "data": data})
    page.wait_for_function("() => document.querySelector('#probe-input .probe-status').innerText.includes('folder')")
    assert page.locator("#found .photo").count() == 0


@pytest.fixture
def camera(visit):
    """A page whose camera runs and sees no face."""
    visitor = visit(permissions=["camera"])
    visitor.page.locator("#probe-input").get_by_role("button", name="Use the camera").click()
    visitor.page.wait_for_function("() => document.querySelector('#probe-input video').videoWidth > 0")
    return visitor


def test_the_camera_stays_open_after_a_shot_without_a_face(camera, demo):
    page = camera.page
    for _ in range(3):
        page.locator("#probe-input").get_by_role("button", name="Take the photo").click()
        page.wait_for_selector("#probe-problem .error")
        assert page.evaluate(LIVE)
    camera.open_photo(demo[0].enrolment)
    page.wait_for_function(OFF)


@pytest.mark.parametrize("change", ["tab", "hidden", "page", "example", "file"])
def test_the_camera_stops_when_something_else_comes(camera, demo, change):
    page = camera.page
    page.evaluate("() => { window.track = document.querySelector('#probe-input video').srcObject.getTracks()[0] }")
    if change == "tab":
        camera.tab("Gallery")
    elif change == "hidden":
        page.evaluate(
            """() => {
              Object.defineProperty(document, "hidden", { get: () => true });
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
    elif change == "page":
        page.evaluate("() => window.dispatchEvent(new Event('pagehide'))")
    elif change == "example":
        page.locator("#examples button").first.click()
    else:
        camera.upload(demo[0].enrolment)
    page.wait_for_function(OFF)
    assert page.evaluate("() => window.track.readyState") == "ended", "its light is off"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "not allowed"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "another program"),
        ("AbortError", "could not be started"),
    ],
)
def test_a_camera_that_is_refused_is_told(visitor, error, words):
    page = visitor.page
    page.evaluate(
        "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)) }", error
    )
    page.locator("#probe-input").get_by_role("button", name="Use the camera").click()
    page.wait_for_function(
        "words => document.querySelector('#probe-input .probe-status').innerText.includes(words)", arg=words
    )
    assert page.locator("#probe-input").get_by_role("button", name="Use the camera").is_visible()


def test_of_several_cameras_one_is_chosen(playwright, chromium, chromium_flags, visit):
    flags = [flag for flag in chromium_flags if not flag.startswith("--use-fake-device")]
    flags.append("--use-fake-device-for-media-stream=device-count=3")
    browser = playwright.chromium.launch(executable_path=chromium, args=flags)
    visitor = visit(browser, permissions=["camera"])
    page = visitor.page
    page.locator("#probe-input").get_by_role("button", name="Use the camera").click()
    choice = page.locator("#probe-input .probe-which")
    choice.wait_for()
    assert choice.locator("option").count() == 3
    page.evaluate("() => { window.track = document.querySelector('#probe-input video').srcObject.getTracks()[0] }")
    choice.select_option(index=2)
    device = "document.querySelector('#probe-input video').srcObject?.getVideoTracks()[0].getSettings().deviceId"
    page.wait_for_function(f"() => {device} === document.querySelector('#probe-input .probe-which').value")
    assert choice.evaluate("select => select.selectedIndex") == 2
    assert page.evaluate("() => window.track.readyState") == "ended", "the other one is off"
    page.evaluate(
        """() => {
          const there = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
          navigator.mediaDevices.enumerateDevices = async () => {
            const devices = await there();
            const first = devices.find((device) => device.kind === "videoinput");
            return devices.filter((device) => device !== first);
          };
          navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
        }"""
    )
    page.wait_for_function("() => document.querySelectorAll('#probe-input .probe-which option').length === 2")
    assert page.evaluate(LIVE), "one that was taken away is no choice any more; the one that runs goes on"
