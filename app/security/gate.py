"""The gate every request passes: who asks, from which page, how much at once. A refusal is one line of text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.event_stream import PAGE
from app.faults import UNFORESEEN, note
from app.security.headers import FOREVER, HEADERS
from app.security.rules import Refusal, Rules
from app.security.visitors import COOKIE, Pages, new_visitor
from ssn.faces.read import MAX_BYTES

MOST_BODY = MAX_BYTES * 4 // 3 + 2**20
"""Bytes of a request: the largest picture in base64, and what stands around it."""
LARGE_BODY = 2**20
LARGE_AT_ONCE = 4
"""Requests above ``LARGE_BODY`` that are received at a time; others wait, at most ``PATIENCE`` seconds."""
PATIENCE = 30.0
RECEIVING = 120.0
"""Seconds a request may take to arrive."""
REQUESTS_AT_ONCE = 800
"""Every open page holds two or three: its events and its sign of life."""
API = "/gradio_api/"
DOORS = frozenset(
    {
        *("/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt", "/livez", "/healthz"),
        *("/login", "/logout", "/login_check", "/user", "/app_id", "/info", "/startup-events", "/queue/data"),
        *("/queue/join", "/cancel", "/reset"),
    }
)
"""What can be asked for, without ``API`` before it: the page and what is on it, the login, events and answers. Gradio
has more doors, which take files, make pictures of any size, run what is not on the page or ask other hosts, and every
release of it may bring another: they are shut."""
ROOMS = ("/heartbeat/", *FOREVER)
"""Whose every path is open too."""
UNASKED = ("/heartbeat/", "/cancel", "/reset")
"""Doors at which Gradio does not ask who it is."""
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
JOIN = API + "queue/join"
POSTS = (JOIN, API + "cancel", API + "reset")
"""Those that carry a ``session_hash`` in their body."""


@dataclass
class Gate:
    """ASGI middleware; of one event loop."""

    app: ASGIApp
    rules: Rules = field(default_factory=Rules)
    pages: Pages = field(default_factory=Pages)

    def __post_init__(self) -> None:
        self._open = 0
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        visitor = _visitor(headers)
        path = scope["path"].removeprefix(self.rules.behind) if self.rules.behind else scope["path"]
        guarded = _with_headers(send, path, new_visitor() if visitor is None else None)
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await guarded(message)

        self._open += 1
        try:
            self._check(scope["method"], path, headers)
            page = _page_asked_for(path, scope["query_string"])
            self._check_page(page, visitor or "")
            if scope["method"] != "POST":
                await self._check_login(scope, receive)
            await self._receive(scope, receive, watched, path, visitor or "")
        except Refusal as refusal:
            answer = PlainTextResponse(refusal.words, refusal.status, {"Connection": "close"})
            await answer(scope, receive, guarded)
        except Exception as error:
            note(error)
            if not begun:
                await PlainTextResponse(UNFORESEEN, 500, {"Connection": "close"})(scope, receive, guarded)
        finally:
            self._open -= 1

    def _check(self, method: str, path: str, headers: Headers) -> None:
        if self._open > REQUESTS_AT_ONCE:
            raise Refusal(503, "The server is busy. Try again in a moment.")
        host = headers.get("host", "")
        self.rules.check_host(host)
        self.rules.check_origin(headers.get("origin"), host)
        if method not in METHODS:
            raise Refusal(405, "This server is asked by GET and POST.")
        if not _is_open(path):
            raise Refusal(404, "There is nothing here.")
        if method == "POST":
            _check_length(headers.get("content-length"))

    def _check_page(self, page: str | None, visitor: str) -> None:
        if page is not None and not self.pages.belongs(page, visitor):
            raise Refusal(403, "This page was opened by another browser.")

    async def _check_login(self, scope: Scope, receive: Receive) -> None:
        """A stranger's signs of life would take the room of visitors. Raises Refusal."""
        status, inner = 0, _inner(scope["path"].removeprefix(self.rules.behind))
        if not self.rules.login or not inner.startswith(UNASKED):
            return

        async def hear(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        asked = scope["path"].removesuffix(inner) + "/login_check"
        known = {**scope, "method": "GET", "path": asked, "raw_path": asked.encode(), "query_string": b""}
        await self.app(known, _replay(b"", receive), hear)
        if status != 200:
            raise Refusal(401, "Log in first.")

    async def _receive(self, scope: Scope, receive: Receive, send: Send, path: str, visitor: str) -> None:
        """Take in what is posted, within its limits, and hand it on."""
        length = int(Headers(scope=scope).get("content-length") or 0)
        if scope["method"] != "POST" or length == 0:
            await self.app(scope, receive, send)
            return
        large = length > LARGE_BODY
        if large:
            await _in_time(self._large.acquire(), PATIENCE, 503, "The server is busy. Try again in a moment.")
        try:
            body = await _in_time(_body(receive, length), RECEIVING, 408, "The request took too long to arrive.")
            if path.rstrip("/") in POSTS:
                asked = _asked(body)
                page = asked.get("session_hash")
                page = page if isinstance(page, str) else None
                self._check_page(page, visitor)
                await self._check_login(scope, receive)
                if path.rstrip("/") == JOIN:
                    self.rules.check_event(asked.get("fn_index"))
                scope = {**scope, PAGE: page}
            await self.app(scope, _replay(body, receive), send)
        finally:
            if large:
                self._large.release()


def _inner(path: str) -> str:
    """A path without what stands before Gradio's doors."""
    return path.removeprefix(API[:-1])


def _is_open(path: str) -> bool:
    inner = _inner(path)
    return (inner.rstrip("/") or "/") in DOORS or inner.startswith(ROOMS)


def _visitor(headers: Headers) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def _check_length(text: str | None) -> None:
    if text is None or not text.isdigit():
        raise Refusal(411, "Say how long the request is.")
    if int(text) > MOST_BODY:
        raise Refusal(413, f"The request is too large; a picture may have {MAX_BYTES // 2**20} MB.")


def _page_asked_for(path: str, query: bytes) -> str | None:
    """The page whose events, or sign of life, are asked for."""
    if path.startswith(API + "heartbeat/"):
        return path.removeprefix(API + "heartbeat/").strip("/")
    return parse_qs(query.decode("latin-1")).get("session_hash", [None])[-1]


def _asked(body: bytes) -> dict:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "The request cannot be read.") from error
    if not isinstance(asked, dict):
        raise Refusal(400, "The request cannot be read.")
    return asked


async def _in_time(waiting, seconds: float, status: int, words: str):
    try:
        return await asyncio.wait_for(waiting, seconds)
    except TimeoutError as error:
        raise Refusal(status, words) from error


async def _body(receive: Receive, length: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The request was broken off.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > length:
            raise Refusal(400, "The request is longer than it says.")
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever comes, such as the end of the connection."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _with_headers(send: Send, path: str, visitor: str | None) -> Send:
    """Every answer carries our headers, and a browser that has no name yet gets one."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if not any(path.startswith(start) for start in FOREVER):
                headers["Cache-Control"] = "no-store"
            if visitor is not None:
                headers.append("Set-Cookie", f"{COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Lax")
        await send(message)

    return answer


def gate(rules: Rules) -> Callable[[ASGIApp], Gate]:
    """For a list of middleware."""
    return lambda app: Gate(app, rules)
