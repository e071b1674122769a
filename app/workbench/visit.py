"""What the workbench keeps of one visitor: the bench, the explanation that runs, and those already made."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from app.session import Part
from app.workbench.bench import Bench
from app.workbench.reasons import Reason
from ssn.explanation.cache import Memory

REMEMBERED = 16
"""Explanations, measures and controls kept while the page is open."""


@dataclass(frozen=True)
class Run:
    """One explanation under way, of ``bench`` as it was at ``revision``."""

    bench: Bench
    revision: int
    cancel: threading.Event = field(default_factory=threading.Event)


class Visit(Part):
    """``put``, ``amend`` and ``begin`` belong into the session's turn; the others may be called at any time."""

    def __init__(self) -> None:
        self.bench: Bench | None = None
        self.revision = 0
        self.memory = Memory(REMEMBERED)
        self._handed: Bench | None = None
        self._run: Run | None = None
        self._newest: tuple[str, int] = ("", 0)
        self._lock = threading.Lock()
        self._reason: tuple[int, Reason] | None = None

    @property
    def reason(self) -> Reason | None:
        """The explanation that stands on the page: the last one shown of this bench."""
        with self._lock:
            return None if self._reason is None or self._reason[0] != self.revision else self._reason[1]

    def explained(self, run: Run, reason: Reason) -> None:
        """This explanation is shown."""
        with self._lock:
            self._reason = (run.revision, reason)

    def put(self, bench: Bench) -> None:
        """The next bench. What was being explained of the one before is stopped, and will not be shown."""
        with self._lock:
            self.bench = bench
            self.revision += 1
        self.interrupt()

    def hand_over(self, bench: Bench) -> None:
        """Another tab's bench, to be shown when the workbench opens."""
        with self._lock:
            self._handed = bench

    def handed_over(self) -> Bench | None:
        """What another tab handed over, once."""
        with self._lock:
            bench, self._handed = self._handed, None
            return bench

    def amend(self, bench: Bench) -> None:
        """The same bench, judged otherwise: what is being explained of it goes on."""
        with self._lock:
            self.bench = bench

    def begin(self, bench: Bench) -> Run:
        """An explanation of this bench starts, in place of one that may still run."""
        self.interrupt()
        with self._lock:
            self._run = Run(bench, self.revision)
            return self._run

    def is_current(self, run: Run) -> bool:
        """Does this explanation still belong to what the page shows, and to what was asked for last?"""
        with self._lock:
            same = self.bench is not None and self.bench.token == run.bench.token and self.revision == run.revision
            return same and self._run is run

    def end(self, run: Run) -> None:
        """Nothing more comes of this explanation."""
        run.cancel.set()
        with self._lock:
            if self._run is run:
                self._run = None

    def stop(self) -> bool:
        """Ask the explanation under way to stop and show what there is → was there one?"""
        with self._lock:
            run = self._run
        if run is not None:
            run.cancel.set()
        return run is not None

    def interrupt(self) -> None:
        """Stop the explanation under way and show nothing more of it: a step is about to change what it belongs to.
        Asked for when the step arrives, so that the step's own answer is the last that reaches the page."""
        with self._lock:
            run, self._run = self._run, None
        if run is not None:
            run.cancel.set()

    def arrived(self, token: str, number: int) -> None:
        """A stroke on the face of ``token`` is here; it may have to wait for its turn."""
        with self._lock:
            same_face = token == self._newest[0]
            self._newest = (token, max(number, self._newest[1]) if same_face else number)

    def overtaken(self, token: str, number: int) -> bool:
        """Is a later stroke on the same face already waiting? Its mask holds this one too."""
        with self._lock:
            return token == self._newest[0] and number < self._newest[1]

    def leave(self) -> None:
        self.interrupt()
