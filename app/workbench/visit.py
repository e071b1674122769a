"""What the workbench keeps of one visitor: the bench, the states left behind, those pinned, what runs, and explanations
already made."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

from app.session import Part
from app.workbench.bench import Bench
from app.workbench.reasons import Reason
from app.workbench.trail import Trail, same_looks, weight
from ssn.explanation.cache import Memory
from ssn.memory import bytes_held

REMEMBERED = 40
"""Explanations, measures and controls kept while the page is open."""
MOST_PINNED = 2
"""States pinned at a time; the next one takes the oldest one's place."""
Kind = Literal["why", "sweep"]
"""What may be under way, one of each at a time."""


@dataclass(frozen=True)
class Run:
    """One explanation or sweep under way, of ``bench`` as it was at ``revision``."""

    bench: Bench
    revision: int
    kind: Kind = "why"
    cancel: threading.Event = field(default_factory=threading.Event)


class Visit(Part):
    """``put``, ``amend`` and ``begin`` belong into the session's turn; the others may be called at any time."""

    def __init__(self) -> None:
        self.bench: Bench | None = None
        self.revision = 0
        self.memory = Memory(REMEMBERED)
        self.trail = Trail()
        self.pinned: tuple[Bench, ...] = ()
        self._trail_shown = 0
        self._handed: Bench | None = None
        self._runs: dict[Kind, Run] = {}
        self._newest: tuple[str, int] = ("", 0)
        self._lock = threading.Lock()
        self._reason: tuple[int, Reason] | None = None
        self._weighed: tuple[tuple[Bench, ...], int] = ((), 0)

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
        """The next bench. What was under way with the one before is stopped, and will not be shown."""
        with self._lock:
            self.trail.follow(self.bench, bench)
            self.bench = bench
            self.revision += 1
            self.forgotten = False
        self.interrupt()

    def pin(self, bench: Bench) -> None:
        """This state is one side of the comparisons to come."""
        with self._lock:
            others = [state for state in self.pinned if not same_looks(state, bench)]
            self.pinned = (*others, bench)[-MOST_PINNED:]

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

    def trail_changed(self) -> bool:
        """Are there other states to return to than when this was last asked?"""
        with self._lock:
            shown, self._trail_shown = self._trail_shown, self.trail.version
            return shown != self.trail.version

    def begin(self, bench: Bench, kind: Kind = "why") -> Run:
        """An explanation or a sweep of this bench starts, in place of one that may still run."""
        with self._lock:
            before = self._runs.get(kind)
            run = self._runs[kind] = Run(bench, self.revision, kind)
        if before is not None:
            before.cancel.set()
        return run

    def is_current(self, run: Run) -> bool:
        """Does this run still belong to what the page shows, and to what was asked for last?"""
        with self._lock:
            same = self.bench is not None and self.bench.token == run.bench.token and self.revision == run.revision
            return same and self._runs.get(run.kind) is run

    def end(self, run: Run) -> None:
        """Nothing more comes of this run."""
        run.cancel.set()
        with self._lock:
            if self._runs.get(run.kind) is run:
                del self._runs[run.kind]

    def stop(self, kind: Kind = "why") -> bool:
        """Ask what is under way to stop and show what there is → was there anything?"""
        with self._lock:
            run = self._runs.get(kind)
        if run is not None:
            run.cancel.set()
        return run is not None

    def interrupt(self) -> None:
        """Stop everything under way and show nothing more of it: a step is about to change what it belongs to.
        Asked for when the step arrives, so that the step's own answer is the last that reaches the page."""
        with self._lock:
            runs = list(self._runs.values())
            self._runs.clear()
        for run in runs:
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

    def weight(self) -> int:
        """Of benches and explanations. Benches are weighed anew only where there are others."""
        with self._lock:
            states = (state.bench for state in self.trail.states)
            held = (self.bench, *self.pinned, self._handed, *states)
            benches = tuple(bench for bench in held if bench is not None)
            if list(map(id, benches)) != list(map(id, self._weighed[0])):
                self._weighed = benches, weight(benches)
            return self._weighed[1] + self.memory.bytes + bytes_held(self._reason)

    def make_room(self) -> bool:
        """First of explanations, which can be made again, then of the states left behind."""
        if self.memory.make_room():
            return True
        with self._lock:
            return self.trail.make_room()

    def leave(self) -> None:
        self.interrupt()
