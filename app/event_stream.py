"""No answer is lost on a slow line. Gradio ends a page's stream of answers as soon as nothing is under way. A page that
asks for something before the end has reached it takes the stream for open, opens no other, and its answer waits for
ever. So a stream stays open for a while after the last answer, and whoever asks just after its end is told so a little
later."""

from __future__ import annotations

import asyncio
import json
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/gradio_api/queue/"
LINGER = 2.0
"""Seconds for which a stream waits for another question after its last answer."""
GRACE = 1.0
"""Seconds that the end of a stream may be under way; a question in this time is acknowledged after it."""
REMEMBERED = 4096
"""Pages that are known; the one idle longest makes room."""
MOST_UNREAD = 100
"""Questions of a page that are not answered, or whose answers it has not fetched: Gradio keeps those, pictures and all,
for as long as the page does not listen. The next one is refused."""
COMPLETED = re.compile(rb'data: \{"msg":"process_completed","event_id":"([^"]+)"')
CLOSES = b'data: {"msg":"close_stream"'
PAGE = "ssn.page"
"""Where the scope of a POST names its page: the gate has read it from the body."""


@dataclass
class Questions:
    """Of one page: what is asked and not answered, and what was answered before its asking was acknowledged."""

    open: set[str] = field(default_factory=set)
    early: set[str] = field(default_factory=set)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: float = float("-inf")
    streams: int = 0
    newest: int = 0

    def ask(self, event: str) -> None:
        if event in self.early:
            self.early.discard(event)
        else:
            self.open.add(event)
            self.asked.set()

    def answer(self, event: str) -> None:
        if event in self.open:
            self.open.discard(event)
        else:
            self.early.add(event)


@dataclass
class EventStreams:
    """ASGI middleware behind the gate; of one event loop."""

    app: ASGIApp
    linger: float = LINGER
    grace: float = GRACE
    _pages: OrderedDict[str, Questions] = field(default_factory=OrderedDict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].rstrip("/") if scope["type"] == "http" else ""
        if path.endswith(API + "data") and scope["method"] == "GET":
            page = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1]
            if page in self._pages:
                await self._stream(self._questions(page), scope, receive, send)
            else:
                await self._stranger(page, scope, receive, send)
        elif path.endswith(API + "join") and isinstance(page := scope.get(PAGE), str):
            await self._join(self._questions(page), scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _stranger(self, page: str, scope: Scope, receive: Receive, send: Send) -> None:
        """A page that has asked for nothing. Where it need not log in, Gradio begins a stream, finds nothing to send
        and fails: what it says of that is held back."""
        held: list[Message] = []
        through = False

        async def hold(message: Message) -> None:
            nonlocal through
            through = through or page in self._pages or message.get("status", 200) != 200
            held.append(message)
            while through and held:
                await send(held.pop(0))

        try:
            await self.app(scope, receive, hold)
        except RuntimeError as error:
            if through or not isinstance(error.__cause__, HTTPException):
                raise
            await PlainTextResponse("This page has asked for nothing.", 404)(scope, receive, send)

    def _questions(self, page: str) -> Questions:
        questions = self._pages.setdefault(page, Questions())
        self._pages.move_to_end(page)
        while len(self._pages) > REMEMBERED:
            self._pages.popitem(last=False)
        return questions

    async def _join(self, questions: Questions, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the event that the answer names; say it only once an end that is under way has arrived."""
        if len(questions.open) >= MOST_UNREAD:
            refusal = PlainTextResponse("This page asked for too much at once. Try again in a moment.", 503)
            await refusal(scope, receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)
            if message["type"] != "http.response.body" or message.get("more_body"):
                return
            if event := _event_of(held):
                questions.ask(event)
            late = questions.ended + self.grace - asyncio.get_running_loop().time()
            if late > 0 and not questions.streams:
                await asyncio.sleep(late)
            for each in held:
                await send(each)

        await self.app(scope, receive, hold)

    async def _stream(self, questions: Questions, scope: Scope, receive: Receive, send: Send) -> None:
        """One answer to the page made of as many of Gradio's as there are questions in time."""
        part = _Part(questions, send)
        questions.streams += 1
        questions.newest += 1
        questions.asked.set()  # one that waits for a question makes way
        number = questions.newest
        try:
            while True:
                await self.app(scope, receive, part)
                if part.closing is None:  # the page has gone, or was refused
                    questions.open.clear()
                    break
                if not questions.open and not await self._asked_again(questions, receive, part):
                    break
                if number != questions.newest:
                    break
                part.closing = None
        finally:
            questions.streams -= 1
            questions.early.clear()
            if part.closing is not None:
                questions.ended = asyncio.get_running_loop().time()
        await part.end()

    async def _asked_again(self, questions: Questions, receive: Receive, part: _Part) -> bool:
        """Does the page ask again in time? One that closed the stream itself is not told of its end."""
        asked, gone = asyncio.ensure_future(questions.asked.wait()), asyncio.ensure_future(_gone(receive))
        done, waiting = await asyncio.wait({asked, gone}, timeout=self.linger, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if gone in done:
            part.closing = None
        return asked in done and gone not in done


@dataclass
class _Part:
    """What Gradio sends of a stream, without its end."""

    questions: Questions
    send: Send
    begun: bool = False
    closing: bytes | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self.begun:
                self.begun = True
                await self.send(message)
            return
        body = message.get("body", b"")
        if answered := COMPLETED.match(body):
            self.questions.answer(answered[1].decode())
        if body.startswith(CLOSES):
            self.questions.asked.clear()
            if self.questions.open:
                self.questions.asked.set()
            self.closing = body
        elif body:
            await self.send({**message, "more_body": True})

    async def end(self) -> None:
        await self.send({"type": "http.response.body", "body": self.closing or b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    """Returns when the page has closed the stream."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _event_of(messages: list[Message]) -> str | None:
    """The event that was begun, or None for a refusal."""
    if messages[0].get("status") != 200:
        return None
    body = b"".join(message.get("body", b"") for message in messages)
    return json.loads(body).get("event_id")
