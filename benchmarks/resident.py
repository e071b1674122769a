"""How much memory a program holds while it works: this process and all it has started, sampled."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def tree(root: int) -> list[int]:
    """A process and all below it."""
    children = []
    for task in Path(f"/proc/{root}/task").glob("*"):
        try:
            children += [int(pid) for pid in (task / "children").read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
    return [root, *(pid for child in children for pid in tree(child))]


def megabytes(pid: int) -> float:
    """What a process holds of memory, pages that it shares with others in parts (Pss); 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


class Watch:
    """``with Watch() as seen: …`` → ``seen.peak``, MB of this process and all it started, together, at most."""

    def __init__(self, every: float = 0.5):
        self.every, self.peak = every, 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, sum(map(megabytes, tree(os.getpid()))))
            if self._over.wait(self.every):
                return
