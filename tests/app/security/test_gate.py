"""The gate: what is let through to a small application behind it, and what every answer carries."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.security import gate as module
from app.security.gate import MOST_BODY, Gate
from app.security.headers import HEADERS
from app.security.health import health_routes
from app.security.rules import Rules
from app.security.visitors import COOKIE, Pages
from ssn.errors import GalleryError
from tests.app.security.asking import HERE, JOIN, application, ask, ask_all
from tests.asynchronous import run_async


@pytest.mark.parametrize("path", ["/", "/assets/index.js", "/gradio_api/upload", "/config"])
def test_every_answer_carries_the_headers_also_a_refusal(path):
    answer = ask(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert ("no-store" in answer.headers.get("cache-control", "")) == (not path.startswith("/assets/"))


def test_the_policy_lets_nothing_out_and_nobody_frame_the_page():
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert all("http" not in where and "*" not in where for where in policy.values())


SHUT = (
    *("upload", "upload_progress", "process_recording", "proxy=https://x", "run/predict", "call/predict", "vibe-edit/"),
    *("file=/etc/passwd", "file/etc/passwd", "file%3D/etc/passwd", "component_server", "openapi.json", "token"),
    *(
        "profiling/traces",
        "stream/a/b/1/playlist.m3u8",
        "./upload",
        "/upload",
        "UPLOAD",
        "what-comes-next",
    ),
)


@pytest.mark.parametrize("door", SHUT)
def test_doors_the_page_does_not_use_are_shut(door):
    assert ask(f"/gradio_api/{door}", method="POST", json={}).status_code == 404
    assert ask(f"/gradio_api/{door}").status_code == 404
    assert ask(f"/studio/gradio_api/{door}", Rules(behind="/studio"), "POST", json={}).status_code == 404


@pytest.mark.parametrize("path", ["/pwa_icon/192", "/pwa_icon/100000", "/monitoring", "/docs", "/openapi.json"])
def test_doors_beside_the_api_are_shut_too(path):
    """An icon of 100,000 pixels a side would take 40 GB, of whoever asks."""
    assert ask(path).status_code == 404
    assert ask(path, Rules(behind="/studio")).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_it_is_asked_by_get_and_post_only(method):
    assert ask("/", method=method).status_code == 405
    assert ask(JOIN, method=method, content=b"x" * 100).status_code == 405


def test_a_request_may_be_as_large_as_a_picture_and_no_larger():
    body = b'{"session_hash": "a", "data": "' + b"x" * (MOST_BODY - 33) + b'"}'
    assert len(body) == MOST_BODY
    assert ask(JOIN, method="POST", content=body).text == str(MOST_BODY)
    for more in (1, 100, 2**30):
        told = {"Content-Length": str(MOST_BODY + more)}
        assert ask(JOIN, method="POST", content=b"{}", headers=told).status_code == 413


@pytest.mark.parametrize(("length", "status"), [("-5", 411), ("ten", 411), ("1", 400)])
def test_a_length_that_is_none_or_not_true_is_refused(length, status):
    assert (
        ask(JOIN, method="POST", content=b'{"session_hash": "a"}', headers={"Content-Length": length}).status_code
        == status
    )


def test_a_stream_of_unknown_length_is_refused():
    async def endless():
        yield b"x"

    async def run() -> int:
        transport = httpx.ASGITransport(application(Rules()))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return (await client.post(JOIN, content=endless())).status_code

    assert run_async(run()) == 411


@pytest.mark.parametrize("body", [b"[]", b"no json", b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_event_is_refused(body):
    assert ask(JOIN, method="POST", content=body).status_code == 400


def test_too_many_requests_at_once_are_told_to_come_again(monkeypatch):
    monkeypatch.setattr(module, "REQUESTS_AT_ONCE", 0)
    answer = ask()
    assert (answer.status_code, answer.headers["connection"]) == (503, "close")


def test_a_request_that_never_arrives_does_not_hold_its_place(monkeypatch):
    monkeypatch.setattr(module, "RECEIVING", 0.05)

    async def run() -> list:
        sent: list = []
        headers = [(b"host", b"localhost"), (b"content-length", b"2000000")]
        scope = {"type": "http", "method": "POST", "path": JOIN, "query_string": b"", "headers": headers}
        gate = Gate(application(Rules()))

        async def never() -> dict:
            await asyncio.sleep(60)
            raise AssertionError

        async def send(message: dict) -> None:
            sent.append(message)

        await gate(scope, never, send)
        assert gate._large._value == module.LARGE_AT_ONCE
        return sent

    assert run_async(run())[0]["status"] == 408


FACE = "data:image/png;base64,iVBORw0KGgo"


@pytest.mark.parametrize("begun", [False, True])
def test_what_nobody_foresaw_is_answered_in_words_and_the_log_holds_none_of_them(capfd, begun):
    async def fail(scope, receive, send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            raise KeyError("Zaphodine Quux")
        except KeyError as error:
            raise ValueError(f"no template of {FACE}") from error

    async def run() -> list[dict]:
        sent: list[dict] = []

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        await Gate(fail)(scope, lambda: asyncio.sleep(60), send)
        return sent

    sent = run_async(run())
    assert [message["status"] for message in sent if "status" in message] == [200 if begun else 500]
    assert begun or b"Its log says where" in sent[-1]["body"]
    log = "".join(capfd.readouterr())
    assert "ValueError" in log
    assert "KeyError" in log
    assert __file__ in log
    assert "Zaphodine" not in log.replace('raise KeyError("Zaphodine Quux")', "")
    assert FACE not in log


def test_a_fifth_large_request_waits_its_turn_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    monkeypatch.setattr(module, "RECEIVING", 0.5)

    async def run() -> list[int]:
        gate, statuses = Gate(application(Rules())), []
        headers = [(b"host", b"localhost"), (b"content-length", b"2000000")]
        scope = {"type": "http", "method": "POST", "path": JOIN, "query_string": b"", "headers": headers}

        async def send(message: dict) -> None:
            statuses.extend([message["status"]] if "status" in message else [])

        await asyncio.gather(*(gate(scope, lambda: asyncio.sleep(60), send) for _ in range(5)))
        return statuses

    assert run_async(run()) == [503, *[408] * module.LARGE_AT_ONCE]


def mine(cookie: str) -> dict:
    return {"Cookie": f"{COOKIE}={cookie}"}


def test_a_browser_gets_a_name_once():
    new, known = ask_all([("GET", "/", {}), ("GET", "/", {"headers": mine("ada")})])
    assert COOKIE in new.headers["set-cookie"]
    assert "HttpOnly" in new.headers["set-cookie"]
    assert "set-cookie" not in known.headers


ASKED_OF_A_PAGE = [
    ("POST", JOIN, {"json": {"data": ["x"], "session_hash": "page"}}),
    ("POST", JOIN + "/", {"content": json.dumps({"session_hash": "page", "data": [{"session_hash": "other"}]})}),
    ("POST", JOIN, {"content": b'{"session_hash": "other", "session_ha\\u0073h": "page"}'}),
    ("POST", "/gradio_api/cancel", {"json": {"session_hash": "page", "fn_index": 1, "event_id": "x"}}),
    ("GET", "/gradio_api/queue/data?session_hash=page", {}),
    ("GET", "/gradio_api/queue/data?session_hash=other&session_hash=page", {}),
    ("GET", "/gradio_api/heartbeat/page", {}),
]


@pytest.mark.parametrize("asked", ASKED_OF_A_PAGE)
@pytest.mark.parametrize("stranger", [{}, mine("bob"), mine("")])
def test_only_the_browser_that_opened_a_page_may_use_it(asked, stranger):
    method, path, more = asked
    opened = ("POST", JOIN, {"json": {"session_hash": "page"}, "headers": mine("ada")})
    again = (method, path, {**more, "headers": mine("ada")})
    theirs = (method, path, {**more, "headers": stranger})
    answers = [answer.status_code for answer in ask_all([opened, again, theirs, again])]
    assert answers == [200, 200, 403, 200]


def test_pages_forgotten_are_the_oldest():
    pages = Pages(room=2)
    assert pages.belongs("a", "ada")
    assert pages.belongs("b", "bob")
    assert pages.belongs("a", "ada")
    assert pages.belongs("c", "cleo")
    assert not pages.belongs("a", "cleo")
    assert pages.belongs("b", "cleo"), "made room"


def test_health_says_whether_the_gallery_answers():
    def broken() -> None:
        raise GalleryError("The gallery /home/ada/secret.db is damaged.")

    async def run(ready) -> list[tuple[int, str]]:
        transport = httpx.ASGITransport(Starlette(routes=health_routes(ready)))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            answers = [await client.get(path) for path in ("/livez", "/healthz")]
        return [(answer.status_code, answer.text) for answer in answers]

    assert run_async(run(lambda: None)) == [(200, "alive"), (200, "ready")]
    assert run_async(run(broken)) == [(200, "alive"), (503, "not ready")]


@pytest.mark.parametrize("behind", ["", "/studio", "/reset/cancel"])
@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/config", 200), ("/gradio_api/heartbeat/abc", 401), ("/gradio_api/cancel", 401), ("/reset", 401)],
)
def test_signs_of_life_need_a_login_under_whatever_path_and_the_page_does_not(behind, path, status):
    """The page itself is where somebody logs in."""

    async def known(request: Request) -> PlainTextResponse:
        asked.append(request.url.path)
        return PlainTextResponse("", 401 if request.url.path.endswith("/login_check") else 200)

    asked: list[str] = []
    rules = Rules(behind=behind, login=True)
    app = Starlette(routes=[Route("/{path:path}", known)], middleware=[Middleware(Gate, rules=rules)])

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as client:
            return await client.get(behind + path)

    assert run_async(run()).status_code == status
    prefix = behind + ("/gradio_api" if path.startswith("/gradio_api") else "")
    assert asked == ([f"{prefix}/login_check"] if status == 401 else [behind + path])
