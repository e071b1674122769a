"""``gallery migrate``, ``new-key``, ``encrypt`` and ``decrypt`` from the command line."""

from __future__ import annotations

import pytest

from ssn.gallery.sealing import KEY, KEY_FILE
from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    monkeypatch.delenv(KEY_FILE, raising=False)


@pytest.fixture
def gallery(tmp_path):
    with Gallery(tmp_path / "g.db", MODEL) as store:
        for seed, name in enumerate(("Ada", "Ben", "Cid")):
            store.enrol(name, template(seed), b"picture %d" % seed)
    return tmp_path / "g.db"


def test_a_gallery_is_migrated_and_compared(ask, gallery, tmp_path):
    done = ask("gallery", "migrate", gallery, tmp_path / "new.db")
    assert done.status == 0
    assert (done.data["people"], done.data["templates"], done.data["pictures"]) == (3, 3, 3)
    assert len(done.data["checksum"]) == 64
    with Gallery(tmp_path / "new.db", MODEL) as store:
        assert [person.name for person in store.people()] == ["Ada", "Ben", "Cid"]
    assert "is not empty" in ask("gallery", "migrate", gallery, tmp_path / "new.db").err
    assert "There is no gallery" in ask("gallery", "migrate", tmp_path / "none.db", tmp_path / "x.db").err
    assert "No gallery is kept at ftp://" in ask("gallery", "migrate", gallery, "ftp://host").err


def test_a_gallery_is_encrypted_and_decrypted(ask, gallery, tmp_path, monkeypatch):
    plain = template(1).vector.astype("<f4").tobytes()[:64]
    assert "There is no key" in ask("gallery", "encrypt", gallery).err
    assert ask("gallery", "new-key", tmp_path / "key").status == 0
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert ask("gallery", "new-key", tmp_path / "key").status == 2
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "key"))
    assert plain in gallery.read_bytes()
    assert ask("gallery", "encrypt", gallery).data["encrypted"] == 3
    assert plain not in gallery.read_bytes()
    monkeypatch.delenv(KEY_FILE)
    refused = ask("gallery", "list", gallery)
    assert refused.status == 2
    assert "is encrypted" in refused.err
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "key"))
    assert len(ask("gallery", "list", gallery).data["people"]) == 3
    assert ask("gallery", "decrypt", gallery).data["decrypted"] == 3
    assert plain in gallery.read_bytes()


def test_what_only_files_have_says_so(ask, monkeypatch):
    with Gallery(":memory:", MODEL) as store:
        monkeypatch.setattr("ssn.commands.gallery.open_store", lambda *_: OnServer(store))
        for words in (("stats",), ("verify",), ("export", "out.zip"), ("import", "in.zip")):
            refused = ask("gallery", words[0], "http://host", *words[1:])
            assert refused.status == 2
            assert "is not a gallery in a file" in refused.err


class OnServer:
    """Somewhere else."""

    path = "http://host:19530/gallery"

    def __init__(self, store):
        self.store = store

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing is open."""
