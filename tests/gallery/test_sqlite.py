"""The gallery's file against deletions, other processes, kills and other programs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from ssn.errors import GalleryError
from ssn.gallery.schema import VERSION
from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template

SPAWN = multiprocessing.get_context("spawn")


def bytes_on_disk(path: Path) -> bytes:
    """The gallery's file with whatever lies beside it: log, shared memory, journal."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def pieces(data: bytes) -> list[bytes]:
    """SQLite spreads a long value over pages, so it is looked for in pieces."""
    return [data[i : i + 16] for i in range(0, len(data) - 15, 512)]


# --- deleting


@pytest.mark.parametrize("whole_person", [True, False])
def test_what_is_deleted_is_nowhere_on_disk(path, whole_person):
    rng = np.random.default_rng(0)
    pictures = [rng.bytes(size) for size in (50, 3000, 9000, 40_000)] * 6
    with Gallery(path, MODEL) as gallery:
        for i, picture in enumerate(pictures):
            gallery.enrol(f"somebody-{i}-unique", template(i), picture, origin=f"origin-{i}-unique.jpg")
        disk = bytes_on_disk(path)
        traces = [
            {*pieces(template(i).vector.tobytes()), *pieces(pictures[i]), b"somebody-%d-u" % i, b"origin-%d-u" % i}
            for i in range(len(pictures))
        ]
        assert all(sum(t in disk for t in own) > 0.9 * len(own) for own in traces), "else the search finds nothing"
        gone = list(range(0, len(pictures), 2))
        people = {p.name: p.id for p in gallery.people()}
        for i in gone:
            person = people[f"somebody-{i}-unique"]
            if whole_person:
                gallery.delete_person(person)
            else:
                gallery.delete_template(gallery.templates_of(person)[0][0])
        disk = bytes_on_disk(path)
        assert [t for i in gone for t in traces[i] if t in disk] == []
        assert all(sum(t in disk for t in traces[i]) > 0.9 * len(traces[i]) for i in range(1, len(pictures), 2))
        assert len(gallery.people()) == len(pictures) - len(gone)


def test_a_person_goes_with_the_last_template_and_not_before(gallery):
    first, second = gallery.enrol("Ann", template(1)), gallery.enrol("Ann", template(2))
    gallery.delete_template(first)
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ann", 1)]
    gallery.delete_template(second)
    assert gallery.people() == []
    assert gallery.search(template(1)) == []
    assert gallery.face_image(second) is None


def test_deleting_or_reading_what_is_not_there_says_so(gallery):
    for act in (gallery.delete_person, gallery.delete_template, gallery.template):
        with pytest.raises(GalleryError, match=r"no such person|no template"):
            act(77)
    assert gallery.templates_of(77) == []


def test_a_number_is_never_used_again(gallery):
    """A page that still shows a deleted match must not come to mean somebody else."""
    number = gallery.enrol("Ann", template(1))
    person = gallery.people()[0].id
    gallery.delete_person(person)
    assert gallery.enrol("Ben", template(2)) != number
    assert gallery.people()[0].id != person


def test_a_deletion_that_another_reader_keeps_in_the_log_is_reported(path):
    with Gallery(path, MODEL) as gallery:
        number = gallery.enrol("Ann", template(1))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM templates").fetchone()
        gallery._db.execute("PRAGMA busy_timeout=10")
        with pytest.raises(GalleryError, match="deleted, but"):
            gallery.delete_template(number)
        assert gallery.people() == []
        reader.close()
    with Gallery(path, MODEL):
        assert template(1).vector.tobytes() not in bytes_on_disk(path)


# --- several users


def test_what_another_process_enrols_or_deletes_is_seen_by_the_next_search(path):
    with Gallery(path, MODEL) as here, Gallery(path, MODEL) as there:
        here.enrol("Ann", template(1))
        assert [m.person for m in there.search(template(1))] == ["Ann"]
        here.enrol("Ben", template(2))
        assert there.search(template(2))[0].person == "Ben"
        there.delete_person(there.search(template(1))[0].person_id)
        assert [m.person for m in here.search(template(1))] == ["Ben"]


def test_threads_may_enrol_search_and_delete_at_once(gallery):
    gallery.enrol("Everybody's friend", template(0))
    errors, start = [], threading.Barrier(4)

    def work(number: int) -> None:
        try:
            start.wait()
            for i in range(25):
                own = gallery.enrol(f"thread {number}", template(100 * number + i))
                assert gallery.search(template(0))[0].person == "Everybody's friend"
                assert gallery.search(template(100 * number + i))[0].template_id == own
                if i % 2:
                    gallery.delete_template(own)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [p.templates for p in gallery.people()] == [1, 13, 13, 13, 13]


def enrol_and_die(path: Path, after: int, report: Path) -> None:
    """Enrol one person after the other, and be killed at the start of the nth SQL statement from here."""
    gallery, count = Gallery(path, MODEL), 0

    def die(statement: str) -> None:
        nonlocal count
        count += 1
        if count == after:
            os.kill(os.getpid(), signal.SIGKILL)

    gallery._db.set_trace_callback(die)
    with open(report, "ab", buffering=0) as finished:
        for i in range(50):
            gallery.enrol(f"person {i}", template(i), b"face %d" % i * 500)
            finished.write(b".")


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6, 17, 18, 19, 20, 21, 45])
def test_a_kill_in_the_middle_of_an_enrolment_leaves_the_gallery_as_it_was_before(path, after, tmp_path_factory):
    """An enrolment is five statements from BEGIN to COMMIT: the kills fall on each of them."""
    report = tmp_path_factory.mktemp("report") / "finished"
    process = SPAWN.Process(target=enrol_and_die, args=(path, after, report))
    process.start()
    process.join()
    finished = report.stat().st_size
    assert process.exitcode == -signal.SIGKILL
    with Gallery(path, MODEL) as gallery:
        assert gallery._rows("PRAGMA integrity_check") == [("ok",)]
        people = gallery.people()
        assert sorted(p.name for p in people) == sorted(f"person {i}" for i in range(finished))
        assert all(p.templates == 1 for p in people)
        for i in range(finished):
            assert gallery.search(template(i))[0].person == f"person {i}"
        gallery.enrol("after the kill", template(99))


def test_what_a_killed_process_had_deleted_leaves_the_log_at_the_next_opening(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enrol("Ann", template(1))
        gallery.enrol("Ben", template(2))
        gallery._empty_log = lambda: None  # as if killed after the deletion and before this
        gallery.delete_person(1)
        kept = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    for name, data in kept.items():
        path.with_name(name).write_bytes(data)
    path.with_name("gallery.db-shm").unlink()
    assert template(1).vector.tobytes() in bytes_on_disk(path)
    with Gallery(path, MODEL) as gallery:
        assert [p.name for p in gallery.people()] == ["Ben"]
        assert template(1).vector.tobytes() not in bytes_on_disk(path)


def test_a_failure_inside_an_enrolment_leaves_no_person_without_template(gallery):
    gallery._db.execute("CREATE TRIGGER full BEFORE INSERT ON templates BEGIN SELECT RAISE(ABORT, 'disk'); END")
    with pytest.raises(GalleryError, match="could not be written"):
        gallery.enrol("Ann", template(1))
    assert gallery.people() == []


# --- files


@pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\0" + b"\xff" * 4000, os.urandom(8192)])
def test_a_file_that_is_no_gallery_is_refused_and_left_as_it_is(path, content):
    path.write_bytes(content)
    with pytest.raises(GalleryError, match="cannot be opened"):
        Gallery(path, MODEL)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_as_it_is(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE bookmarks(url TEXT)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="another program"):
        Gallery(path, MODEL)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_gallery_of_a_newer_release_is_refused_and_left_as_it_is(path):
    Gallery(path, MODEL).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="newer"):
        Gallery(path, MODEL)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file" / "g.db", tmp_path, "/proc/g.db", "/proc/none/g.db", "a\0b.db"):
        with pytest.raises(GalleryError, match="cannot be opened"):
            Gallery(place, MODEL)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(GalleryError, match="cannot be opened"):
        Gallery(folder / "g.db", MODEL)


def test_a_gallery_damaged_while_open_gives_a_typed_error(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enrol("Ann", template(1))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE templates SET vector = x'0102'")
    db.close()
    with Gallery(path, MODEL) as gallery, pytest.raises(GalleryError, match="damaged"):
        gallery.search(template(1))
    with Gallery(":memory:", MODEL) as gallery:
        gallery._db.execute("DROP TABLE templates")
        with pytest.raises(GalleryError, match="cannot be read"):
            gallery.people()


def open_and_enrol(path: Path, name: str, start) -> None:
    start.wait()
    with Gallery(path, MODEL) as gallery:
        for i in range(10):
            gallery.enrol(name, template(i))


def test_processes_that_open_a_new_gallery_at_once_all_enrol(path):
    start = SPAWN.Barrier(4)
    running = [SPAWN.Process(target=open_and_enrol, args=(path, f"process {n}", start)) for n in range(4)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * 4
    with Gallery(path, MODEL) as gallery:
        assert [(p.name, p.templates) for p in gallery.people()] == [(f"process {n}", 10) for n in range(4)]
