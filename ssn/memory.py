"""What takes memory: how many bytes values hold; and work that does not fit: smaller batches, in the end a sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import TypeVar

import numpy as np
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


def bytes_held(*things: object) -> int:
    """Bytes of the arrays, tensors, texts and byte strings that these values hold through dataclasses, mappings,
    tuples, lists and sets. What several of them share is counted once; other values count nothing."""
    seen: set[int] = set()
    total, waiting = 0, list(things)
    while waiting:
        thing = waiting.pop()
        while isinstance(thing, np.ndarray) and isinstance(thing.base, np.ndarray):
            thing = thing.base  # a view keeps the whole
        name = thing.untyped_storage().data_ptr() if isinstance(thing, torch.Tensor) else id(thing)
        if name in seen:
            continue
        seen.add(name)
        if isinstance(thing, np.ndarray):
            total += thing.nbytes
        elif isinstance(thing, torch.Tensor):
            total += thing.untyped_storage().nbytes()
        elif isinstance(thing, str | bytes | bytearray):
            total += len(thing)
        elif isinstance(thing, Mapping):
            waiting += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set | frozenset):
            waiting += thing
        elif is_dataclass(thing) and not isinstance(thing, type):
            waiting += [getattr(thing, field.name) for field in fields(thing)]
    return total


def free_memory(device: torch.device) -> int:
    """Bytes of a GPU that are free: those its driver has, and those PyTorch holds back for whoever asks next."""
    held_back = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + held_back


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
