"""How the minutes of ``train`` alone are shared out: by the clock, so that a slow or a busy machine is done as soon.

Drawing people comes first; so many are drawn as the machine's pace allows. What is left is divided over the stages when
they begin, and each follows its schedule by steps or by the clock, whichever is ahead. A run that goes on keeps what it
was given.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from ssn.errors import DataError
from ssn.files import write_json
from ssn.people.casting import judge

SAFE = 0.93
"""Share of the minutes that is given away: what is not timed may take longer than thought."""
DRAWING = 0.3
"""Share of them that drawing people may take."""
SHARES = {"distill": 0.64, "search": 0.08, "finetune": 0.1, "measure": 0.18}
"""Of what is left when they begin, with all that is to come after them. What is not limited stands in the last."""
CANDIDATES, PHOTOS = 1.6, 0.4
"""Faces that are judged for a person of the cast, and what a photo costs beside judging a face."""
JUDGED = 6
"""Faces the pace is measured on."""


def pace() -> float:
    """Seconds that judging one drawn face takes, once everything it needs is loaded."""
    judge(0)
    begun = time.monotonic()
    for number in range(1, JUDGED + 1):
        judge(number)
    return (time.monotonic() - begun) / JUDGED


def affordable(choices: Sequence[int], tested: int, photos: int, seconds: float, face: float) -> int:
    """The most training people, each of ``photos``, of ``choices`` whose drawing takes at most ``seconds`` at ``face``
    seconds a face, beside ``tested`` others; the fewest where none does."""
    cost = {people: face * (CANDIDATES * (people + tested) + PHOTOS * photos * people) for people in choices}
    return max((people for people, needed in cost.items() if needed <= seconds), default=min(choices))


class TimePlan:
    """What was given to whom of ``minutes``, from now on, in ``file``; with ``resume`` that of the run before stands.

    Raises DataError for no time, or a file that is no plan.
    """

    def __init__(self, minutes: float, file: Path, resume: bool = False):
        if not minutes > 0:
            raise DataError(f"{minutes:g} minutes are no time.", "Use --minutes 10, or what there is.")
        self.file, self.begun, self.total = file, time.monotonic(), 60 * minutes
        self.given: dict[str, float] = _read(file) if resume and file.is_file() else {}

    def left(self) -> float:
        """Seconds still to be given away; none are below 0."""
        return max(0.0, SAFE * self.total - self.spent())

    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begun

    def people(self, choices: Sequence[int], tested: int, photos: int) -> int:
        """How many training people are drawn, as ``affordable`` has it."""
        if "people" not in self.given:
            known = choices[0] if len(choices) == 1 else None
            found = known or affordable(choices, tested, photos, DRAWING * self.total, pace())
            self._give({"people": found})
        return int(self.given["people"])

    def seconds(self, stages: Iterable[str]) -> dict[str, float]:
        """The stages that begin now, one after the other → their seconds."""
        names, order = list(stages), list(SHARES)
        if not set(names) <= self.given.keys():
            to_come = sum(SHARES[name] for name in order[order.index(names[0]) :])
            self._give({name: max(1.0, self.left() * SHARES[name] / to_come) for name in names})
        return {name: self.given[name] for name in names}

    def _give(self, what: dict[str, float]) -> None:
        self.given |= what
        write_json(self.given, self.file)


def _read(file: Path) -> dict[str, float]:
    try:
        return {str(name): float(value) for name, value in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is no plan of a run.", "Start without --resume.") from error
