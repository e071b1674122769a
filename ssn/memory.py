"""Work that does not fit into memory: smaller batches, and in the end a sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from ssn.errors import MemoryShortError

R = TypeVar("R")
PHRASES = ("can't allocate memory", "not enough memory", "out of memory", "cannot allocate memory")
"""How PyTorch says it on a processor, where it has no error of its own for it."""


def is_short(error: BaseException) -> bool:
    """Was there no memory left, in Python, on a processor or on a GPU?"""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in PHRASES)


def in_batches(count: int, size: int, work: Callable[[slice], R]) -> list[R]:
    """``work`` on the parts of ``range(count)``, in order, ``size`` at a time; where memory is short, on ever smaller
    parts. Raises MemoryShortError where not even a single one fits."""
    done: list[R] = []
    start = 0
    while start < count:
        try:
            done.append(work(slice(start, min(start + size, count))))
            start += size
            continue
        except (MemoryError, RuntimeError) as error:
            if not is_short(error):
                raise
            if size == 1:
                raise _too_little() from error
        size = max(size // 2, 1)  # here, where the failed attempt holds nothing any more
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return done


@contextlib.contextmanager
def memory_in_words() -> Iterator[None]:
    """What does not fit into memory becomes a MemoryShortError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_short(error):
            raise _too_little() from error
        raise


def _too_little() -> MemoryShortError:
    return MemoryShortError("There is not enough memory for this.", "Close other programs, or use a smaller picture.")
