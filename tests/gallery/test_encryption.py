"""An encrypted gallery: no face can be read on the disk, one key opens it, and what is deleted leaves no trace."""

from __future__ import annotations

import io
import itertools
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ssn.errors import GalleryError, GalleryKeyError
from ssn.gallery import in_step
from ssn.gallery.archive import export_gallery, import_gallery
from ssn.gallery.encryption import decrypt, encrypt
from ssn.gallery.health import verify
from ssn.gallery.migrate import migrate
from ssn.gallery.sealing import KEY, KEY_FILE, Seal, write_key
from ssn.gallery.sqlite import Gallery
from ssn.gallery.vector_file import VectorFile
from tests.gallery.histories import Plain, history, state_of, tell
from tests.gallery.templates import MODEL, template
from tests.gallery.toys import picture

COUNT = 24


@pytest.fixture(autouse=True)
def worthwhile(monkeypatch):
    monkeypatch.setattr(in_step, "WORTHWHILE", 10)
    monkeypatch.delenv(KEY, raising=False)
    monkeypatch.delenv(KEY_FILE, raising=False)


@pytest.fixture
def key(monkeypatch, tmp_path) -> Path:
    file = tmp_path / "keys" / "key"
    file.parent.mkdir()
    write_key(file)
    monkeypatch.setenv(KEY_FILE, str(file))
    return file


def face(seed: int) -> bytes:
    """An encoded picture that does not compress away."""
    buffer = io.BytesIO()
    picture(seed, noise=seed + 1).save(buffer, "PNG")
    return buffer.getvalue()


def fill(gallery: Gallery) -> None:
    for seed in range(COUNT):
        gallery.enrol(f"P{seed}", template(seed), face(seed), "photo.jpg", bytes([seed]) * 32)
    gallery.search(template(0))


def on_disk(path: Path) -> bytes:
    """Everything that lies beside the gallery: its log and its vector files too."""
    files = sorted(path.parent.glob(f"{path.name}*"))
    assert files
    return b"".join(file.read_bytes() for file in files)


def traces(path: Path, seed: int) -> int:
    """How many pieces of a template or picture are on the disk; all pieces of 16 bytes are looked for."""
    disk, vector = on_disk(path), template(seed).vector.astype("<f4").tobytes()
    shown = face(seed)[64:-16]  # without what all PNG files share
    pieces = [whole[i : i + 16] for whole in (vector, shown) for i in range(0, len(whole) - 16, 16)]
    return sum(piece in disk for piece in pieces)


def check(gallery: Gallery) -> None:
    for seed in range(0, COUNT, 5):
        best = gallery.search(template(seed), 1)[0]
        assert (best.person, round(best.score, 5)) == (f"P{seed}", 1.0)
        assert (
            gallery.face_image(best.template_id)
            == face(seed)
            == gallery.face_images([best.template_id])[best.template_id]
        )
        assert np.array_equal(gallery.template(best.template_id).vector, template(seed).vector)
        assert gallery.stored_face(best.template_id).pixels.shape == (128, 128, 3)
    assert verify(gallery).sound


def test_a_new_gallery_is_encrypted_where_there_is_a_key(path, key):
    with Gallery(path, MODEL) as gallery:
        assert gallery.encrypted
        fill(gallery)
        check(gallery)
        assert sum(traces(path, seed) for seed in range(COUNT)) == 0
    with Gallery(path, MODEL) as gallery:
        check(gallery)
    assert sum(traces(path, seed) for seed in range(COUNT)) == 0
    assert not VectorFile(str(path), MODEL).path.exists()


def test_without_its_key_or_with_another_it_does_not_open(path, key, monkeypatch):
    with Gallery(path, MODEL) as gallery:
        fill(gallery)
    monkeypatch.delenv(KEY_FILE)
    with pytest.raises(GalleryKeyError, match=r"is encrypted\. Set SSN_GALLERY_KEY_FILE"):
        Gallery(path, MODEL)
    for wrong, said in (("00" * 32, "another key"), ("00" * 31, "is none"), ("no key", "cannot be read")):
        monkeypatch.setenv(KEY, wrong)
        with pytest.raises(GalleryKeyError, match=said):
            Gallery(path, MODEL)
    monkeypatch.setenv(KEY, key.read_text())
    with Gallery(path, MODEL) as gallery:
        check(gallery)
    monkeypatch.delenv(KEY)
    monkeypatch.setenv(KEY_FILE, "/nowhere/key")
    with pytest.raises(GalleryKeyError, match="cannot be read"):
        Gallery(path, MODEL)


def test_there_and_back(path, key, monkeypatch):
    value = key.read_text()
    monkeypatch.delenv(KEY_FILE)
    with Gallery(path, MODEL) as gallery:
        fill(gallery)
        assert not gallery.encrypted
        with pytest.raises(GalleryKeyError, match="no key to encrypt with"):
            encrypt(gallery)
        assert VectorFile(str(path), MODEL).path.exists()
        assert traces(path, 3) > 60
        monkeypatch.setenv(KEY, value)
        assert encrypt(gallery) == COUNT
        assert sum(traces(path, seed) for seed in range(COUNT)) == 0
        check(gallery)
        with pytest.raises(GalleryError, match="encrypted already"):
            encrypt(gallery)
        gallery.enrol("New", template(99), face(99))
        assert traces(path, 99) == 0
    with Gallery(path, MODEL) as gallery:
        check(gallery)
        assert decrypt(gallery) == COUNT + 1
        check(gallery)
        with pytest.raises(GalleryError, match="not encrypted"):
            decrypt(gallery)
    monkeypatch.delenv(KEY)
    with Gallery(path, MODEL) as gallery:
        check(gallery)


def test_an_old_gallery_stays_readable_when_there_is_a_key(path, key, monkeypatch):
    monkeypatch.delenv(KEY_FILE)
    with Gallery(path, MODEL) as gallery:
        fill(gallery)
    monkeypatch.setenv(KEY_FILE, str(key))
    with Gallery(path, MODEL) as gallery:
        assert not gallery.encrypted
        check(gallery)


def test_a_program_that_had_it_open_writes_nothing_readable_into_it(path, key):
    with Gallery(path, MODEL) as gallery:
        fill(gallery)
        with Gallery(path, MODEL) as other:
            decrypt(other)
        with pytest.raises(GalleryError, match=r"was decrypted meanwhile\. Open it again"):
            gallery.enrol("New", template(99), face(99))
        with Gallery(path, MODEL) as other:
            encrypt(other)
        gallery.enrol("New", template(99), face(99))
    with Gallery(path, MODEL) as gallery:
        check(gallery)


def test_a_kill_while_encrypting_leaves_it_as_it_was(path, key, monkeypatch):
    monkeypatch.delenv(KEY_FILE)
    with Gallery(path, MODEL) as gallery:
        fill(gallery)
        monkeypatch.setenv(KEY_FILE, str(key))
        calls = itertools.count()

        def stopped(self, value, what):
            if next(calls) > COUNT:
                raise KeyboardInterrupt
            return value[::-1]

        monkeypatch.setattr(Seal, "sealed", stopped)
        with pytest.raises(KeyboardInterrupt):
            encrypt(gallery)
        monkeypatch.undo()
        check(gallery)
    with Gallery(path, MODEL) as gallery:
        assert not gallery.encrypted
        check(gallery)


def test_a_flipped_bit_or_a_value_in_anothers_place_is_noticed(path, key):
    with Gallery(path, MODEL) as gallery:
        fill(gallery)
    with sqlite3.connect(path) as db:
        vector = bytearray(db.execute("SELECT vector FROM templates WHERE id=7").fetchone()[0])
        vector[100] ^= 1
        db.execute("UPDATE templates SET vector=? WHERE id=7", (bytes(vector),))
        db.execute("UPDATE templates SET face=vector WHERE id=8")
    db.close()
    with Gallery(path, MODEL) as gallery:
        for ask in (lambda: gallery.search(template(1)), lambda: gallery.template(7), lambda: gallery.face_image(8)):
            with pytest.raises(GalleryError, match="is damaged"):
                ask()
        assert gallery.face_image(7) == face(6)


@pytest.mark.parametrize("keyed", [False, True])
def test_what_is_deleted_is_nowhere(path, key, monkeypatch, keyed):
    if not keyed:
        monkeypatch.delenv(KEY_FILE)
    with Gallery(path, MODEL) as gallery:
        fill(gallery)
        ciphers = {row[0]: row[1] + row[2] for row in gallery._rows("SELECT id, vector, face FROM templates")}
        before = on_disk(path)
        gone = {3: gallery.person("P3").id, 9: gallery.person("P9").id}
        gallery.delete_person(gone[3])
        gallery.delete_template(10)
        disk = on_disk(path)
        for seed in (3, 9):
            stored = ciphers[seed + 1]
            others = b"".join(value for number, value in ciphers.items() if number not in (4, 10))
            pieces = [stored[i : i + 24] for i in range(0, len(stored) - 24, 24)]
            pieces = [piece for piece in pieces if piece not in others]  # all PNG files begin alike
            assert sum(piece in before for piece in pieces) > 40, "the search of this test finds what is there"
            assert not any(piece in disk for piece in pieces)
            assert not keyed or traces(path, seed) == 0
        index = gallery._in_step._index
        assert len(index) == COUNT - 2
        memory = index._vectors.numpy()
        for seed in (3, 9):
            assert not (memory == template(seed).vector).all(axis=1).any()
        assert (memory == template(4).vector).all(axis=1).any()


def test_histories_exports_and_migrations(path, key, tmp_path, monkeypatch):
    with Gallery(path, MODEL) as gallery:
        plain = Plain()
        for step in history(5):
            tell(gallery, *step)
            plain.do(*step)
        assert state_of(gallery) == plain.state()
        export_gallery(gallery, tmp_path / "all.zip")
        again = import_gallery(gallery, tmp_path / "all.zip")
        assert (again.templates, again.already) == (0, gallery.size()[0])
        monkeypatch.delenv(KEY_FILE)
        with Gallery(tmp_path / "open.db", MODEL) as unsealed, Gallery(tmp_path / "moved.db", MODEL) as moved:
            import_gallery(unsealed, tmp_path / "all.zip")
            assert state_of(unsealed) == plain.state()
            assert migrate(gallery, moved).templates == gallery.size()[0]
            assert not moved.encrypted
            assert state_of(moved) == plain.state()


def test_parts_of_faces_are_encrypted_too_and_made_again_where_the_key_changes(tmp_path, key):
    parts = {number: bytes(np.random.default_rng(number).integers(0, 256, 4096, np.uint8)) for number in (1, 2)}
    path = tmp_path / "people.db"
    with Gallery(path, MODEL) as gallery:
        fill(gallery)
        decrypt(gallery)  # with a key a gallery begins encrypted
        gallery.keep_parts(parts)
        assert gallery.parts_of([1, 2, 3]) == parts
        encrypt(gallery)
        assert gallery.parts_of([1, 2]) == {}
        assert not any(part[:16] in on_disk(path) for part in parts.values())
        gallery.keep_parts(parts)
    with Gallery(path, MODEL) as again:
        assert again.parts_of([1, 2]) == parts
        assert not any(part[i : i + 16] in on_disk(path) for part in parts.values() for i in range(0, 4000, 16))
        decrypt(again)
        assert again.parts_of([1, 2]) == {}
