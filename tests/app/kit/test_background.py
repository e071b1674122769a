"""Work in the background: its progress, its result and what it raises."""

from __future__ import annotations

import threading
import time

import pytest

from app.kit.background import behind_the_page, in_background, let_end
from ssn.errors import ExplanationError


def test_progress_comes_first_and_the_result_last():
    def work(told):
        told(0.5)
        return "done"

    seen = list(in_background(work, every=0.01))
    assert seen[-1] == "done"
    assert all(isinstance(share, float) for share in seen[:-1])


def test_an_error_in_the_background_is_raised_in_front():
    def work(told):
        raise ExplanationError("No.", "Never.")

    with pytest.raises(ExplanationError):
        list(in_background(work, every=0.01))


def test_parts_are_given_on_in_their_order():
    def work(told):
        told("first")
        told(0.5)
        told("second")
        return "whole"

    assert [one for one in in_background(work, every=0.01) if isinstance(one, str)] == ["first", "second", "whole"]


def test_the_end_waits_for_what_is_worked_at_behind_the_page_and_for_no_longer_than_it_may():
    done, never = threading.Event(), threading.Event()
    behind_the_page(lambda: (time.sleep(0.3), done.set()), "soon")
    stuck = behind_the_page(lambda: never.wait(60), "never")
    began = time.monotonic()
    let_end(2.0)
    assert done.is_set()
    assert time.monotonic() - began < 30
    assert stuck.is_alive()
    never.set()
    stuck.join(30)
