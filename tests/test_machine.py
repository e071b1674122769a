"""Which device is chosen, and what is refused."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading

import pytest
import torch

from ssn import errors
from ssn.errors import DeviceError, OptionError, SeveralFacesError, SSNError
from ssn.machine import autocast, choose_device, choose_precision, has_fast_bfloat16, one_thread


def gpus(monkeypatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch):
    gpus(monkeypatch, 0)
    assert choose_device("auto") == torch.device("cpu")
    gpus(monkeypatch, 1)
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_gpu_that_is_not_there_is_refused(monkeypatch, name):
    gpus(monkeypatch, 0)
    with pytest.raises(DeviceError, match="no GPU"):
        choose_device(name)


def test_a_gpu_beyond_the_last_one_is_refused(monkeypatch):
    gpus(monkeypatch, 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceError, match="number 2"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["", "gpu", "tpu", "cuda:x", "meta", "mps"])
def test_what_is_no_device_of_ours_is_refused(monkeypatch, name):
    gpus(monkeypatch, 1)
    with pytest.raises(DeviceError):
        choose_device(name)


@pytest.mark.parametrize(
    ("flags", "fast"), [("fpu avx2", False), ("amx_bf16 avx2", True), ("avx512_bf16", True), ("avx512f", False)]
)
def test_bfloat16_is_used_only_where_the_processor_says_it_has_it(monkeypatch, flags, fast):
    monkeypatch.setattr("ssn.machine.Path.read_text", lambda self: f"flags : {flags}\n")
    assert has_fast_bfloat16(torch.device("cpu")) is fast


def test_without_a_description_of_the_processor_bfloat16_is_not_used(monkeypatch):
    def missing(self):
        raise FileNotFoundError

    monkeypatch.setattr("ssn.machine.Path.read_text", missing)
    assert has_fast_bfloat16(torch.device("cpu")) is False


def test_autocast_is_bfloat16_or_nothing():
    a = torch.ones(4, 4)
    with autocast(torch.device("cpu"), True):
        assert (a @ a).dtype == torch.bfloat16
    with autocast(torch.device("cpu"), False):
        assert (a @ a).dtype == torch.float32


def test_every_error_meant_for_people_has_one_base_and_says_what_and_what_to_do():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert len(kinds) > 8
    assert all(issubclass(kind, SSNError) for kind in kinds)
    error = SeveralFacesError("Two faces.", "Choose one.", count=2)
    assert (str(error), error.what, error.hint, error.count) == (
        "Two faces. Choose one.",
        "Two faces.",
        "Choose one.",
        2,
    )
    assert str(SSNError("Only this.")) == "Only this."


POOLS = """
import ctypes, sys, threading
from ssn.machine import share_freed_memory
if sys.argv[1] == "shared":
    assert share_freed_memory()
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.open_memstream.restype = ctypes.c_void_p
libc.fclose.argtypes = [ctypes.c_void_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
together = threading.Barrier(8)
def work():
    together.wait(60)
    for _ in range(50):
        libc.free(libc.malloc(100_000))
    together.wait(60)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
text, size = ctypes.c_char_p(), ctypes.c_size_t()
stream = libc.open_memstream(ctypes.byref(text), ctypes.byref(size))
libc.malloc_info(0, stream)
libc.fclose(stream)
print(text.value.count(b"<heap nr="))
"""


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="it is about glibc")
@pytest.mark.parametrize(("way", "one"), [("shared", True), ("as it is", False)])
def test_all_threads_take_memory_from_one_pool(way, one):
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", POOLS, way]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert (int(said) == 1) == one


FREED = """
import ctypes, sys
from pathlib import Path
from ssn.machine import give_back_freed_memory, share_freed_memory
if sys.argv[1] == "kept":
    assert share_freed_memory()
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes, libc.memset.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def resident():
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
before, size = resident(), int(sys.argv[2]) << 20
block = libc.malloc(size)
libc.memset(block, 1, size)
libc.free(block)
kept = resident() - before
give_back_freed_memory()
print(kept, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="it is about glibc")
@pytest.mark.parametrize(("way", "size", "keeps"), [("kept", 7, True), ("kept", 30, False), ("as it is", 7, False)])
def test_what_is_freed_is_kept_until_it_is_given_back_and_large_blocks_are_not(way, size, keeps):
    command = [sys.executable, "-c", FREED, way, str(size)]
    kept, left = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert (kept > 0.8 * size) == keeps
    assert left < 3


GARBAGE = """
import gc, sys, weakref
from ssn.machine import settle_garbage

class Circle:
    def __init__(self):
        self.self, self.parts = self, [[] for _ in range(100)]

libraries = [[] for _ in range(2_000_000)]
gc.collect()
if sys.argv[1] == "settled":
    settle_garbage()
there, most, under_way = weakref.WeakSet(), 0, []
for _ in range(4000):
    under_way.append(Circle())  # outlives young collections, as a request does
    there.add(under_way[-1])
    under_way = under_way[-200:]
    most = max(most, len(there))
print(most)
"""


@pytest.mark.parametrize(("way", "bounded"), [("settled", True), ("as it is", False)])
def test_what_requests_leave_in_circles_goes_soon_however_large_the_libraries(way, bounded):
    command = [sys.executable, "-c", GARBAGE, way]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (int(said) < 2000) == bounded


@pytest.mark.parametrize(("able", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_auto_takes_bfloat16_where_that_has_units_of_its_own(monkeypatch, able, chosen):
    monkeypatch.setattr("ssn.machine.has_fast_bfloat16", lambda device: able)
    device = torch.device("cpu")
    assert choose_precision("auto", device) == chosen
    assert choose_precision("float32", device) == "float32"


def test_bfloat16_without_units_and_unknown_precisions_are_refused(monkeypatch):
    monkeypatch.setattr("ssn.machine.has_fast_bfloat16", lambda device: False)
    with pytest.raises(DeviceError, match="no units"):
        choose_precision("bfloat16", torch.device("cpu"))
    with pytest.raises(OptionError, match="float64"):
        choose_precision("float64", torch.device("cpu"))


def test_one_thread_is_this_thread_s_alone_and_for_a_while():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen = []
        with one_thread():
            inside = torch.get_num_threads()
            other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
            other.start()
            other.join()
        assert (inside, seen, torch.get_num_threads()) == (1, [2], 2)
    finally:
        torch.set_num_threads(before)


def test_a_new_thread_s_first_work_may_be_within():
    seen = []

    def work() -> None:
        with one_thread():
            torch.ones(8) @ torch.ones(8)
            seen.append(torch.get_num_threads())

    started = threading.Thread(target=work)
    started.start()
    started.join()
    assert seen == [1]
