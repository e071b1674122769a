"""Turns at what only so many may do at a time: first come, first served."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """As ``threading.Semaphore``, which however lets whoever asks at the right moment pass those who wait: with many
    visitors at once most are answered soon, and a few not for a long time. Here a turn that ends is handed to whoever
    waits longest."""

    def __init__(self, count: int):
        self._lock = threading.Lock()
        self._free = count
        self._waiting: deque[threading.Event] = deque()

    def acquire(self, cancel: threading.Event | None = None) -> bool:
        """Wait for a turn → True; False where ``cancel`` is set before there is one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        while not mine.wait(None if cancel is None else 0.05):
            if cancel is not None and cancel.is_set() and self._left(mine):
                return False
        return True

    def take(self) -> bool:
        """A turn, where one is free → was there one?"""
        with self._lock:
            if not self._free:
                return False
            self._free -= 1
            return True

    def release(self) -> None:
        """End a turn."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _left(self, mine: threading.Event) -> bool:
        """Wait no more; False where the turn has come meanwhile."""
        with self._lock:
            if mine.is_set():
                return False
            self._waiting.remove(mine)
            return True
