"""The page behind a proxy and a password: who belongs there works as ever, a stranger gets nothing, and the log tells
no names."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
import pytest
import uvicorn
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from app.security.headers import HEADERS
from app.security.passwords import add_user
from ssn.gallery.enrol import enrol_face
from ssn.gallery.sqlite import Gallery
from tests.browser.conftest import running
from tests.browser.visitor import PATIENCE

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
SLOW = 0.3
"""Seconds by which an answer is late."""
SECRET = "Zaphodine Quux"
"""A name that must be in no log."""


def proxy(upstream: str) -> Starlette:
    """Shows ``upstream`` at /studio, under its own name, as a web server in front would, at the end of a line that is
    slow to bring the answers."""
    nobodys = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # one visitor's cookies are not another's
    client = httpx.AsyncClient(base_url=upstream, timeout=120, cookies=nobodys)

    async def late(answer: httpx.Response) -> AsyncIterator[bytes]:
        async for chunk in answer.aiter_raw():
            if "queue/data" in answer.request.url.path:
                await asyncio.sleep(SLOW)
            yield chunk

    async def forward(request: Request) -> StreamingResponse:
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        path = request.url.path.removeprefix("/studio") or "/"
        url = httpx.URL(path=path, query=request.url.query.encode())
        asked = client.build_request(request.method, url, headers=headers, content=await request.body())
        answer = await client.send(asked, stream=True)
        closing = BackgroundTask(answer.aclose)
        back = StreamingResponse(late(answer), answer.status_code, background=closing)
        back.raw_headers = answer.headers.raw
        return back

    return Starlette(routes=[Route("/studio{path:path}", forward, methods=["GET", "HEAD", "POST"])])


@dataclass
class Place:
    """``address`` is the page at the proxy, ``direct`` the server itself."""

    address: str
    direct: str
    log: Path


@pytest.fixture(scope="module")
def place(chromium, checkpoint, recognizer, finder, demo, tmp_path_factory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("strangers")
    with Gallery(folder / "gallery.db", recognizer.model_id) as gallery:
        for person in demo[:2]:
            enrol_face(gallery, recognizer, finder.face(person.enrolment, index=0), person.name, "test")
    add_user(folder / "people", "ada", PASSWORD)
    with socket.socket() as front:
        front.bind(("127.0.0.1", 0))
        address = f"http://localhost:{front.getsockname()[1]}/studio"
        flags = ("--auth", str(folder / "people"), "--root-path", address)
        with running(folder, checkpoint, *flags) as direct:
            server = uvicorn.Server(uvicorn.Config(proxy(direct), log_level="warning"))
            thread = threading.Thread(target=server.run, args=([front],), daemon=True)
            thread.start()
            while not server.started:
                time.sleep(0.05)
            yield Place(address, direct, folder / "server.log")
            server.should_exit = server.force_exit = True
            thread.join(30)


@pytest.fixture
def page(browser, place) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(place.address + "/")
    yield page
    context.close()


def log_in(page: Page, password: str) -> None:
    page.locator("input[type=password]").wait_for()
    page.locator("input:not([type=password])").first.fill("ada")
    page.locator("input[type=password]").fill(password)
    page.get_by_role("button", name="Login").click()


def test_with_the_password_everything_works_under_the_path_of_a_proxy(page, place, demo):
    log_in(page, "wrong password")
    page.get_by_text("Incorrect").first.wait_for()
    assert page.locator("#brush").count() == 0
    log_in(page, PASSWORD)
    page.wait_for_selector("#examples button")
    page.locator("#probe-input input[type=file]").set_input_files(demo[0].enrolment)
    page.wait_for_selector("#ranks li")
    assert page.locator("#ranks .name").first.inner_text() == demo[0].name

    page.get_by_role("tab", name="Gallery").click()
    page.locator("#enrol-input input[type=file]").set_input_files(demo[2].enrolment)
    page.wait_for_selector("#enrol-found .photo img")
    page.get_by_label("Name", exact=True).fill(SECRET)
    page.locator("#enrol-button").click()
    page.wait_for_selector("#enrol-problem .good")
    page.locator("#enrol-button").click()
    page.wait_for_selector("#enrol-problem .warn")
    assert page.errors == []
    log = place.log.read_text()
    assert [name for name in (SECRET, *(person.name for person in demo[:3])) if name in log] == []
    assert not re.search(r"data:image|[A-Za-z0-9+/]{120,}|(-?0\.\d+[,\s]+){5,}", log), "nor pictures or templates"


def test_a_stranger_without_the_password_gets_nothing(place):
    for path in ("/config", "/gradio_api/info", "/gradio_api/queue/data?session_hash=abc"):
        assert httpx.get(place.direct + path).status_code == 401
    join = httpx.post(place.direct + "/gradio_api/queue/join", json={"session_hash": "x", "data": [], "fn_index": 1})
    assert join.status_code == 401
    for door in ("cancel", "reset"):
        asked = {"session_hash": "x", "fn_index": 1, "event_id": "x"}
        assert httpx.post(f"{place.direct}/gradio_api/{door}", json=asked).status_code == 401
    assert httpx.get(f"{place.direct}/gradio_api/heartbeat/x").status_code == 401, "it would be held open for ever"
    assert (httpx.get(place.direct + "/livez").text, httpx.get(place.direct + "/healthz").text) == ("alive", "ready")


def test_another_browser_cannot_use_an_open_page(page, place):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    log_in(page, PASSWORD)
    page.wait_for_selector("#examples button")
    page.locator("#examples button").first.click()
    page.wait_for_selector("#blocks .cell img")
    heartbeat = next(url for url in asked if "/heartbeat/" in url)
    page_hash = heartbeat.rstrip("/").rsplit("/", 1)[1]
    body = {"session_hash": page_hash, "data": [], "fn_index": 1}
    answers = [
        httpx.get(f"{place.direct}/gradio_api/heartbeat/{page_hash}"),
        httpx.get(f"{place.direct}/gradio_api/queue/data", params={"session_hash": page_hash}),
        httpx.post(f"{place.direct}/gradio_api/queue/join", json=body),
        httpx.post(f"{place.direct}/gradio_api/cancel", json={**body, "event_id": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert page.locator("#blocks .cell img").count() > 0


def test_another_site_can_neither_frame_the_page_nor_ask_it(browser, place):
    answer = httpx.get(place.direct + "/", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    for name, value in HEADERS.items():
        assert httpx.get(place.direct + "/").headers[name] == value
    context = browser.new_context()
    outside = context.new_page()
    outside.set_content(f'<iframe src="{place.direct}/"></iframe>')
    outside.wait_for_timeout(2000)
    assert outside.frames[1].locator("gradio-app, #masthead, input").count() == 0
    context.close()
