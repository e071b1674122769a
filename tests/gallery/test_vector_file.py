"""The vector file is never believed over the database: cut, flipped, stale, foreign, it is noticed and made anew."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from ssn.errors import GalleryError
from ssn.gallery import in_step
from ssn.gallery.fingerprint import fingerprint, fingerprints
from ssn.gallery.sqlite import Gallery
from ssn.gallery.vector_file import HEADER, RECORD, VectorFile
from tests.gallery.templates import MODEL, template

COUNT = 30


@pytest.fixture(autouse=True)
def worthwhile(monkeypatch):
    monkeypatch.setattr(in_step, "WORTHWHILE", 10)


@pytest.fixture
def saved(path) -> VectorFile:
    """A gallery of thirty people that was searched, and so has its file."""
    with Gallery(path, MODEL) as gallery:
        for seed in range(COUNT):
            gallery.enrol(f"P{seed}", template(seed))
        gallery.search(template(0))
    file = VectorFile(str(path), MODEL)
    assert file.path.stat().st_size == HEADER + COUNT * RECORD.itemsize
    return file


def vectors_read(path, monkeypatch) -> int:
    """How many vectors a start takes out of the database; the answers are checked."""
    count = 0
    with Gallery(path, MODEL) as gallery:
        rows = gallery._in_step._rows

        def counted(sql, *values):
            nonlocal count
            found = rows(sql, *values)
            count += len(found) if "t.vector" in sql else 0
            return found

        gallery._in_step._rows = counted
        names = {p.name for p in gallery.people()}
        for seed in range(COUNT):
            best = gallery.search(template(seed), 1)[0]
            assert (best.person == f"P{seed}") == (f"P{seed}" in names)
    return count


def test_a_start_reads_the_file_and_only_what_is_newer_from_the_database(path, saved, monkeypatch):
    assert vectors_read(path, monkeypatch) == 0
    with Gallery(path, MODEL) as gallery:
        gallery.enrol("New", template(99))
    assert vectors_read(path, monkeypatch) == 1
    assert vectors_read(path, monkeypatch) == 0, "it was added to the file"


@pytest.mark.parametrize("seed", range(25))
def test_any_flipped_bit_is_noticed_and_the_file_made_anew(path, saved, monkeypatch, seed):
    rng = np.random.default_rng(seed)
    right = saved.path.read_bytes()
    data = bytearray(right)
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    saved.path.write_bytes(data)
    assert vectors_read(path, monkeypatch) in (COUNT, COUNT + 1)
    assert saved.path.read_bytes() == right


@pytest.mark.parametrize("left", [0, 5, HEADER, HEADER + 100, HEADER + 7 * RECORD.itemsize, HEADER + 29 * 1040 + 1])
def test_a_cut_file_is_noticed_and_made_anew(path, saved, monkeypatch, left):
    right = saved.path.read_bytes()
    saved.path.write_bytes(right[:left])
    vectors_read(path, monkeypatch)
    assert saved.path.read_bytes() == right


def test_a_missing_file_is_made_anew_and_one_of_another_gallery_is_not_believed(path, saved, monkeypatch, tmp_path):
    right = saved.path.read_bytes()
    saved.path.unlink()
    assert vectors_read(path, monkeypatch) == COUNT
    assert saved.path.read_bytes() == right
    (tmp_path / "other").mkdir()
    with Gallery(tmp_path / "other" / "o.db", MODEL) as other:
        for seed in range(COUNT):
            other.enrol(f"Q{seed}", template(500 + seed))
        other.search(template(0))
    saved.path.write_bytes(VectorFile(str(tmp_path / "other" / "o.db"), MODEL).path.read_bytes())
    assert vectors_read(path, monkeypatch) == COUNT
    assert saved.path.read_bytes() == right


def test_a_database_put_back_from_a_copy_is_believed_over_the_file(path, saved, monkeypatch):
    copy = path.read_bytes()
    with Gallery(path, MODEL) as gallery:
        gallery.delete_person(gallery.person("P3").id)
        gallery.merge(gallery.person("P4").id, gallery.person("P5").id)
    path.write_bytes(copy)
    assert vectors_read(path, monkeypatch) == COUNT


def test_deleting_and_merging_change_the_file_too(path, saved, monkeypatch):
    with Gallery(path, MODEL) as gallery:
        gallery.delete_person(gallery.person("P3").id)
        gallery.merge(gallery.person("P29").id, gallery.person("P5").id)
    data = saved.path.read_bytes()
    vector = template(3).vector.astype("<f4").tobytes()
    assert not any(vector[i : i + 16] in data for i in range(0, 1024, 16))
    assert template(4).vector.astype("<f4").tobytes() in data
    with Gallery(path, MODEL) as gallery:
        rows = gallery._in_step._rows
        gallery._in_step._rows = lambda sql, *values: (
            pytest.fail("read from the database") if (found := rows(sql, *values)) and "t.vector" in sql else found
        )
        assert gallery.search(template(29), 1)[0].person == "P5"
        assert len(gallery.search(template(1), 99)) == COUNT - 2


def test_a_deletion_overwrites_a_file_it_cannot_read(path, saved):
    saved.path.write_bytes(b"\0" * HEADER + saved.path.read_bytes()[HEADER:])
    with Gallery(path, MODEL) as gallery:
        gallery.delete_person(gallery.person("P3").id)
    assert not saved.path.exists()


def test_a_bit_flipped_within_the_database_is_refused(path, saved):
    saved.path.unlink()
    with sqlite3.connect(path) as db:
        vector = bytearray(db.execute("SELECT vector FROM templates WHERE id=7").fetchone()[0])
        vector[100] ^= 1
        db.execute("UPDATE templates SET vector=? WHERE id=7", (bytes(vector),))
    db.close()
    with Gallery(path, MODEL) as gallery, pytest.raises(GalleryError, match="damaged"):
        gallery.search(template(1))


def test_every_bit_counts_in_a_fingerprint():
    vector = template(1).vector.astype("<f4").tobytes()
    known = fingerprint(vector)
    assert known == int(fingerprints(template(1).vector[None])[0])
    for bit in range(0, 8192, 7):
        flipped = bytearray(vector)
        flipped[bit // 8] ^= 1 << bit % 8
        assert fingerprint(bytes(flipped)) != known
    assert fingerprint(b"short") == 0
