"""A real server in its own process, and a real Chromium to visit it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app.kit.demo_people import read_demo
from app.page import build_demo
from app.services import Services
from app.session import Sessions
from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Template

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 60_000
"""Milliseconds to wait for anything: the machine may be busy."""
PLOTTED = """
() => [...document.querySelectorAll('[aria-label="Empty value"]')].every((empty) => !empty.checkVisibility())
"""
"""Gradio draws a plot some moments after the page; what stands there before is its own."""
SERIOUS = ("serious", "critical")
FLAGS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-background-networking",
]


def find_chromium() -> str:
    """The system's Chromium. Without one the tests are skipped, but fail where CI is set."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        message = "no chromium on this machine: install the package chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def chromium() -> str:
    return find_chromium()


@pytest.fixture(scope="session")
def chromium_flags() -> list[str]:
    return FLAGS


@contextlib.contextmanager
def running(folder: Path, checkpoint: Path, *more: str) -> Iterator[str]:
    """The app in a process of its own, its gallery at ``folder``/gallery.db → its address. ``more`` are flags."""
    port, log = free_port(), folder / "server.log"
    flags = ["--port", str(port), "--device", "cpu", "--checkpoint", str(checkpoint)]
    flags += ["--gallery", str(folder / "gallery.db"), *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "XDG_DATA_HOME": str(folder)}
    command = [sys.executable, str(REPOSITORY / "app.py"), *flags]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield wait_for(process, log)
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def server(chromium, demo, checkpoint, tmp_path_factory) -> Iterator[str]:
    """Address of the app, with a gallery of its own that starts with the demo people."""
    with running(tmp_path_factory.mktemp("server"), checkpoint) as address:
        yield address


@pytest.fixture
def foreign_server(chromium, checkpoint, demo, tmp_path) -> Iterator[str]:
    """The app on a gallery whose only person was enrolled with another model."""
    picture = Image.open(demo[0].enrolment).convert("RGB").resize((128, 128))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    with Gallery(tmp_path / "gallery.db", "another-model") as gallery:
        template = Template(np.eye(256, dtype=np.float32)[0], "another-model")
        gallery.enrol(demo[0].name, template, buffer.getvalue(), "test")
    with running(tmp_path, checkpoint) as address:
        yield address


@pytest.fixture
def server_of_two(chromium, checkpoint, random_checkpoint, demo, tmp_path) -> Iterator[str]:
    """The app with a second model beside the first, which knows nothing."""
    with running(tmp_path, checkpoint, "--beside", str(random_checkpoint)) as address:
        yield address


def wait_for(process: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if found := re.search(r"SSN Studio is at (http://\S+)", log.read_text()):
            return found.group(1)
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise AssertionError(f"the app did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def playwright():
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright, chromium) -> Iterator[Browser]:
    opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield opened
    opened.close()


class Visitor:
    """A page of the app in a session of its own. Every request and every error of the page is remembered."""

    def __init__(self, browser: Browser, address: str, **options):
        self.context: BrowserContext = browser.new_context(
            viewport=options.pop("viewport", {"width": 1440, "height": 900}), **options
        )
        self.context.set_default_timeout(PATIENCE)
        self.address = address
        self.page: Page = self.context.new_page()
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector("#brush canvas")
        self.page.wait_for_selector("#examples button")

    def _note(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.outside.append(url)

    def upload(self, path: Path, where: str = "#probe-input") -> None:
        self.page.locator(f"{where} input[type=file]").set_input_files(path)

    def open_photo(self, path: Path) -> None:
        """Upload, and wait until the maps are there."""
        self.upload(path)
        self.page.wait_for_selector("#found .photo img")
        self.page.wait_for_selector("#blocks .cell img")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def hidden(self) -> str:
        """Share of the face the server says is hidden, as shown."""
        return self.page.locator("#facts .facts").get_attribute("data-hidden")

    def block_sources(self) -> list[str]:
        return [image.get_attribute("src") for image in self.page.locator("#blocks .cell img").all()]

    def wait_for_change(self, selector: str, attribute: str, old: str) -> None:
        self.page.wait_for_function(
            "([s, a, old]) => { const e = document.querySelector(s); return e && e.getAttribute(a) !== old }",
            arg=[selector, attribute, old],
        )

    def stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Paint from ``start`` to ``end``, in shares of the canvas."""
        canvas = self.page.locator("#brush canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        (x0, y0), (x1, y1) = ((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end))
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move(x1, y1, steps=6)
        self.page.mouse.up()

    def wait_for_strokes(self) -> None:
        """Until what the server hides is what the canvas shows."""
        self.page.wait_for_function(
            "() => document.querySelector('.brush-share').textContent"
            " === document.querySelector('#facts .facts').dataset.hidden + ' hidden'"
        )

    def serious(self) -> list[tuple]:
        """What axe finds on the page as it is, light and dark, that is serious or worse."""
        found = []
        for dark in (False, True):
            self.page.evaluate("dark => document.body.classList.toggle('dark', dark)", dark)
            self.page.wait_for_function(PLOTTED)
            self.page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running')")
            violations = Axe().run(self.page).response["violations"]
            found += [(v["id"], dark, v["nodes"][0]["html"][:90]) for v in violations if v["impact"] in SERIOUS]
        self.page.evaluate("document.body.classList.remove('dark')")
        return found

    def screenshot(self, name: str) -> None:
        """Into the folder SSN_SCREENSHOTS, if it is set."""
        folder = os.environ.get("SSN_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(600)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def close(self) -> None:
        self.context.close()
        assert self.outside == [], "the page asked other hosts"
        assert self.errors == [], "the page raised errors"


@pytest.fixture
def visit(browser, server) -> Iterator:
    """Call it to open a page; every one is checked for outside requests and script errors when the test ends."""
    opened: list[Visitor] = []

    def open_page(other: Browser | None = None, address: str = server, **options) -> Visitor:
        opened.append(Visitor(other or browser, address, **options))
        return opened[-1]

    yield open_page
    for visitor in opened:
        visitor.close()


@pytest.fixture
def visitor(visit) -> Visitor:
    return visit()


@pytest.fixture
def sessions() -> Sessions:
    """What the page served from this process keeps of its visitors."""
    return Sessions()


@pytest.fixture
def page_here(recognizer, demo, sessions, monkeypatch, tmp_path) -> Iterator[gr.Blocks]:
    """The page served from this process, so that its memory can be looked at and its work held up."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    people = read_demo()
    with Gallery(":memory:", recognizer.model_id) as gallery:
        services = Services(recognizer, gallery, people)
        for person in people.people[:3]:
            services.enrol(person.name, services.finder.face(person.enrolment, index=0), "test")
        page = build_demo(services, sessions)
        page.launch(server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, run_history=False)
        yield page
        page.close()


@pytest.fixture
def here(page_here) -> str:
    """Address of the page served from this process."""
    return page_here.local_url.rstrip("/")


@pytest.fixture
def two_faces(demo, tmp_path) -> Path:
    """A photo of two demo people side by side."""
    both = Image.new("RGB", (840, 440), "gray")
    for place, person in enumerate(demo[:2]):
        both.paste(Image.open(person.enrolment).convert("RGB").resize((400, 400)), (20 + 400 * place, 20))
    path = tmp_path / "both.png"
    both.save(path)
    return path
