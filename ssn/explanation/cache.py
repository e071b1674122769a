"""Results remembered by what they were made from, computed one at a time."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable

from ssn.errors import ExplanationCancelledError


class Kept:
    """The last ``room`` results. Threads take turns: who asks for what another is computing waits, and finds it
    here."""

    def __init__(self, room: int):
        self.room = room
        self._results: OrderedDict[tuple, object] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._results)

    def once(self, key: tuple, work: Callable, whole: Callable, cancel=None):
        """The result kept under ``key``, else that of ``work()``, kept if ``whole(result)``.

        Raises ExplanationCancelledError where ``cancel`` is set while waiting for another thread.
        """
        with self._turn(cancel):
            if (found := self.get(key)) is None:
                found = work()
                if whole(found):
                    self.put(key, found)
            return found

    @contextlib.contextmanager
    def _turn(self, cancel):
        while not self._lock.acquire(timeout=0.05):
            if cancel is not None and cancel.is_set():
                raise ExplanationCancelledError("Cancelled while waiting for another explanation.", "Start it again.")
        try:
            yield
        finally:
            self._lock.release()

    def get(self, key: tuple):
        """The result under ``key``, or None. Only within ``work``, whose thread has its turn."""
        if key in self._results:
            self._results.move_to_end(key)
        return self._results.get(key)

    def put(self, key: tuple, found: object) -> None:
        """Keep a part result of ``work``, for others to use."""
        self._results[key] = found
        self._results.move_to_end(key)
        while len(self._results) > self.room:
            self._results.popitem(last=False)
