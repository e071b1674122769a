"""The next draw while the present one is used."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """``draw(number)``, whose next number is drawn in a thread meanwhile. A draw depends on nothing but its number, so
    what comes does not depend on the thread."""

    def __init__(self, draw: Callable[[int], T]):
        self._draw = draw
        self._pool: ThreadPoolExecutor | None = None
        self._coming: tuple[int, Future[T]] | None = None

    def take(self, number: int) -> T:
        """Draw ``number``, and begin with the one after it."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1)
        coming, self._coming = self._coming, None
        if coming is None or coming[0] != number:
            if coming is not None:
                coming[1].cancel()
            coming = number, self._pool.submit(self._draw, number)
        drawn = coming[1].result()
        self._coming = number + 1, self._pool.submit(self._draw, number + 1)
        return drawn

    def close(self) -> None:
        """End the thread; taking again starts another."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool, self._coming = None, None
