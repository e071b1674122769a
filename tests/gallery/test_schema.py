"""Older files, files in use, and what errors say."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from ssn.errors import GalleryError
from ssn.gallery.health import verify
from ssn.gallery.schema import VERSION
from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template

OLD = """
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    model TEXT NOT NULL, spectrum TEXT NOT NULL, vector BLOB NOT NULL, face BLOB, origin TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX templates_of_model ON templates(model);
PRAGMA journal_mode=WAL;
PRAGMA user_version=1;
"""
"""The dump of a gallery file of version 1."""
NAMES = ["Ada", "Ben", "A\u200bda", "Cid\u200b", "李雷", "\u200b"]


@pytest.fixture
def old(path):
    """A file of version 1 in which six people are enrolled, one with two templates."""
    db = sqlite3.connect(path)
    db.executescript(OLD)
    for number, name in enumerate(NAMES, start=1):
        db.execute("INSERT INTO people(name) VALUES (?)", (name,))
        for seed in (number, number + 50)[: 1 + (number == 2)]:
            vector = template(seed).vector.astype("<f4").tobytes()
            db.execute(
                "INSERT INTO templates(person, model, spectrum, vector, face, origin) VALUES (?,?,'vis',?,?,?)",
                (number, MODEL, vector, b"face of %d" % number, f"{number}.jpg"),
            )
    db.commit()
    db.close()
    return path


def test_an_old_file_opens_with_everything_in_it(old):
    for _ in range(2):
        with Gallery(old, MODEL) as gallery:
            assert gallery._rows("PRAGMA user_version") == [(VERSION,)]
            assert gallery._rows("PRAGMA integrity_check") == [("ok",)]
            people = {person.name: person for person in gallery.people()}
            assert set(people) == {"Ada", "Ben", "A\u200bda", "Cid", "李雷", "\u200b"}, "cleaned where the name is free"
            assert people["Ben"].templates == 2
            for seed, name in ((1, "Ada"), (2, "Ben"), (52, "Ben"), (4, "Cid"), (5, "李雷")):
                match = gallery.search(template(seed), 1)[0]
                assert match.person == name
                assert match.score == pytest.approx(1, abs=1e-6)
                assert np.array_equal(gallery.template(match.template_id).vector, template(seed).vector)
            assert gallery.face_image(1) == b"face of 1"
            assert gallery.templates_of(2)[1][2] == "2.jpg"


def test_an_old_file_can_do_what_a_new_one_can(old):
    with Gallery(old, MODEL) as here, Gallery(old, MODEL) as there:
        assert [p.name for p in here.namesakes("ben")] == ["Ben"]
        assert there.search(template(1))[0].person == "Ada"
        here.enrol("Dee", template(9), digest=b"d")
        assert here.enrol("Dee", template(9), digest=b"d") == there.with_digest("Dee", b"d")
        here.delete_person(here.person("Ada").id)
        assert there.search(template(9))[0].person == "Dee"
        assert "Ada" not in {m.person for m in there.search(template(1), 99)}


def test_a_failed_move_to_the_new_version_leaves_the_old_one(old):
    db = sqlite3.connect(old)
    db.execute("CREATE TABLE deletions (anything TEXT)")
    db.commit()
    db.close()
    with pytest.raises(GalleryError, match="cannot be opened"):
        Gallery(old, MODEL)
    db = sqlite3.connect(old)
    assert db.execute("PRAGMA user_version").fetchone()[0] == 1
    assert "folded" not in {row[1] for row in db.execute("PRAGMA table_info(people)")}
    assert db.execute("SELECT COUNT(*) FROM people").fetchone()[0] == len(NAMES)
    db.close()


def test_a_passing_lock_is_no_damage(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enrol("Ann", template(1))
        gallery._db.execute("PRAGMA busy_timeout=10")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(GalleryError, match="in use by another program") as refused:
            gallery.enrol("Ben", template(2))
        assert "copy" not in str(refused.value)
        other.execute("ROLLBACK")
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.close()
        gallery.enrol("Ben", template(2))


def test_a_lock_while_reading_is_no_damage(path, monkeypatch):
    with Gallery(path, MODEL) as gallery:
        gallery.enrol("Ann", template(1))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=DELETE")
    db.execute("BEGIN EXCLUSIVE")
    with pytest.raises(GalleryError, match="in use by another program"):
        Gallery(path, MODEL)
    db.execute("ROLLBACK")
    db.close()
    with Gallery(path, MODEL) as gallery:
        assert gallery.people()[0].name == "Ann"


def test_only_real_damage_asks_for_a_copy(path):
    with Gallery(path, MODEL) as gallery:
        for seed in range(40):
            gallery.enrol(f"P{seed}", template(seed), b"x" * 9000)
    data = bytearray(path.read_bytes())
    data[8192 : len(data) - 8192] = b"\xa5" * (len(data) - 16384)
    path.write_bytes(data)

    def read_everything():
        with Gallery(path, MODEL) as gallery:
            gallery.roster()
            gallery.search(template(1))

    with pytest.raises(GalleryError, match=r"damaged.*Restore it from a copy|cannot be opened"):
        read_everything()
    with Gallery(":memory:", MODEL) as gallery:
        gallery.close()
        with pytest.raises(GalleryError, match="cannot be read") as refused:
            gallery.people()
        assert "Restore" not in str(refused.value)


@pytest.fixture
def third(path):
    """A file of version 3, in which names were folded by their case alone."""
    with Gallery(path, MODEL) as gallery:
        for seed, name in enumerate(("İpek", "Ｂｅｎ", "Cid"), start=1):
            gallery.enrol(name, template(seed))
    with sqlite3.connect(path) as db:
        db.executemany(
            "UPDATE people SET folded=? WHERE name=?", [(n.casefold(), n) for n in ("İpek", "Ｂｅｎ", "Cid")]
        )
        db.execute("PRAGMA user_version=3")
    db.close()
    return path


def test_names_of_the_third_version_are_folded_anew(third):
    with Gallery(third, MODEL) as gallery:
        assert gallery._rows("PRAGMA user_version") == [(VERSION,)]
        assert [gallery.namesakes(name)[0].name for name in ("ipek", "ben", "CID")] == ["İpek", "Ｂｅｎ", "Cid"]
        assert verify(gallery).sound


def test_the_third_version_can_be_searched_where_nothing_can_be_written(third, monkeypatch):
    def read_only(*_: object) -> None:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise error

    monkeypatch.setattr("ssn.gallery.schema._write_ahead", read_only)
    with Gallery(third, MODEL) as gallery:
        assert gallery.search(template(1))[0].person == "İpek"
        assert gallery._rows("PRAGMA user_version") == [(3,)]
