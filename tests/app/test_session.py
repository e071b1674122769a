"""One session for each open page: its events take turns, others' do not wait, and nothing outlives the page."""

from __future__ import annotations

import threading
import weakref

import gradio as gr
import pytest

from app.session import Part, Sessions, TooManyEventsError, Turns


class Kept(Part):
    def __init__(self):
        self.left = False

    def leave(self) -> None:
        self.left = True


def page(name: str) -> gr.Request:
    return gr.Request(session_hash=name)


def test_turns_are_taken_in_the_order_of_asking():
    turns, order, threads = Turns(most=20), [], []

    def work(number: int) -> None:
        with turns():
            order.append(number)

    with turns():
        for number in range(20):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            while turns._tickets < number + 2:
                threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_a_turn_that_fails_is_given_back():
    turns = Turns()
    for _ in range(2):
        try:
            with turns():
                raise ValueError
        except ValueError:
            continue
    with turns():
        assert turns._serving == 2


def test_one_page_cannot_take_all_threads():
    turns, go, threads = Turns(most=3), threading.Event(), []

    def work() -> None:
        with turns():
            assert go.wait(60)

    for number in range(4):  # one at work, three waiting
        threads.append(threading.Thread(target=work))
        threads[-1].start()
        while turns._tickets < number + 1:
            threading.Event().wait(0.001)
    for _ in range(3):
        with pytest.raises(TooManyEventsError), turns():
            pytest.fail("it waits too")
    go.set()
    for thread in threads:
        thread.join()
    with turns():
        assert turns._serving == 4


def test_one_visitor_does_not_wait_for_another():
    sessions, done = Sessions(), threading.Event()
    with sessions.of(page("slow")).turn():

        def other() -> None:
            with sessions.of(page("quick")).turn():
                done.set()

        thread = threading.Thread(target=other)
        thread.start()
        assert done.wait(30), "the other visitor was held up"
        thread.join()


def test_a_page_keeps_its_session_and_a_tab_its_part():
    sessions = Sessions()
    part = sessions.of(page("a")).part(Kept)
    assert sessions.of(page("a")).part(Kept) is part
    assert sessions.of(page("b")).part(Kept) is not part


def test_a_closed_page_leaves_nothing_in_memory():
    sessions = Sessions()
    part = sessions.of(page("a")).part(Kept)
    trace = weakref.ref(part)
    sessions.forget("a")
    assert part.left
    del part
    assert trace() is None
    assert len(sessions) == 0
    sessions.forget("a")
    assert sessions.of(page("a")).part(Kept).left is False, "a page that comes back starts anew"


def test_a_page_left_alone_is_forgotten_by_itself():
    sessions = Sessions(idle=0.05)
    part = sessions.of(page("a")).part(Kept)
    waited = threading.Event()
    for _ in range(600):
        if len(sessions) == 0:
            break
        waited.wait(0.05)
    assert len(sessions) == 0
    assert part.left


def test_who_was_idle_longest_makes_room():
    sessions = Sessions(room=2)
    first = sessions.of(page("a")).part(Kept)
    second = sessions.of(page("b")).part(Kept)
    sessions.of(page("a"))
    sessions.of(page("c"))
    assert (first.left, second.left) == (False, True)
    assert len(sessions) == 2
