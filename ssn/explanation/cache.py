"""Results remembered by what they were made from, computed one at a time."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ssn.errors import ExplanationCancelledError
from ssn.explanation.question import Cancel
from ssn.memory import bytes_held

Result = TypeVar("Result")


class Memory:
    """The last ``room`` results. Threads take turns: who asks for what another is computing waits, and gets that.

    One of a visitor's own goes when they do, with all that was made of their photos (see ``Explainer.remembering``).
    """

    def __init__(self, room: int):
        self.room = room
        self.bytes = 0
        """What the results hold, see ``bytes_held``; what several share is counted for each."""
        self._results: OrderedDict[tuple, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._results)

    def once(
        self, key: tuple, work: Callable[[], Result], whole: Callable[[Result], bool], cancel: Cancel | None = None
    ) -> Result:
        """The result remembered under ``key``, else that of ``work()``, remembered if ``whole(result)``.

        Raises ExplanationCancelledError where ``cancel`` is set while waiting for another thread.
        """
        with self._turn(cancel):
            result = self.get(key)
            if result is None:
                result = work()
                if whole(result):
                    self.put(key, result)
            return result

    @contextlib.contextmanager
    def _turn(self, cancel: Cancel | None) -> Iterator[None]:
        while not self._lock.acquire(timeout=0.05):
            if cancel is not None and cancel.is_set():
                raise ExplanationCancelledError("Cancelled while waiting for another explanation.", "Start it again.")
        try:
            yield
        finally:
            self._lock.release()

    def get(self, key: tuple) -> Any:
        """The result under ``key``, or None. Only within ``work``, whose thread has its turn."""
        if key not in self._results:
            return None
        self._results.move_to_end(key)
        return self._results[key][0]

    def put(self, key: tuple, result: Any) -> None:
        """Remember a part result of ``work``, for others to use."""
        self.bytes -= self._results.pop(key, (None, 0))[1]
        self._results[key] = result, bytes_held(result)
        self.bytes += self._results[key][1]
        while len(self._results) > self.room:
            self._forget_oldest()

    def make_room(self) -> bool:
        """Forget the result asked for longest ago → was there one? Not while something is computed."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if not self._results:
                return False
            self._forget_oldest()
            return True
        finally:
            self._lock.release()

    def _forget_oldest(self) -> None:
        self.bytes -= self._results.popitem(last=False)[1][1]
