"""Long work in a thread of its own, with its progress and what there is already."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

BEHIND = "behind the page: "


def behind_the_page(work: Callable[[], None], what: str) -> threading.Thread:
    """Begin ``work`` that nobody waits for; ``what`` it is stands in the thread's name."""
    thread = threading.Thread(target=work, daemon=True, name=BEHIND + what)
    thread.start()
    return thread


def let_end(seconds: float) -> None:
    """Wait until nothing is worked at behind the page, so long at most for each. A thread in the middle of foreign code
    would take the ending process down with an abort."""
    for thread in threading.enumerate():
        if thread.name.startswith(BEHIND):
            thread.join(seconds)


def in_background(work: Callable[[Callable[[Any], None]], Any], every: float = 0.25) -> Iterator[Any]:
    """Run ``work`` in a thread. Yields its progress in [0, 1] every ``every`` seconds, parts of the result as soon as
    they are told, and the result last. What it raises is raised here."""
    told = 0.0
    heard: SimpleQueue[Any] = SimpleQueue()
    outcome: list[Any] = []

    def hear(now: Any) -> None:
        nonlocal told
        if isinstance(now, float):
            told = now
        else:
            heard.put(now)

    def run() -> None:
        try:
            outcome.append(work(hear))
        except BaseException as error:
            outcome.append(error)
        finally:
            heard.put(None)

    threading.Thread(target=run, daemon=True).start()
    yield told
    while True:
        try:
            part = heard.get(timeout=every)
        except Empty:
            yield told
            continue
        if part is None:
            break
        yield part
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    yield outcome[0]
