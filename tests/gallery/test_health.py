"""What is counted, and what is found not to be sound."""

from __future__ import annotations

import sqlite3

import pytest

from ssn.errors import GalleryError
from ssn.gallery import in_step
from ssn.gallery.fingerprint import fingerprint
from ssn.gallery.health import check_exists, statistics, verify
from ssn.gallery.sqlite import Gallery
from ssn.gallery.stored_face import picture_of
from ssn.gallery.vector_file import VectorFile
from tests.gallery.templates import MODEL, template
from tests.gallery.toys import ToyFinder, picture


@pytest.fixture
def full(gallery, monkeypatch) -> Gallery:
    monkeypatch.setattr(in_step, "WORTHWHILE", 3)
    face = ToyFinder().face(picture(1))
    for seed, name in enumerate(["Ann", "Ann", "Ann", "Ben", "Cid"]):
        gallery.enrol(name, template(seed, spectrum="nir" if seed else "vis"), picture_of(face) if seed else None)
    gallery.set_notes(gallery.person("Ben").id, "x")
    gallery.search(template(1))
    return gallery


def test_everything_is_counted(full, path):
    found = statistics(full)
    assert (found.people, found.templates, found.pictures, found.most, found.with_notes) == (3, 5, 4, 3, 1)
    assert found.models == {MODEL: 5}
    assert found.spectra == {"nir": 4, "vis": 1}
    assert found.undoable == 6
    assert found.vector_bytes == VectorFile(str(path), MODEL).path.stat().st_size
    assert found.bytes >= path.stat().st_size + found.vector_bytes


def test_a_sound_gallery_has_no_problems(full):
    told = []
    found = verify(full, lambda done, total: told.append((done, total)))
    assert found.sound
    assert (found.people, found.templates, found.pictures) == (3, 5, 4)
    assert found.vector_files == {MODEL: True}
    assert told == [(5, 5)]


def spoil(path, sql: str, *values) -> None:
    db = sqlite3.connect(path)
    with db:
        db.execute(sql, values)
    db.close()


LONG = (2 * template(1).vector).astype("<f4").tobytes()
NAN = (template(1).vector * float("nan")).astype("<f4").tobytes()


@pytest.mark.parametrize(
    ("sql", "values", "problem"),
    [
        ("UPDATE templates SET vector = ? WHERE id = 2", (b"short",), "template 2: its vector has 5 bytes"),
        ("UPDATE templates SET vector = ? WHERE id = 2", (LONG,), "template 2: its vector is not the one"),
        ("UPDATE templates SET vector = ?, fingerprint = ? WHERE id = 3", (LONG, fingerprint(LONG)), "length 2, not 1"),
        ("UPDATE templates SET vector = ?, fingerprint = ? WHERE id = 3", (NAN, fingerprint(NAN)), "no numbers"),
        ("UPDATE templates SET face = ? WHERE id = 4", (b"no picture",), "template 4: its picture"),
        ("UPDATE people SET folded = 'x' WHERE id = 1", (), "person 1: the name cannot be looked up"),
        ("DELETE FROM templates WHERE id = 5", (), "has no template"),
        ("UPDATE templates SET person = 77 WHERE id = 5", (), "belongs to nobody"),
    ],
)
def test_what_is_not_sound_is_said(full, path, sql, values, problem):
    spoil(path, sql, *values)
    assert any(problem in line for line in verify(full).problems)


def test_a_vector_file_that_does_not_fit_is_told_and_is_no_problem(full, path):
    file = VectorFile(str(path), MODEL).path
    file.write_bytes(file.read_bytes()[:-1])
    found = verify(full)
    assert found.sound
    assert found.vector_files == {MODEL: False}


def test_a_gallery_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(GalleryError, match="no gallery"):
        check_exists(str(tmp_path / "none.db"))
