"""The next draw while the present one is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def tensors_in(drawn: Any) -> Iterator[Tensor]:
    """All tensors of a tensor, a list or tuple, or a dataclass, however deep."""
    if isinstance(drawn, Tensor):
        yield drawn
    elif isinstance(drawn, (list, tuple)):
        for each in drawn:
            yield from tensors_in(each)
    elif is_dataclass(drawn) and not isinstance(drawn, type):
        yield from tensors_in([getattr(drawn, field.name) for field in fields(drawn)])


class Ahead(Generic[T]):
    """``draw(number)``, whose next number is drawn in a thread meanwhile. A draw depends on nothing but its number, so
    what comes does not depend on the thread. Where ``device`` is a GPU it is drawn in a stream of its own, so that the
    thread never waits for what the GPU is told to learn."""

    def __init__(self, draw: Callable[[int], T], device: torch.device | None = None):
        self._draw = draw
        self._stream = torch.cuda.Stream(device) if device is not None and device.type == "cuda" else None
        self._pool: ThreadPoolExecutor | None = None
        self._coming: tuple[int, Future[tuple[T, torch.cuda.Event | None]]] | None = None

    def take(self, number: int) -> T:
        """Draw ``number``, and begin with the one after it."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1)
        coming, self._coming = self._coming, None
        if coming is None or coming[0] != number:
            if coming is not None:
                coming[1].cancel()
            coming = number, self._pool.submit(self._drawn, number)
        drawn, done = coming[1].result()
        self._coming = number + 1, self._pool.submit(self._drawn, number + 1)
        if done is not None:
            self._hand_over(drawn, done)
        return drawn

    def _drawn(self, number: int) -> tuple[T, torch.cuda.Event | None]:
        """A draw, and on a GPU when it is done."""
        if self._stream is None:
            return self._draw(number), None
        with torch.cuda.stream(self._stream):
            drawn = self._draw(number)
            return drawn, self._stream.record_event()

    def _hand_over(self, drawn: T, done: torch.cuda.Event) -> None:
        """Let the caller's stream wait for a draw, and its memory be used again only when that is done with it."""
        assert self._stream is not None
        user = torch.cuda.current_stream(self._stream.device)
        user.wait_event(done)
        for tensor in tensors_in(drawn):
            if tensor.is_cuda:
                tensor.record_stream(user)

    def close(self) -> None:
        """End the thread; taking again starts another."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool, self._coming = None, None
