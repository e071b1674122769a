"""The explainers of a process: so many at once, each with a copy of the network of its own."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator

from ssn.errors import ExplanationCancelledError
from ssn.explanation.cache import Memory
from ssn.explanation.explainer import Explainer
from ssn.recognizer import Recognizer

AT_ONCE = 2
"""Explanations of different visitors computed at a time; the next ones wait, first come, first served, and can be
cancelled waiting."""


class Explainers:
    """At most ``count`` explainers, made when they are first needed: each keeps a copy of the network."""

    def __init__(self, recognizer: Recognizer, count: int = AT_ONCE):
        self._recognizer = recognizer
        self._unmade = count
        self._free: list[Explainer] = []
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def lease(self, memory: Memory, cancel: threading.Event) -> Iterator[Explainer]:
        """An explainer for one explanation, which remembers its results in ``memory`` only.

        Raises ExplanationCancelledError where ``cancel`` is set while all are at work.
        """
        explainer = self._take(cancel)
        try:
            yield explainer.remembering(memory)
        finally:
            with self._changed:
                self._free.append(explainer)
                self._changed.notify_all()

    def _take(self, cancel: threading.Event) -> Explainer:
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                while self._waiting[0] is not turn or not (self._free or self._unmade):
                    if cancel.is_set():
                        what = "Cancelled while waiting for another explanation."
                        raise ExplanationCancelledError(what, "Start it again.")
                    self._changed.wait(0.05)
                return self._free.pop() if self._free else self._made()
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()

    def _made(self) -> Explainer:
        explainer = Explainer(self._recognizer)
        self._unmade -= 1
        return explainer
