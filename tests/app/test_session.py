"""One session for each open page: its events take turns, others' do not wait, and nothing outlives the page."""

from __future__ import annotations

import threading
import weakref

import gradio as gr
import pytest

from app.session import LOOKS_AGAIN, Part, Sessions, TooManyEventsError, Turns


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


class Holding(Part):
    """Keeps ``things`` of ``size`` bytes each, besides the one it shows."""

    def __init__(self):
        self.things, self.size = 0, 10

    def weight(self) -> int:
        return self.size * (1 + self.things)

    def make_room(self) -> bool:
        self.things = max(self.things - 1, 0)
        return self.weight() > self.size


def hold(sessions: Sessions, name: str, things: int) -> Holding:
    session = sessions.of(page(name))
    with session.turn():
        part = session.part(Holding)
        part.things = things
    return part


def test_who_was_idle_longest_gives_up_first_and_everybody_together_stays_within_the_budget():
    sessions = Sessions(budget=100)
    old, middle, new = (hold(sessions, name, 2) for name in "abc")
    assert [part.things for part in (old, middle, new)] == [2, 2, 2]
    hold(sessions, "b", 4)
    assert (old.things, middle.things, new.things) == (1, 4, 2)
    hold(sessions, "c", 9)
    assert sessions.weight() <= 100
    assert old.things == 0
    assert len(sessions) == 3, "they have what they show"


def test_pages_are_forgotten_where_nothing_else_helps_and_learn_of_it_once():
    sessions = Sessions(budget=25)
    for name in "abc":
        hold(sessions, name, 0)
    assert len(sessions) == 2
    assert sessions.weight() == 20
    assert not sessions.of(page("c")).part(Holding).forgotten
    back = sessions.of(page("a"))
    assert back.part(Holding).forgotten
    sessions.forget("a")
    assert not sessions.of(page("a")).part(Holding).forgotten, "it was closed, and is opened anew"


def test_what_is_larger_than_the_budget_stays_with_whoever_asks():
    sessions = Sessions(budget=5)
    assert hold(sessions, "a", 0).weight() == 10
    assert len(sessions) == 1


@pytest.mark.parametrize("way", ["idle", "room"])
def test_a_page_that_was_left_alone_learns_of_it(way):
    sessions = Sessions(idle=0.0 if way == "idle" else 100.0, room=1)
    sessions.of(page("a"))
    if way == "idle":
        sessions.forget_idle()
    else:
        sessions.of(page("b"))
    assert sessions.of(page("a")).part(Kept).forgotten


def test_what_was_freed_goes_back_to_the_system_once_nobody_asks(monkeypatch):
    given = threading.Event()
    monkeypatch.setattr("app.session.give_back_freed_memory", given.set)
    sessions = Sessions(idle=0.05)
    sessions.of(page("a"))
    assert given.wait(30)


def test_nothing_goes_back_while_somebody_asks(monkeypatch):
    monkeypatch.setattr("app.session.give_back_freed_memory", lambda: pytest.fail("it is needed at once"))
    sessions = Sessions()
    sessions.of(page("a")).used -= 2 * LOOKS_AGAIN  # and waits for what takes long
    sessions._look_again()
    assert len(sessions) == 1
