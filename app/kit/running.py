"""Long work of one visitor, which the visitor can end: at most one at a time."""

from __future__ import annotations

import threading


class Running:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._cancel: threading.Event | None = None
        self._lock = threading.Lock()

    def begin(self) -> threading.Event | None:
        """Work starts → what ends it when set; None where some is under way."""
        with self._lock:
            if self._cancel is not None:
                return None
            self._cancel = threading.Event()
            return self._cancel

    def end(self) -> None:
        """Nothing is under way any more; what still is, unseen, ends too."""
        with self._lock:
            if self._cancel is not None:
                self._cancel.set()
            self._cancel = None

    def stop(self) -> None:
        """Ask the work under way to end."""
        with self._lock:
            if self._cancel is not None:
                self._cancel.set()
