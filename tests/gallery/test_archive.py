"""A gallery as one file: it comes back whole, and a damaged file brings nothing."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from ssn.errors import GalleryError
from ssn.gallery.archive import export_gallery, import_gallery
from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template


def everything(gallery: Gallery) -> list[tuple]:
    sql = """SELECT p.name, p.notes, p.created, t.model, t.spectrum, t.vector, t.face, t.origin, t.digest, t.created,
             t.fingerprint FROM templates t JOIN people p ON p.id = t.person ORDER BY t.id"""
    return gallery._rows(sql)


@pytest.fixture
def full(gallery, path) -> Gallery:
    for seed in range(9):
        name = f"Ж{seed // 2} O'Neil"
        picture = b"picture %d" % seed * 50 if seed % 3 else None
        gallery.enrol(
            name, template(seed, spectrum="nir"), picture, f"{seed}\n.jpg", b"%d" % seed if seed % 2 else None
        )
    gallery.set_notes(gallery.person("Ж1 O'Neil").id, "left-handed\nNIR only")
    with Gallery(path, "other") as other:
        other.enrol("Zoe", template(50, "other"), b"z")
    return gallery


def test_what_is_exported_comes_back_the_same(full, tmp_path):
    done = export_gallery(full, tmp_path / "out.zip")
    assert (done.people, done.templates) == (6, 10)
    with Gallery(tmp_path / "new.db", MODEL) as new:
        assert import_gallery(new, tmp_path / "out.zip").templates == 10
        assert everything(new) == everything(full)
        assert new.search(template(3), 1)[0].person == "Ж1 O'Neil"
        again = import_gallery(new, tmp_path / "out.zip")
        assert (again.templates, again.already) == (0, 10), "nothing twice"
        assert everything(new) == everything(full)


def test_an_import_joins_people_of_the_same_name_and_keeps_their_notes(full):
    file = io.BytesIO()
    export_gallery(full, file)
    with Gallery(":memory:", MODEL) as other:
        other.enrol("Ж1 O'Neil", template(99))
        other.set_notes(other.people()[0].id, "mine")
        import_gallery(other, file)
        assert other.person("Ж1 O'Neil").templates == 3
        assert other.notes(other.person("Ж1 O'Neil").id) == "mine"


@pytest.mark.parametrize("seed", range(30))
def test_a_file_with_a_flipped_bit_brings_nothing_or_what_it_was(full, seed):
    file = io.BytesIO()
    export_gallery(full, file)
    data, rng = bytearray(file.getvalue()), np.random.default_rng(seed)
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    with Gallery(":memory:", MODEL) as other:
        try:
            import_gallery(other, io.BytesIO(bytes(data)))
        except GalleryError:
            assert other.people() == []
        else:  # a date in the ZIP's own directory, say
            assert everything(other) == everything(full)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused(full, share):
    file = io.BytesIO()
    export_gallery(full, file)
    with Gallery(":memory:", MODEL) as other:
        with pytest.raises(GalleryError, match="damaged"):
            import_gallery(other, io.BytesIO(file.getvalue()[: int(share * len(file.getvalue()))]))
        assert other.people() == []


def changed(full, name: str, change, manifest=None) -> io.BytesIO:
    """An export with one entry changed and its hash made right again."""
    import hashlib

    file, out = io.BytesIO(), io.BytesIO()
    export_gallery(full, file)
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w") as new:
        entries = {entry: old.read(entry) for entry in old.namelist()}
        entries[name] = change(entries[name])
        facts = json.loads(entries["manifest.json"])
        facts["sha256"][name] = hashlib.sha256(entries[name]).hexdigest()
        entries["manifest.json"] = json.dumps({**facts, **(manifest or {})}).encode()
        for entry, content in entries.items():
            new.writestr(entry, content)
    return out


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("vectors.f32", lambda data: np.full(len(data) // 4, np.nan, "<f4").tobytes()),
        ("vectors.f32", lambda data: data[:-4]),
        ("pictures.bin", lambda data: data[:-1]),
        ("people.jsonl", lambda data: data.replace(b'"id": 1', b'"id": 77')),
        ("people.jsonl", lambda data: data.replace("Ж1".encode(), b"\\u0000")),
        ("templates.jsonl", lambda data: data.replace(b'"nir"', b'"xray"', 1)),
        ("templates.jsonl", lambda data: data[:-9]),
    ],
)
def test_a_forged_file_is_refused_as_a_whole(full, name, change):
    with Gallery(":memory:", MODEL) as other:
        with pytest.raises(GalleryError):
            import_gallery(other, changed(full, name, change))
        assert other.people() == []


def test_a_newer_version_and_another_zip_are_refused(full, tmp_path):
    with Gallery(":memory:", MODEL) as other:
        with pytest.raises(GalleryError, match="newer"):
            import_gallery(other, changed(full, "people.jsonl", lambda data: data, {"version": 2}))
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
            archive.writestr("a.txt", "a")
        with pytest.raises(GalleryError, match="no exported gallery"):
            import_gallery(other, tmp_path / "photos.zip")
        with pytest.raises(GalleryError, match="no file"):
            import_gallery(other, tmp_path / "none.zip")
    with pytest.raises(GalleryError, match="cannot be exported"):
        export_gallery(full, tmp_path)
