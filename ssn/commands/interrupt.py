"""Ctrl+C while many things are done one after the other: the one under way is finished first."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class Interrupted:
    """True once somebody pressed Ctrl+C."""

    def __init__(self):
        self._pressed = False

    def __bool__(self) -> bool:
        return self._pressed

    def press(self) -> None:
        """A second time is meant: raises KeyboardInterrupt."""
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupted]:
    """``with interruptible() as stop: … if stop: break``. Outside the main thread nobody can be interrupted."""
    stop = Interrupted()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, lambda *_: stop.press())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
