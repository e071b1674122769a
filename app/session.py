"""What lives once per visitor, and its lock. Nothing of it outlives the page."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import TypeVar, cast

import gradio as gr

IDLE_SECONDS = 1800.0
"""How long a page may be left alone before its photos are forgotten."""
ROOM = 200
"""Visitors remembered at a time; the one idle longest makes room."""
WAITING = 12
"""Events of one page that wait for their turn, each on a thread of the server."""


class TooManyEventsError(gr.Error):
    """One page asks faster than it can be answered. Shown as a message of the page; nothing is printed."""

    def __init__(self) -> None:
        super().__init__("This page asked for too much at once. Try again in a moment.", 5, print_exception=False)


class Part:
    """What one tab keeps of a visitor; a tab derives its own, made when it is first asked for."""

    def leave(self) -> None:
        """The visitor is gone: stop what still runs for them."""


P = TypeVar("P", bound=Part)


class Turns:
    """A lock whose waiters, ``most`` at a time, are served in the order they came."""

    def __init__(self, most: int = WAITING):
        self._most = most
        self._changed = threading.Condition()
        self._tickets = 0
        self._serving = 0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """The next turn. Raises TooManyEventsError."""
        with self._changed:
            if self._tickets - self._serving > self._most:
                raise TooManyEventsError
            ticket = self._tickets
            self._tickets += 1
            self._changed.wait_for(lambda: self._serving == ticket)
        try:
            yield
        finally:
            with self._changed:
                self._serving += 1
                self._changed.notify_all()


class Session:
    """One open page. Its events take ``turn()``s, so that a step sees the state its predecessor left."""

    def __init__(self):
        self.turn = Turns()
        self.used = time.monotonic()
        self._parts: dict[type[Part], Part] = {}
        self._lock = threading.Lock()

    def part(self, kind: type[P]) -> P:
        """What the tab of this kind keeps."""
        with self._lock:
            if kind not in self._parts:
                self._parts[kind] = kind()
            return cast(P, self._parts[kind])

    def leave(self) -> None:
        with self._lock:
            parts = list(self._parts.values())
        for part in parts:
            part.leave()


class Sessions:
    """The sessions of all open pages, by the page's ``session_hash``."""

    def __init__(self, idle: float = IDLE_SECONDS, room: int = ROOM):
        self.idle, self.room = idle, room
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()
        self._alarm: threading.Timer | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    def of(self, request: gr.Request) -> Session:
        """The session of the page a request comes from, a new one where there is none."""
        key = request.session_hash or ""
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = Session()
            session = self._sessions[key]
            self._sessions.move_to_end(key)
            session.used = time.monotonic()
            gone = [self._sessions.popitem(last=False)[1] for _ in range(len(self._sessions) - self.room)]
            self._arm()
        for other in gone:
            other.leave()
        return session

    def forget(self, key: str | None) -> None:
        """The page is closed: everything kept of its visitor goes."""
        with self._lock:
            session = self._sessions.pop(key or "", None)
        if session is not None:
            session.leave()

    def forget_idle(self) -> None:
        """Forget every page nobody has touched for ``idle`` seconds."""
        limit = time.monotonic() - self.idle
        with self._lock:
            old = [key for key, session in self._sessions.items() if session.used < limit]
        for key in old:
            self.forget(key)

    def _arm(self) -> None:
        """Look again in a while, as long as there is anybody."""
        if self._alarm is None:
            self._alarm = threading.Timer(min(60.0, self.idle), self._look_again)
            self._alarm.daemon = True
            self._alarm.start()

    def _look_again(self) -> None:
        self.forget_idle()
        with self._lock:
            self._alarm = None
            if self._sessions:
                self._arm()
