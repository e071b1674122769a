"""What the evaluation tab keeps of one visitor: the run under way, those that are done, and the two that are shown."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from app.kit.running import Running
from app.session import Part
from ssn.evaluation.mistakes import Mistake
from ssn.evaluation.report_parts import GroupRow, PicturePair
from ssn.evaluation.summary import RunSummary
from ssn.memory import bytes_held

REMEMBERED = 6
"""Runs kept while the page is open; the oldest makes room."""


@dataclass(frozen=True)
class Shown:
    """One run: its summary and, where it was measured here, its worst errors with their pictures."""

    name: str
    summary: RunSummary
    mistakes: tuple[Mistake, ...] = ()
    pairs: tuple[PicturePair, ...] = ()
    groups: tuple[GroupRow, ...] = ()


class Visit(Part):
    """``running`` is the run under way, one at a time. Safe to use from several threads."""

    def __init__(self):
        self.runs: OrderedDict[str, Shown] = OrderedDict()
        self._bytes: dict[str, int] = {}
        self.shown: tuple[Shown, ...] = ()
        self.running = Running()
        self._lock = threading.Lock()

    def add(self, run: Shown) -> None:
        """Keep a run."""
        with self._lock:
            self.runs[run.name], self._bytes[run.name] = run, bytes_held(run)
            self.runs.move_to_end(run.name)
            while len(self.runs) > REMEMBERED:
                self._forget(next(iter(self.runs)))

    def _forget(self, name: str) -> None:
        del self.runs[name], self._bytes[name]

    def weight(self) -> int:
        with self._lock:
            return sum(self._bytes.values())

    def make_room(self) -> bool:
        """The oldest run that is not shown."""
        with self._lock:
            shown = {run.name for run in self.shown}
            oldest = next((name for name in self.runs if name not in shown), None)
            if oldest is not None:
                self._forget(oldest)
            return oldest is not None

    def leave(self) -> None:
        self.running.stop()
