"""Long work in a thread of its own, with its progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

Result = TypeVar("Result")


def in_background(work: Callable[[Callable[[float], None]], Result], every: float = 0.25) -> Iterator[float | Result]:
    """Run ``work`` in a thread: yields its progress in [0, 1] every ``every`` seconds, and its result last. What it
    raises is raised here."""
    told = [0.0]
    outcome: list[Result | BaseException] = []

    def run() -> None:
        try:
            outcome.append(work(lambda share: told.__setitem__(0, share)))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        yield told[0]
        thread.join(every)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    yield outcome[0]
