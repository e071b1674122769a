"""Turns: never more at once than there are, and in the order in which they were asked for."""

from __future__ import annotations

import threading

import pytest

from app.kit.turns import Turns


def wait_until(true) -> None:
    while not true():
        threading.Event().wait(0.001)


@pytest.mark.parametrize("count", [1, 3])
def test_never_more_at_once_and_all_come_to_their_turn(count):
    turns, lock, inside, most, done = Turns(count), threading.Lock(), [], [], []

    def work(number: int) -> None:
        for _ in range(5):
            with turns:
                with lock:
                    inside.append(number)
                    most.append(len(inside))
                threading.Event().wait(0.001)
                with lock:
                    inside.remove(number)
                    done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == count
    assert sorted(done) == sorted(list(range(12)) * 5)
    assert all(turns.take() for _ in range(count)), "every turn came back"
    assert not turns.take()


def test_whoever_waits_longest_is_next_and_who_gave_up_holds_nobody_up():
    turns, order, gone = Turns(1), [], threading.Event()

    def work(number: int, cancel: threading.Event | None) -> None:
        if turns.acquire(cancel):
            order.append(number)
            turns.release()

    turns.acquire()
    threads = []
    for number in range(6):
        threads.append(threading.Thread(target=work, args=(number, gone if number == 2 else None)))
        threads[-1].start()
        wait_until(lambda wanted=number + 1: len(turns._waiting) == wanted)
    gone.set()
    threads[2].join()
    assert not turns.take(), "nobody passes those who wait"
    turns.release()
    with turns:
        order.append("again")
    for thread in threads:
        thread.join()
    assert order == [0, 1, 3, 4, 5, "again"]


def test_an_error_gives_the_turn_back():
    turns = Turns(1)
    with pytest.raises(RuntimeError, match="no"), turns:
        raise RuntimeError("no")
    assert turns.take()


def test_a_free_turn_is_taken_although_cancelled():
    """Waiting is what is cancelled; without any there is nothing to cancel."""
    turns, cancelled = Turns(1), threading.Event()
    cancelled.set()
    assert turns.acquire(cancelled)
    assert not turns.acquire(cancelled)
    turns.release()
    assert turns.take()
