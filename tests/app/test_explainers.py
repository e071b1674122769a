"""Explanations bounded by count: as many explainers as are needed, never more, and waiting can be cancelled."""

from __future__ import annotations

import threading

import pytest

from app import explainers as module
from app.explainers import Explainers
from ssn.errors import ExplanationCancelledError
from ssn.explanation.cache import Memory


class Toy:
    """Stands in for an explainer, which would copy a network. Making one takes a while."""

    made = 0

    def __init__(self, recognizer):
        threading.Event().wait(0.05)
        Toy.made += 1
        self.memory = None

    def remembering(self, memory):
        self.memory = memory
        return self


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setattr(module, "Explainer", Toy)
    Toy.made = 0


def test_first_questions_at_once_make_no_more_than_there_is_room_for():
    pool, seen, at_work, most = Explainers(None, count=2), [], [], []

    def ask() -> None:
        with pool.lease(Memory(1), threading.Event()) as explainer:
            at_work.append(explainer)
            most.append(len(at_work))
            seen.append(explainer)
            threading.Event().wait(0.02)
            at_work.remove(explainer)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Toy.made <= 2
    assert max(most) <= 2
    assert len(seen) == 8


def test_two_visitors_are_explained_to_at_once():
    pool = Explainers(None, count=2)
    with pool.lease(Memory(1), threading.Event()) as first, pool.lease(Memory(1), threading.Event()) as second:
        assert first is not second


def test_waiting_is_cancelled():
    pool, stop = Explainers(None, count=1), threading.Event()
    stop.set()
    with (
        pool.lease(Memory(1), threading.Event()),
        pytest.raises(ExplanationCancelledError),
        pool.lease(Memory(1), stop),
    ):
        raise AssertionError("there is no second explainer")
    with pool.lease(Memory(1), threading.Event()):
        assert Toy.made == 1


def test_results_are_remembered_where_the_visitor_keeps_them():
    pool, memory = Explainers(None, count=1), Memory(1)
    with pool.lease(memory, threading.Event()) as explainer:
        assert explainer.memory is memory


def test_who_came_first_is_answered_first_and_who_asks_again_at_once_comes_last():
    pool, answered, gone = Explainers(None, count=1), [], threading.Event()

    def ask(number: int, cancel: threading.Event) -> None:
        try:
            with pool.lease(Memory(1), cancel):
                answered.append(number)
        except ExplanationCancelledError:
            return

    threads = []
    with pool.lease(Memory(1), threading.Event()):
        for number in range(6):
            cancel = gone if number == 2 else threading.Event()
            threads.append(threading.Thread(target=ask, args=(number, cancel)))
            threads[-1].start()
            while len(pool._turns._waiting) <= number:
                threading.Event().wait(0.001)
        gone.set()
        threads[2].join()
    with pool.lease(Memory(1), threading.Event()):
        answered.append("again")
    for thread in threads:
        thread.join()
    assert answered == [0, 1, 3, 4, 5, "again"]
