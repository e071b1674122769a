"""Ctrl+C, or another wish to end, while many things are done one after the other: the one under way is finished
first."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

WISHES = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
"""To end: of somebody at the keys, of a system that stops a service or shuts down, of a terminal that is closed."""


class Interrupted:
    """True once somebody pressed Ctrl+C, or wished an end in another way."""

    def __init__(self):
        self._signal = 0

    def __bool__(self) -> bool:
        return bool(self._signal)

    @property
    def status(self) -> int:
        """Exit status as shells give it: 130 after Ctrl+C, 143 after SIGTERM; 0 without."""
        return 128 + self._signal if self._signal else 0

    def press(self, number: int) -> None:
        """A second time is meant: raises KeyboardInterrupt."""
        if self._signal:
            raise KeyboardInterrupt
        self._signal = number


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupted]:
    """``with interruptible() as stop: … if stop: break``. Outside the main thread nobody can be interrupted."""
    stop = Interrupted()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN if hasattr(signal, "SIGHUP") else False
    wishes = [wish for wish in WISHES if not (ignored and wish == signal.SIGHUP)]  # nohup's wish is to go on
    before = {wish: signal.signal(wish, lambda number, _: stop.press(number)) for wish in wishes}
    try:
        yield stop
    finally:
        for wish, handler in before.items():
            signal.signal(wish, signal.SIG_DFL if handler is None else handler)
