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
from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from app.kit.demo_people import read_demo
from app.page import build_demo
from app.services import Services
from app.session import Sessions
from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Template
from tests.browser.visitor import Visitor

REPOSITORY = Path(__file__).resolve().parents[2]
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


@pytest.fixture
def browser_seeing(playwright, chromium, tmp_path) -> Iterator[Callable[[Image.Image], Browser]]:
    """Call it with a picture of 640×480 to open a browser whose camera sees it: Chromium's fake device plays a film of
    thirty such frames."""
    opened: list[Browser] = []

    def open_browser(room: Image.Image) -> Browser:
        film, frame = tmp_path / "camera.mjpeg", io.BytesIO()
        room.save(frame, "JPEG", quality=95)
        film.write_bytes(frame.getvalue() * 30)
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={film}"]
        opened.append(playwright.chromium.launch(executable_path=chromium, args=flags))
        return opened[-1]

    yield open_browser
    for browser in opened:
        browser.close()


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
