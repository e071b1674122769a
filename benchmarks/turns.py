"""Works that are timed in turn, so that whatever else the machine does meets them all, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Work = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """Seconds of one work, by round; ``over`` compares round with round, where the machine was about equally busy."""

    seconds: tuple[float, ...]

    def at(self, percent: float) -> float:
        """A percentile, in seconds."""
        return float(np.percentile(self.seconds, percent))

    def over(self, other: Times) -> float:
        """How many times as long as ``other``, the median of the rounds' ratios."""
        return float(np.median(np.array(self.seconds) / np.array(other.seconds)))


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "processor": time.process_time}
"""What is counted: seconds that pass, or seconds that this process's threads compute, which other programs on a busy
machine take less from."""


def in_turn(works: Mapping[str, Work], rounds: int, clock: str = "wall") -> dict[str, Times]:
    """Each work once a round, after a round that does not count. Every second round goes backwards, so that none always
    follows the same one. ``clock`` is one of ``CLOCKS``."""
    names, now = list(works), CLOCKS[clock]
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(-1, rounds):
        for name in names if number % 2 else reversed(names):
            begun = now()
            works[name]()
            if number >= 0:
                taken[name].append(now() - begun)
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}
