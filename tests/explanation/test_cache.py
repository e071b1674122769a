"""A memory: bounded, one computation at a time, and nothing of what failed or is not whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ssn.errors import ExplanationCancelledError
from ssn.explanation.cache import Memory


def test_the_oldest_goes_and_what_is_asked_for_is_young_again():
    memory, made = Memory(2), []

    def ask(key: str) -> str:
        return memory.once((key,), lambda: made.append(key) or f"answer to {key}", lambda _: True)

    for key in ("a", "b", "a", "c", "a", "b"):
        assert ask(key) == f"answer to {key}"
    assert made == ["a", "b", "c", "b"]
    assert len(memory) == 2


def test_what_fails_or_is_not_whole_is_not_remembered():
    memory = Memory(8)
    with pytest.raises(ZeroDivisionError):
        memory.once(("a",), lambda: 1 / 0, lambda _: True)
    assert memory.once(("a",), lambda: "part", lambda _: False) == "part"
    assert len(memory) == 0
    assert memory.once(("a",), lambda: "whole", lambda _: True) == "whole"


def test_who_waits_for_another_may_be_cancelled():
    memory, entered, go_on, cancel = Memory(8), threading.Event(), threading.Event(), threading.Event()

    def work() -> str:
        entered.set()
        assert go_on.wait(10)
        return "answer"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(memory.once, ("a",), work, lambda _: True)
        assert entered.wait(10)
        cancel.set()
        with pytest.raises(ExplanationCancelledError, match="waiting"):
            memory.once(("a",), lambda: "another", lambda _: True, cancel)
        go_on.set()
        assert first.result(10) == "answer"


def test_it_knows_its_bytes_and_makes_room_but_not_while_something_is_computed():
    memory = Memory(3)
    for key in ("a", "b", "c", "d", "b"):
        memory.once((key,), lambda: np.zeros(100), lambda _: True)
    memory.once(("d",), lambda: np.zeros(1), lambda _: True)
    assert memory.bytes == 3 * 800
    refused = []
    memory.once(("e",), lambda: refused.append(memory.make_room()) or np.zeros(1), lambda _: True)
    assert refused == [False]
    assert memory.bytes == 800 * 2 + 8
    assert [memory.make_room() for _ in range(4)] == [True, True, True, False]
    assert memory.bytes == 0
