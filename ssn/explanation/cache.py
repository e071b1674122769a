"""Results remembered by what they were made from, computed one at a time, and forgotten with those who asked."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ssn.errors import ExplanationCancelledError
from ssn.explanation.question import Cancel

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Entry:
    result: Any
    owners: set[str]


class ResultCache:
    """The last ``room`` results, each with its owners: on whose behalf it was asked for.

    Threads take turns at computing: who asks for what another is computing waits, and gets that. What is asked for by
    several owners is remembered until the last of them is forgotten.
    """

    def __init__(self, room: int):
        self.room = room
        self._entries: OrderedDict[tuple, _Entry] = OrderedDict()
        self._asking: Counter[str] = Counter()
        self._forgotten: set[str] = set()
        self._turn_lock, self._lock = threading.Lock(), threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def once(
        self,
        key: tuple,
        work: Callable[[], Result],
        whole: Callable[[Result], bool],
        owner: str = "",
        cancel: Cancel | None = None,
    ) -> Result:
        """The result remembered under ``key``, else that of ``work()``, remembered for ``owner`` if ``whole(result)``.

        Raises ExplanationCancelledError where ``cancel`` is set while waiting for another thread.
        """
        with self._asks(owner), self._turn(cancel):
            result = self.get(key, owner)
            if result is None:
                result = work()
                if whole(result):
                    self.put(key, result, owner)
            return result

    def get(self, key: tuple, owner: str = "") -> Any:
        """The result under ``key``, from now on ``owner``'s too, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            if owner not in self._forgotten:
                entry.owners.add(owner)
            return entry.result

    def put(self, key: tuple, result: Any, owner: str = "") -> None:
        """Remember a result; not for an owner who was forgotten while it was computed."""
        with self._lock:
            if owner in self._forgotten:
                return
            known = self._entries.get(key)
            self._entries[key] = _Entry(result, {owner} | (known.owners if known else set()))
            self._entries.move_to_end(key)
            while len(self._entries) > self.room:
                self._entries.popitem(last=False)

    def forget(self, owner: str) -> None:
        """Drop what was remembered for ``owner`` alone, and what is being computed for them when it is done. Does not
        wait for it."""
        with self._lock:
            if self._asking[owner]:
                self._forgotten.add(owner)
            for key, entry in list(self._entries.items()):
                entry.owners.discard(owner)
                if not entry.owners:
                    del self._entries[key]

    @contextlib.contextmanager
    def _asks(self, owner: str) -> Iterator[None]:
        with self._lock:
            self._asking[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking[owner] -= 1
                if not self._asking[owner]:
                    del self._asking[owner]
                    self._forgotten.discard(owner)

    @contextlib.contextmanager
    def _turn(self, cancel: Cancel | None) -> Iterator[None]:
        while not self._turn_lock.acquire(timeout=0.05):
            if cancel is not None and cancel.is_set():
                raise ExplanationCancelledError("Cancelled while waiting for another explanation.", "Start it again.")
        try:
            yield
        finally:
            self._turn_lock.release()
