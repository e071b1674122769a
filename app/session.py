"""What lives once per visitor, and its lock. Nothing of it outlives the page, and all of it together stays within one
budget of memory."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import gradio as gr

from ssn.machine import give_back_freed_memory

IDLE_SECONDS = 1800.0
"""How long a page may be left alone before its photos are forgotten."""
ROOM = 200
"""Visitors remembered at a time; the one idle longest makes room."""
MOST_BYTES = 256 * 2**20
"""What all pages together may keep: photos, states left behind, explanations, runs. Beyond it the page idle longest
gives something up."""
REMEMBERED = 4096
"""Forgotten pages that are told so when they come back."""
LOOKS_AGAIN = 60.0
"""Seconds between two looks at who has gone."""
QUIET = 300.0
"""Seconds without a question after which the memory that work has freed goes back to the system: longer than what was
asked for takes, so that it is not taken from work under way, which would ask for it again."""
WAITING = 12
"""Events of one page that wait for their turn, each on a thread of the server."""


class TooManyEventsError(gr.Error):
    """One page asks faster than it can be answered. Shown as a message of the page; nothing is printed."""

    def __init__(self) -> None:
        super().__init__("This page asked for too much at once. Try again in a moment.", 5, print_exception=False)


class Part:
    """What one tab keeps of a visitor; a tab derives its own, made when it is first asked for.

    ``forgotten``: the page had something here that the server let go of, and nothing new has come since."""

    forgotten = False

    def weight(self) -> int:
        """Bytes it keeps, about; asked often, and from any thread."""
        return 0

    def make_room(self) -> bool:
        """Give up what the visitor misses least → was there anything? Called from any thread."""
        return False

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
    """One open page. Its events take ``turn()``s, so that a step sees the state its predecessor left. ``forgotten``: it
    was open before, and was let go of; ``after_turn`` is told of the end of every turn."""

    def __init__(self, forgotten: bool = False, after_turn: Callable[[Session], None] = lambda session: None):
        self.turns = Turns()
        self.forgotten, self._after_turn = forgotten, after_turn
        self.used = time.monotonic()
        self._parts: dict[type[Part], Part] = {}
        self._lock = threading.Lock()

    def part(self, kind: type[P]) -> P:
        """What the tab of this kind keeps."""
        with self._lock:
            if kind not in self._parts:
                self._parts[kind] = kind()
                self._parts[kind].forgotten = self.forgotten
            return cast(P, self._parts[kind])

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """The next turn, see ``Turns``. Raises TooManyEventsError."""
        with self.turns():
            yield
        self._after_turn(self)

    def weight(self) -> int:
        """Bytes that its parts keep."""
        return sum(part.weight() for part in self._all())

    def make_room(self) -> bool:
        """One of its parts gives something up → was there anything?"""
        return any(part.make_room() for part in self._all())

    def _all(self) -> list[Part]:
        with self._lock:
            return list(self._parts.values())

    def leave(self) -> None:
        for part in self._all():
            part.leave()


class Sessions:
    """The sessions of all open pages, by the page's ``session_hash``."""

    def __init__(self, idle: float = IDLE_SECONDS, room: int = ROOM, budget: int = MOST_BYTES):
        self.idle, self.room, self.budget = idle, room, budget
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._forgotten: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._making_room = threading.Lock()
        self._alarm: threading.Timer | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    def of(self, request: gr.Request) -> Session:
        """The session of the page a request comes from, a new one where there is none."""
        key = request.session_hash or ""
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = Session(key in self._forgotten, self._keep_within_budget)
            session = self._sessions[key]
            self._sessions.move_to_end(key)
            session.used = time.monotonic()
            oldest = list(self._sessions)[: max(len(self._sessions) - self.room, 0)]
            self._arm()
        for other in oldest:
            self.let_go(other)
        return session

    def forget(self, key: str | None) -> None:
        """The page is closed: everything kept of its visitor goes."""
        with self._lock:
            session = self._sessions.pop(key or "", None)
            self._forgotten.pop(key or "", None)
        if session is not None:
            session.leave()

    def let_go(self, key: str) -> None:
        """Forget a page that is still open; it is told when it comes back."""
        self.forget(key)
        with self._lock:
            self._forgotten[key] = None
            while len(self._forgotten) > REMEMBERED:
                self._forgotten.popitem(last=False)

    def weight(self) -> int:
        """Bytes that all pages keep."""
        with self._lock:
            sessions = list(self._sessions.values())
        return sum(session.weight() for session in sessions)

    def _keep_within_budget(self, asking: Session) -> None:
        """Where all pages together keep too much, those idle longest give up first what they miss least, and then
        everything; the ``asking`` one keeps what it shows."""
        with self._making_room:
            with self._lock:
                pages = list(self._sessions.items())
            weights = {key: session.weight() for key, session in pages}
            for key, session in pages:
                while sum(weights.values()) > self.budget and session.make_room():
                    weights[key] = session.weight()
            for key, session in pages:
                if sum(weights.values()) > self.budget and session is not asking:
                    self.let_go(key)
                    del weights[key]

    def forget_idle(self) -> None:
        """Forget every page nobody has touched for ``idle`` seconds."""
        limit = time.monotonic() - self.idle
        with self._lock:
            old = [key for key, session in self._sessions.items() if session.used < limit]
        for key in old:
            self.let_go(key)

    def _arm(self) -> None:
        """Look again in a while, as long as there is anybody."""
        if self._alarm is None:
            self._alarm = threading.Timer(min(LOOKS_AGAIN, self.idle), self._look_again)
            self._alarm.daemon = True
            self._alarm.start()

    def _look_again(self) -> None:
        with self._lock:
            last = max((session.used for session in self._sessions.values()), default=0.0)
        if time.monotonic() - last >= min(QUIET, self.idle):
            give_back_freed_memory()
        self.forget_idle()
        with self._lock:
            self._alarm = None
            if self._sessions:
                self._arm()
