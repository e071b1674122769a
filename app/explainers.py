"""The explainers of a process: so many at once, each with a copy of the network of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from app.kit.turns import Turns
from ssn.errors import ExplanationCancelledError
from ssn.explanation.cache import Memory
from ssn.explanation.explainer import Explainer
from ssn.recognizer import Recognizer

AT_ONCE = 2
"""Explanations of different visitors computed at a time; the next one waits, and can be cancelled waiting."""


class Explainers:
    """At most ``count`` explainers, made when they are first needed: each keeps a copy of the network."""

    def __init__(self, recognizer: Recognizer, count: int = AT_ONCE):
        self._recognizer = recognizer
        self._turns, self._making = Turns(count), threading.Lock()
        self._free: list[Explainer] = []

    @contextlib.contextmanager
    def lease(self, memory: Memory, cancel: threading.Event) -> Iterator[Explainer]:
        """An explainer for one explanation, which remembers its results in ``memory`` only.

        Raises ExplanationCancelledError where ``cancel`` is set while all are at work.
        """
        if not self._turns.acquire(cancel):
            raise ExplanationCancelledError("Cancelled while waiting for another explanation.", "Start it again.")
        try:
            with self._making:
                explainer = self._free.pop() if self._free else Explainer(self._recognizer)
            try:
                yield explainer.remembering(memory)
            finally:
                self._free.append(explainer)
        finally:
            self._turns.release()
