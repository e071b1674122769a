"""Threads and processes that search while others enrol, change and delete: no error, no lost write, no torn read."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ssn.errors import GalleryError
from ssn.gallery import in_step
from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template

STEADY = 40
"""People nobody changes, by whom every search can be checked."""


def search_until(gallery: Gallery, stop, errors: list, seed: int) -> int:
    """Every steady person is found first, with a score of 1, whatever the others do."""
    chance, count = np.random.default_rng(seed), 0
    try:
        while not stop.is_set() or count < 3:
            number = int(chance.integers(STEADY))
            best = gallery.search(template(number), 3)[0]
            assert (best.person, round(best.score, 5)) == (f"steady {number}", 1.0)
            count += 1
    except BaseException as error:
        errors.append(repr(error))
    return count


def write_until(gallery: Gallery, stop, errors: list, own: int) -> set[str]:
    """Enrol, rename, merge, move, undo and delete people of one's own → who is left by what was acknowledged."""
    left: set[str] = set()
    number = 0
    try:
        while not stop.is_set() or number < 6:
            number += 1
            name = f"writer {own} person {number}"
            gallery.enrol(name, template(10_000 * own + number), b"picture")
            person = gallery.person(name)
            if number % 3 == 0:
                gallery.delete_person(person.id)
            elif number % 3 == 1:
                gallery.rename(person.id, f"{name} renamed")
                left.add(f"{name} renamed")
            else:
                extra = gallery.enrol(f"{name} twin", template(10_000 * own + 5000 + number))
                gallery.move_template(extra, name)
                left.add(name)
    except GalleryError as error:
        if "reading the gallery, so its log" not in error.what:  # done, but another process holds the log
            errors.append(repr(error))
    except BaseException as error:
        errors.append(repr(error))
    return left


def searching_process(path: Path, stop, answers) -> None:
    errors: list = []
    with Gallery(path, MODEL) as gallery:
        threads = [threading.Thread(target=search_until, args=(gallery, stop, errors, seed)) for seed in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    answers.put(errors)


def work_together(path: Path, searchers: int, writers: int, processes: int, seconds: float) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.gallery.test_together"])
    stop, answers = context.Event(), context.Queue()
    errors: list = []
    left: dict[int, set[str]] = {}
    with Gallery(path, MODEL) as gallery:
        for number in range(STEADY):
            gallery.enrol(f"steady {number}", template(number))
        others = [context.Process(target=searching_process, args=(path, stop, answers)) for _ in range(processes)]
        threads = [threading.Thread(target=search_until, args=(gallery, stop, errors, n)) for n in range(searchers)]
        for own in range(1, writers + 1):

            def write(own: int = own) -> None:
                left[own] = write_until(gallery, stop, errors, own)

            threads.append(threading.Thread(target=write))
        for worker in [*others, *threads]:
            worker.start()
        time.sleep(seconds)
        stop.set()
        for worker in [*threads, *others]:
            worker.join()
        for _ in others:
            errors += answers.get()
        assert errors == []
    with Gallery(path, MODEL) as gallery:
        expected = {f"steady {number}" for number in range(STEADY)}.union(*left.values())
        assert {person.name for person in gallery.people()} == expected, "nothing lost, nothing come back"
        assert gallery._rows("PRAGMA integrity_check") == [("ok",)]
        for number in range(STEADY):
            assert gallery.search(template(number), 1)[0].person == f"steady {number}"


def test_a_few_threads_and_a_process(path, monkeypatch):
    monkeypatch.setattr(in_step, "WORTHWHILE", 20)
    work_together(path, searchers=4, writers=2, processes=1, seconds=2)


@pytest.mark.slow
def test_sixteen_threads_and_two_processes_for_a_minute(path):
    work_together(path, searchers=16, writers=4, processes=2, seconds=60)
