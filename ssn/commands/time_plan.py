"""How the minutes of ``train`` alone are shared out: by the clock, so that a slow or a busy machine is done as soon.

Drawing people comes first; so many are drawn as the machine's pace allows. What is left is divided over the stages when
they begin, less what the work costs that cannot be cut short, at the pace that was seen by then. Each stage follows its
schedule by steps or by the clock, whichever is ahead. A run that goes on keeps what it was given.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from ssn.errors import DataError
from ssn.files import write_json
from ssn.people.casting import judge

SAFE = 0.95
"""Share of the minutes that is given away."""
DRAWING = 0.3
"""Share of them that drawing people may take."""
SHARES = {"distill": 0.78, "search": 0.1, "finetune": 0.12}
"""Of what is left for the stages."""
LEAST = 0.25
"""Share of what is left that the stages get, however long the rest may take."""
CANDIDATES, PHOTOS, STARTING = 1.4, 0.7, 60.0
"""Faces that are judged for a person of the cast; what a photo costs, and starting the processes that draw them, both
beside judging a face."""
JUDGED = 6
"""Faces the pace is measured on."""


def pace() -> float:
    """Seconds that judging one drawn face takes on one thread, as those who draw have it, once all is loaded."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        judge(0)
        begun = time.monotonic()
        for number in range(1, JUDGED + 1):
            judge(number)
        return (time.monotonic() - begun) / JUDGED
    finally:
        torch.set_num_threads(threads)


def affordable(choices: Sequence[int], photos: int, known: bool, seconds: float, face: float) -> int:
    """The most people, each of ``photos``, of ``choices`` whose drawing takes at most ``seconds`` at ``face`` seconds a
    face, without their casting where they are ``known``; the fewest where none does."""
    person = PHOTOS * photos + (0 if known else CANDIDATES)
    return max((n for n in choices if face * (STARTING + person * n) <= seconds), default=min(choices))


class TimePlan:
    """What was given to whom of ``minutes``, from now on, in ``file``; with ``resume`` that of the run before stands.

    Raises DataError for no time, or a file that is no plan.
    """

    def __init__(self, minutes: float, file: Path, resume: bool = False):
        if not minutes > 0:
            raise DataError(f"{minutes:g} minutes are no time.", "Use --minutes 10, or what there is.")
        self.file, self.begun, self.total = file, time.monotonic(), 60 * minutes
        self.given: dict[str, float] = _read(file) if resume and file.is_file() else {}
        self.to_come: dict[str, float] = {}
        """Work that cannot be cut short and is not done yet, by name, in seconds."""

    def left(self) -> float:
        """Seconds that can still be given away; none are below 0."""
        return max(0.0, SAFE * self.total - self.spent())

    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begun

    def people(self, choices: Sequence[int], photos: int, known: bool) -> int:
        """How many training people are drawn, as ``affordable`` has it."""
        if "people" not in self.given:
            self._give({"people": affordable(choices, photos, known, DRAWING * self.total, pace())})
        return int(self.given["people"])

    def seconds(self, stages: Iterable[str]) -> dict[str, float]:
        """The stages that begin now, one after the other → their seconds."""
        names, order = list(stages), list(SHARES)
        if not set(names) <= self.given.keys():
            rest = max(self.left() - sum(self.to_come.values()), LEAST * self.left())
            whole = sum(SHARES[name] for name in order[order.index(names[0]) :])
            self._give({name: max(1.0, rest * SHARES[name] / whole) for name in names})
        return {name: self.given[name] for name in names}

    def _give(self, what: dict[str, float]) -> None:
        self.given |= what
        write_json(self.given, self.file)


def _read(file: Path) -> dict[str, float]:
    try:
        return {str(name): float(value) for name, value in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is no plan of a run.", "Start without --resume.") from error
