"""Results with owners: shared, forgotten with the last who asked, and not remembered for who has left."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ssn.errors import ExplanationCancelledError
from ssn.explanation.cache import ResultCache


def ask(cache: ResultCache, key: str, owner: str, made: list[str]) -> str:
    """Ask for ``key``; what has to be computed is noted in ``made``."""

    def work() -> str:
        made.append(key)
        return f"answer to {key}"

    return cache.once((key,), work, lambda _: True, owner)


def test_what_is_forgotten_is_computed_anew_and_the_rest_is_not():
    cache, made = ResultCache(8), []
    for key, owner in (("a", "Ada"), ("b", "Ben"), ("c", "")):
        assert ask(cache, key, owner, made) == f"answer to {key}"
    cache.forget("Ada")
    assert len(cache) == 2
    for key, owner in (("a", "Ada"), ("b", "Ben"), ("c", "")):
        ask(cache, key, owner, made)
    assert made == ["a", "b", "c", "a"]


def test_a_shared_result_stays_until_the_last_owner_is_forgotten():
    cache, made = ResultCache(8), []
    ask(cache, "a", "Ada", made)
    ask(cache, "a", "Ben", made)
    cache.forget("Ada")
    assert len(cache) == 1
    cache.forget("nobody who asked")
    cache.forget("Ben")
    assert len(cache) == 0
    assert made == ["a"]


def test_forgetting_does_not_wait_and_holds_for_what_is_under_way():
    cache, entered, go_on = ResultCache(8), threading.Event(), threading.Event()

    def work() -> str:
        cache.put(("part",), "a part result", "Ada")
        entered.set()
        assert go_on.wait(10)
        cache.put(("second part",), "another", "Ada")
        return "answer"

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cache.once, ("whole",), work, lambda _: True, "Ada")
        assert entered.wait(10)
        cache.forget("Ada")
        assert not asked.done()
        go_on.set()
        assert asked.result(10) == "answer"
    assert len(cache) == 0
    made: list[str] = []
    ask(cache, "again", "Ada", made)  # who comes back is remembered again
    assert len(cache) == 1


def test_a_result_that_fails_or_is_not_whole_leaves_no_owner_behind():
    cache = ResultCache(8)
    with pytest.raises(ZeroDivisionError):
        cache.once(("a",), lambda: 1 / 0, lambda _: True, "Ada")
    assert cache.once(("a",), lambda: "part", lambda _: False, "Ada") == "part"
    assert len(cache) == 0
    cache.forget("Ada")  # she asks for nothing now, so that this is no reason to forget what comes later
    ask(cache, "b", "Ada", [])
    assert len(cache) == 1


def test_who_waits_for_another_may_be_cancelled_and_is_remembered_later():
    cache, entered, go_on, cancel = ResultCache(8), threading.Event(), threading.Event(), threading.Event()

    def work() -> str:
        entered.set()
        assert go_on.wait(10)
        return "answer"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.once, ("a",), work, lambda _: True, "Ben")
        assert entered.wait(10)
        cancel.set()
        with pytest.raises(ExplanationCancelledError, match="waiting"):
            cache.once(("a",), lambda: "another", lambda _: True, "Ada", cancel)
        cache.forget("Ada")
        go_on.set()
        assert first.result(10) == "answer"
    ask(cache, "b", "Ada", [])
    assert len(cache) == 2
