"""Renaming, merging, moving, notes and undo: held against a plain gallery, kills, other processes and deletions."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from pathlib import Path

import pytest

from ssn.errors import GalleryError, NameCaseError
from ssn.gallery import in_step
from ssn.gallery.changes import UNDOABLE
from ssn.gallery.enrol import rename_person
from ssn.gallery.health import verify
from ssn.gallery.sqlite import Gallery
from tests.gallery.histories import Plain, history, live, state_of, tell
from tests.gallery.templates import MODEL, template


@pytest.mark.parametrize("seed", range(12))
def test_any_history_leaves_what_a_plain_gallery_has(seed):
    plain = Plain()
    with Gallery(":memory:", MODEL) as gallery:
        for step in history(seed, 60):
            tell(gallery, *step)
            plain.do(*step)
            assert state_of(gallery) == plain.state(), step
            assert len(gallery.changes()) == len(plain.past)
            for name, (_, seeds) in plain.state().items():
                assert gallery.search(template(seeds[0]), 1)[0].person == name


LENGTH = 300
"""Steps of a history that is cut off after a while."""


def killed_after(path: Path, seed: int, seconds: float, report: Path) -> None:
    """Live, and die wherever one is by then: within a statement, a commit, or the writing of the vector file."""
    in_step.WORTHWHILE = 3
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
    live(path, seed, report, LENGTH)


def killed_at(path: Path, seed: int, statement: int, report: Path) -> None:
    """Live until the nth SQL statement from here, and die on it."""
    import ssn.gallery.database as database

    in_step.WORTHWHILE = 3
    really, count = database.connect, 0

    def connect(place: str):
        db = really(place)

        def die(_: str) -> None:
            nonlocal count
            count += 1
            if count == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        db.set_trace_callback(die)
        return db

    database.connect = connect
    live(path, seed, report)


def check_kills(folder: Path, seeds: range) -> None:
    """After each, the gallery is as acknowledged, or one step further: the step it was killed in."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.gallery.histories"])
    killed = 0
    for seed in seeds:
        path, report, chance = folder / f"{seed}.db", folder / f"{seed}.report", random.Random(seed)
        if seed % 2:
            process = context.Process(target=killed_after, args=(path, seed, chance.uniform(0.02, 0.4), report))
        else:
            process = context.Process(target=killed_at, args=(path, seed, chance.randint(1, 400), report))
        process.start()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        killed += process.exitcode != 0
        done, plain = report.stat().st_size if report.exists() else 0, Plain()
        steps = list(history(seed, LENGTH if seed % 2 else 40))
        for step in steps[:done]:
            plain.do(*step)
        possible = [plain.state()]
        if done < len(steps):
            plain.do(*steps[done])
            possible.append(plain.state())
        with Gallery(path, MODEL) as gallery:
            assert gallery._rows("PRAGMA integrity_check") == [("ok",)]
            found = state_of(gallery)
            assert found in possible, seed
            assert [line for line in verify(gallery).problems if "its picture" not in line] == []
            for name, (_, numbers) in found.items():
                assert gallery.search(template(numbers[0]), 1)[0].person == name
    assert killed > len(seeds) / 2, "else hardly anything was tested"


def test_a_kill_in_the_middle_of_a_history_loses_nothing_acknowledged(tmp_path, monkeypatch):
    monkeypatch.setattr(in_step, "WORTHWHILE", 3)
    check_kills(tmp_path, range(12))


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing_acknowledged(tmp_path, monkeypatch):
    monkeypatch.setattr(in_step, "WORTHWHILE", 3)
    check_kills(tmp_path, range(200))


# --- one by one


def test_a_name_somebody_has_is_refused_and_one_that_differs_by_case_is_asked_about(gallery):
    gallery.enrol("Ann", template(1))
    gallery.enrol("Ben", template(2))
    ann = gallery.person("Ann").id
    with pytest.raises(GalleryError, match="Ben is enrolled already"):
        rename_person(gallery, ann, "Ben")
    with pytest.raises(NameCaseError, match="Ben"):
        rename_person(gallery, ann, "ben")
    rename_person(gallery, ann, "ANN")
    assert gallery.namesakes("ann")[0].name == "ANN", "her own name is no namesake, and is looked up anew"
    rename_person(gallery, ann, "ben", exact_name=True)
    assert {p.name for p in gallery.people()} == {"Ben", "ben"}
    with pytest.raises(GalleryError, match="no such person"):
        gallery.rename(99, "Cid")
    with pytest.raises(GalleryError, match="same person"):
        gallery.merge(ann, ann)


def test_merging_two_who_were_enrolled_from_the_same_photo_keeps_both_templates(gallery):
    first = gallery.enrol("Ann", template(1), digest=b"d")
    second = gallery.enrol("Anne", template(1), digest=b"d")
    gallery.merge(gallery.person("Anne").id, gallery.person("Ann").id)
    assert gallery.person("Ann").templates == 2
    assert gallery.with_digest("Ann", b"d") == first, "the photo counts once"
    gallery.undo()
    assert (gallery.with_digest("Ann", b"d"), gallery.with_digest("Anne", b"d")) == (first, second)


def test_another_process_sees_who_owns_what_now(path):
    with Gallery(path, MODEL) as here, Gallery(path, MODEL) as there:
        for seed, name in ((1, "Ann"), (2, "Ben"), (3, "Cid")):
            here.enrol(name, template(seed))
        assert there.search(template(2), 1)[0].person == "Ben"
        here.merge(here.person("Ben").id, here.person("Ann").id)
        assert there.search(template(2), 1)[0].person == "Ann"
        assert len(there.search(template(2), 9)) == 2
        here.rename(here.person("Cid").id, "Zoe")
        assert there.search(template(3), 1)[0].person == "Zoe"
        there.undo()
        there.undo()
        assert [m.person for m in here.search(template(2), 1)] == ["Ben"]


def test_only_the_change_that_was_shown_is_undone(gallery):
    gallery.enrol("Ann", template(1))
    shown = gallery.changes()[0].number
    gallery.set_notes(gallery.person("Ann").id, "tall")
    with pytest.raises(GalleryError, match="meanwhile"):
        gallery.undo(shown)
    assert gallery.undo(gallery.changes()[0].number).text == "Changed the notes on Ann"
    assert gallery.undo(shown).kind == "enrol"
    assert gallery.people() == []
    with pytest.raises(GalleryError, match="nothing to undo"):
        gallery.undo()


def test_the_log_is_bounded(gallery):
    for seed in range(UNDOABLE + 7):
        gallery.enrol("Ann", template(seed))
    assert len(gallery.changes()) == UNDOABLE


def test_what_is_deleted_is_not_in_the_log_of_changes_either(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enrol("first-name-unique", template(1))
        person = gallery.people()[0].id
        gallery.set_notes(person, "notes-unique-text")
        gallery.rename(person, "second-name-unique")
        gallery.enrol("Ben", template(2), digest=b"digest-unique")
        gallery.merge(person, gallery.person("Ben").id)
        disk = b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))
        secrets = (b"first-name-unique", b"second-name-unique", b"notes-unique-text", b"digest-unique")
        assert all(secret in disk for secret in secrets)
        gallery.enrol("Cid", template(3))
        gallery.delete_person(gallery.person("Ben").id)
        assert gallery.changes() == []
        disk = b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))
        assert [secret for secret in secrets if secret in disk] == []


def test_notes_hold_lines_but_no_control_characters(gallery):
    gallery.enrol("Ann", template(1))
    person = gallery.person("Ann").id
    gallery.set_notes(person, " tall\r\nleft-handed \n")
    assert gallery.notes(person) == "tall\nleft-handed"
    for text in ("a\0b", "x" * 5000):
        with pytest.raises(GalleryError, match="Notes"):
            gallery.set_notes(person, text)
    with pytest.raises(GalleryError, match="no such person"):
        gallery.notes(99)
