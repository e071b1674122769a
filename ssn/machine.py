"""What the machine can do, looked at once at the start of a run."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast, get_args

import torch
from threadpoolctl import ThreadpoolController

from ssn.errors import DeviceError, OptionError

Precision = Literal["float32", "bfloat16"]
PRECISIONS = ("auto", *get_args(Precision))
"""What a network may be asked to compute in."""
LARGEST_KEPT = 2**23
"""Bytes from which on a freed block is given back at once. Kept ones leave gaps that the next block, a little larger,
does not fit: with 32 MB, the most glibc allows, a thousand pictures of all sizes leave a third of a server's memory
unused, and to look at a face or to explain it is faster by less than two percent."""


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` | ``cpu`` | ``cuda`` | ``cuda:1`` → the device. Raises DeviceError for a GPU that is not there.

    On a GPU float32 is from then on float32: cuDNN's convolutions would round it to TensorFloat-32, whose ten bits move
    a score as bfloat16 does and drown a finite difference. What may be less exact asks for bfloat16.
    """
    device = _named(name)
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    return device


def _named(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"{name!r} is no device.", "Use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("PyTorch sees no GPU here.", "Use --device cpu, or install a CUDA build and driver.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"There is no GPU number {device.index}.", f"PyTorch sees {torch.cuda.device_count()}.")
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"{name!r} is not supported.", "Use auto, cpu or cuda.")
    return device


def has_fast_bfloat16(device: torch.device) -> bool:
    """Does bfloat16 run on its own units: a GPU that has it, or a processor with AMX or AVX512-BF16?"""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def choose_precision(name: str, device: torch.device) -> Precision:
    """One of ``PRECISIONS`` → what is computed in: ``auto`` is bfloat16 where that has units of its own, else float32.
    Raises DeviceError for bfloat16 where it has none, and OptionError for an unknown name."""
    if name not in PRECISIONS:
        raise OptionError(f"{name!r} is no precision.", f"Use {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}.")
    able = has_fast_bfloat16(device)
    if name == "bfloat16" and not able:
        raise DeviceError("This device has no units for bfloat16, which would be slower.", "Use --precision auto.")
    return ("bfloat16" if able else "float32") if name == "auto" else cast(Precision, name)


def autocast(device: torch.device, enabled: bool):
    """bfloat16 autocast on ``device``, or nothing."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if enabled else contextlib.nullcontext()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """What PyTorch computes in this thread meanwhile is not shared among processors. Many small steps, as a detector's,
    gain little by that, and where other threads are at work as well each step waits until all its parts had a turn."""
    torch.get_num_threads()  # a thread's count is PyTorch's own from its first work on: that was it
    with _thread_pools().limit(limits=1, user_api="openmp"):
        yield


@lru_cache(maxsize=1)
def _thread_pools() -> ThreadpoolController:
    """Those of the libraries that are loaded when it is first asked for: PyTorch's is."""
    return ThreadpoolController()


def keep_freed_memory() -> bool:
    """Tell glibc to keep large freed blocks for reuse: activations are then not returned to the system and faulted in
    again at every step (a third of a step at batch 64). True where it took effect."""
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    return _set_malloc({mmap_max: 0, trim_threshold: 2**31 - 1, top_pad: 2**28})


def share_freed_memory() -> bool:
    """Tell glibc to take all threads' memory from one pool, and to keep what is freed for whoever asks next. By itself
    it makes pools for threads, eight a core, of which each keeps what the largest work it ever met has freed: a server
    of many threads grows for as long as it is used. And whenever the end of a pool is free it is given back, to be
    asked for again at the next photo: what such a server holds goes up and down. To be called before there are threads;
    what nobody needs any more is given back by ``give_back_freed_memory``. True where it took effect."""
    trim_threshold, mmap_threshold, most_pools = -1, -3, -8
    return _set_malloc({most_pools: 1, mmap_threshold: LARGEST_KEPT, trim_threshold: 2**31 - 1})


def give_back_freed_memory() -> bool:
    """Return to the system what is freed and kept, which takes tens of milliseconds. True where there was any."""
    trim = _glibc("malloc_trim")
    return trim is not None and bool(trim(0))


def settle_garbage() -> None:
    """What is there now stays, and Python's collector looks at it no more. By itself the collector looks at what has
    lived for a while only once a quarter has come to it: beside the libraries of a server that is what hundreds of
    requests leave behind in circles, with everything it holds. To be called once, when all that stays is there."""
    gc.collect()
    gc.freeze()
    gc.collect()  # the quarter is of what this one finds: nothing


def _set_malloc(options: dict[int, int]) -> bool:
    """glibc's ``mallopt`` by the numbers of its options. True where all of them took effect."""
    mallopt = _glibc("mallopt")
    return mallopt is not None and all(mallopt(option, value) for option, value in options.items())


def _glibc(name: str) -> Callable[..., int] | None:
    """A function of glibc by its name; None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):
        return None
