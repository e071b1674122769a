"""The stream of answers against a small server that ends it as Gradio does: when nothing is under way."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.event_stream import MOST_UNREAD, PAGE, EventStreams
from tests.asynchronous import run_async

JOIN, DATA = "/gradio_api/queue/join", "/gradio_api/queue/data"


class Server:
    """Answers each question of a page at once, and ends the stream when none is open."""

    def __init__(self) -> None:
        self.messages: dict[str, asyncio.Queue[str]] = defaultdict(asyncio.Queue)
        self.open: dict[str, set[str]] = defaultdict(set)
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == JOIN:
            self.count += 1
            event, page = f"event-{self.count}", scope[PAGE]
            self.open[page].add(event)
            self.messages[page].put_nowait(event)
            await send({"type": "http.response.body", "body": json.dumps({"event_id": event}).encode()})
            return
        page = parse_qs(scope["query_string"].decode())["session_hash"][0]
        while True:
            event = await self.messages[page].get()
            self.open[page].discard(event)
            done = f'data: {{"msg":"process_completed","event_id":"{event}","output":{{}}}}\n\n'
            await send({"type": "http.response.body", "body": done.encode(), "more_body": True})
            if not self.open[page]:
                break
        closes = b'data: {"msg":"close_stream","event_id":null}\n\n'
        await send({"type": "http.response.body", "body": closes, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Client:
    """A page whose line is slow: what the stream says arrives ``delay`` seconds late, and it opens a stream only if it
    takes none for open."""

    def __init__(self, streams: EventStreams, delay: float):
        self.streams, self.delay = streams, delay
        self.open = False
        self.heard: list[str] = []
        self.opened = 0
        self.tasks: list[asyncio.Task] = []

    async def ask(self) -> str:
        said: list[Message] = []

        async def send(message: Message) -> None:
            said.append(message)

        await self.streams({"type": "http", "method": "POST", "path": JOIN, PAGE: "page"}, forever, send)
        if not self.open:
            self.open, self.opened = True, self.opened + 1
            self.tasks.append(asyncio.create_task(self.listen()))
        return json.loads(said[-1]["body"])["event_id"]

    async def listen(self) -> None:
        scope = {"type": "http", "method": "GET", "path": DATA, "query_string": b"session_hash=page"}

        async def send(message: Message) -> None:
            asyncio.get_running_loop().call_later(self.delay, self.hear, message.get("body", b"").decode())

        await self.streams(scope, forever, send)

    def hear(self, text: str) -> None:
        if "close_stream" in text:
            self.open = False
        elif text:
            self.heard.append(json.loads(text.removeprefix("data: "))["event_id"])


async def forever() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def heard(client: Client, events: list[str], seconds: float = 2.0) -> None:
    async with asyncio.timeout(seconds):
        while not set(events) <= set(client.heard):
            await asyncio.sleep(0.005)


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:
    return run_async(scenario())  # type: ignore[arg-type]


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.03, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("linger", [0.0, 0.04])
def test_every_question_is_answered_however_late_the_end_arrives(pause, linger):
    async def scenario() -> tuple[list[str], list[str]]:
        client = Client(EventStreams(Server(), linger=linger, grace=0.15), delay=0.05)
        asked = []
        for _ in range(4):
            asked.append(await client.ask())
            await asyncio.sleep(pause)
        await heard(client, asked)
        return asked, client.heard

    asked, answered = run(scenario)
    assert sorted(asked) == sorted(answered)


def test_without_it_the_answer_waits_for_ever():
    async def scenario() -> list[str]:
        client = Client(Server(), delay=0.05)  # type: ignore[arg-type]
        first = await client.ask()
        await asyncio.sleep(0.01)
        second = await client.ask()
        with pytest.raises(TimeoutError):
            await heard(client, [first, second], 0.5)
        return client.heard

    assert run(scenario) == ["event-1"]


def test_questions_in_a_row_share_a_stream_which_ends_after_the_last():
    async def scenario() -> tuple[int, bool]:
        client = Client(EventStreams(Server(), linger=0.1), delay=0.0)
        for _ in range(5):
            await heard(client, [await client.ask()])
        await asyncio.wait_for(asyncio.gather(*client.tasks), 2)
        await asyncio.sleep(0.02)
        return client.opened, client.open

    assert run(scenario) == (1, False)


def test_a_page_that_left_does_not_take_the_answers_of_the_next_stream():
    async def scenario() -> list[str]:
        streams = EventStreams(Server(), linger=5.0)
        client = Client(streams, delay=0.0)
        await heard(client, [await client.ask()])
        again = Client(streams, delay=0.0)  # the same page, which opens another stream while the first one lingers
        asked = await again.ask()
        await heard(again, [asked])
        await asyncio.wait_for(asyncio.gather(*client.tasks), 1)
        for task in again.tasks:
            task.cancel()
        return again.heard

    assert run(scenario) == ["event-2"]


def test_a_page_that_goes_while_it_could_ask_is_noticed():
    async def scenario() -> None:
        streams = EventStreams(Server(), linger=60.0)
        gone = asyncio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if b"process_completed" in message.get("body", b""):
                gone.set()

        await streams({"type": "http", "method": "POST", "path": JOIN, PAGE: "page"}, forever, send)
        scope = {"type": "http", "method": "GET", "path": DATA, "query_string": b"session_hash=page"}
        await asyncio.wait_for(streams(scope, receive, send), 2)
        begun = asyncio.get_running_loop().time()
        await streams({"type": "http", "method": "POST", "path": JOIN, PAGE: "page"}, forever, send)
        assert asyncio.get_running_loop().time() - begun < streams.grace / 2, "it knows of the end, having made it"

    run(scenario)


def test_a_page_that_never_listens_piles_up_no_answers_and_may_ask_again_once_it_has_listened():
    async def scenario() -> tuple[list[int], int, list[int]]:
        server, listening = Server(), asyncio.Event()
        streams = EventStreams(server, linger=0.0, grace=0.0)
        told: list[int] = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.append(message["status"])
            if b"close_stream" in message.get("body", b""):
                listening.set()

        async def ask(times: int) -> list[int]:
            told.clear()
            for _ in range(times):
                await streams({"type": "http", "method": "POST", "path": JOIN, PAGE: "page"}, forever, send)
            return list(told)

        first, waiting = await ask(MOST_UNREAD + 50), server.messages["page"].qsize()
        scope = {"type": "http", "method": "GET", "path": DATA, "query_string": b"session_hash=page"}
        await asyncio.wait_for(streams(scope, forever, send), 2)
        assert listening.is_set()
        return first, waiting, await ask(1)

    first, waiting, later = run(scenario)
    assert first == [200] * MOST_UNREAD + [503] * 50
    assert waiting == MOST_UNREAD
    assert later == [200]


async def begun_in_vain(scope: Scope, receive: Receive, send: Send) -> None:
    """As Gradio answers a page it does not know."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    failed = b'data: {"msg":"unexpected_error"}'
    await send({"type": "http.response.body", "body": failed, "more_body": True})
    raise RuntimeError("Caught handled exception, but response already started.") from HTTPException(404)


async def not_logged_in(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("Not authenticated", 401)(scope, receive, send)


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("something else")


@pytest.mark.parametrize(
    ("app", "status", "words"),
    [(begun_in_vain, 404, b"This page has asked for nothing."), (not_logged_in, 401, b"Not authenticated")],
)
def test_a_page_that_has_asked_for_nothing_is_told_so(app, status, words):
    start, body = run(lambda: _strange(app))
    assert start["status"] == status
    assert body["body"] == words


def test_another_error_of_a_stream_stays_one():
    with pytest.raises(RuntimeError, match="something else"):
        run(lambda: _strange(broken))


async def _strange(app: ASGIApp) -> list[Message]:
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    scope = {"type": "http", "method": "GET", "path": DATA, "query_string": b"session_hash=stranger", "headers": []}
    await EventStreams(app)(scope, forever, send)
    return said
