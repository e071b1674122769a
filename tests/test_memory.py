"""Memory that is short: smaller batches with the same result, and a sentence where nothing helps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssn.errors import MemoryShortError
from ssn.explanation.methods.registry import drive
from ssn.explanation.question import NOBODY
from ssn.memory import bytes_held, free_memory, in_batches, is_short, memory_in_words
from ssn.models.visibility import VisibilityNetwork
from ssn.recognizer import Recognizer
from ssn.visibility import VisibilityFinder
from tests.gpu.comparison import drawn_faces

SHORT = [
    MemoryError(),
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    ),
]


@given(count=st.integers(0, 40), size=st.integers(1, 16), room=st.integers(1, 16), error=st.sampled_from(SHORT))
def test_everything_is_done_once_and_in_order_however_little_fits(count, size, room, error):
    def work(part: slice) -> list[int]:
        if part.stop - part.start > room:
            raise error
        return list(range(count))[part]

    parts = in_batches(count, size, work)
    assert [number for part in parts for number in part] == list(range(count))
    assert all(1 <= len(part) <= min(size, room) for part in parts)


@pytest.mark.parametrize("error", SHORT)
def test_where_nothing_fits_it_is_told(error):
    def work(part: slice) -> None:
        raise error

    with pytest.raises(MemoryShortError, match="not enough memory"):
        in_batches(3, 2, work)
    with pytest.raises(MemoryShortError), memory_in_words():
        raise error


@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), ValueError("memory"), KeyError("x")])
def test_another_error_stays_what_it_is(error):
    def work(part: slice) -> None:
        raise error

    assert not is_short(error)
    with pytest.raises(type(error)):
        in_batches(3, 2, work)
    with pytest.raises(type(error)), memory_in_words():
        raise error


def test_an_allocation_that_is_really_too_large_is_known():
    with pytest.raises(RuntimeError) as failed:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_short(failed.value)


@pytest.mark.parametrize("error", SHORT)
def test_templates_are_the_same_from_smaller_batches(recognizer, monkeypatch, error):
    gray = torch.rand(5, 1, 128, 128, generator=torch.Generator().manual_seed(0))
    expected = recognizer.embed_gray(gray, ["vis"] * 5, enrolled=True)
    really = Recognizer._units

    def little_room(self, part, *more):
        if len(part) > 2:
            raise error
        return really(self, part, *more)

    monkeypatch.setattr(Recognizer, "_units", little_room)
    np.testing.assert_allclose(recognizer.embed_gray(gray, ["vis"] * 5, enrolled=True), expected, atol=1e-6)


@dataclass(frozen=True)
class Holder:
    name: str
    parts: tuple
    more: dict


@given(sizes=st.lists(st.integers(1, 50), max_size=6), shared=st.integers(0, 3))
def test_bytes_are_those_of_the_arrays_each_counted_once(sizes, shared):
    arrays = [np.zeros(size) for size in sizes]
    views = [array[: len(array) // 2] for array in arrays[:shared]]
    tensor = torch.zeros(7)
    held = Holder("four", (arrays, views, arrays[:1]), {"t": [tensor, tensor[:2]], "b": b"12", 3: None})
    assert bytes_held(held, *arrays) == 8 * sum(sizes) + 28 + len("four") + len("t") + len("b") + 2


def test_a_view_keeps_the_whole():
    assert bytes_held(np.zeros((100, 100))[:1]) == 80_000


@pytest.mark.parametrize("error", SHORT)
def test_visibility_is_the_same_from_smaller_batches(monkeypatch, error):
    finder, faces = VisibilityFinder.load(device="cpu"), drawn_faces(5)
    expected = finder.visibilities(faces)
    really = VisibilityNetwork.visibility

    def little_room(self, gray):
        if len(gray) > 2:
            raise error
        return really(self, gray)

    monkeypatch.setattr(VisibilityNetwork, "visibility", little_room)
    np.testing.assert_allclose(finder.visibilities(faces), expected, atol=1e-5)


@pytest.mark.parametrize("error", SHORT)
def test_an_explanation_that_does_not_fit_is_told(error):
    def chunks():
        yield 0.5, "half of it"
        raise error

    with pytest.raises(MemoryShortError, match="not enough memory"):
        drive(chunks(), NOBODY)


def test_free_on_a_gpu_is_also_what_pytorch_holds_back(monkeypatch):
    for name, found in {"mem_get_info": (5, 90), "memory_reserved": 40, "memory_allocated": 10}.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, found=found: found)
    assert free_memory(torch.device("cuda")) == 35
