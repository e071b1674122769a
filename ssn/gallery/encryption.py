"""Encrypting a gallery's file, and the other way round: in one transaction, and nothing readable is left."""

from __future__ import annotations

from collections.abc import Callable

from ssn.errors import GalleryError, GalleryKeyError
from ssn.gallery.fingerprint import fingerprint
from ssn.gallery.health import in_file
from ssn.gallery.sealing import HOW, Seal, mark, read_key
from ssn.gallery.sqlite import Gallery
from ssn.gallery.store import GalleryStore

AT_A_TIME = 500
Progress = Callable[[int, int], None]


def encrypt(store: GalleryStore, progress: Progress | None = None) -> int:
    """Every picture and template under the key that is given → how many templates. Raises GalleryKeyError without a
    key, GalleryError where the gallery is encrypted already."""
    gallery = in_file(store)
    if gallery.encrypted:
        raise GalleryError(f"The gallery {gallery.path} is encrypted already.", "There is nothing to do.")
    if (key := read_key()) is None:
        raise GalleryKeyError(
            "There is no key to encrypt with.", f"python -m ssn gallery new-key FILE makes one. {HOW}"
        )
    seal = Seal(key)

    def changed(vector: bytes, face: bytes | None) -> tuple[bytes, bytes | None]:
        return seal.sealed(vector, "vector"), None if face is None else seal.sealed(face, "face")

    return _rewrite(gallery, seal, changed, progress)


def decrypt(store: GalleryStore, progress: Progress | None = None) -> int:
    """The other way round. Raises GalleryError where the gallery is not encrypted."""
    gallery = in_file(store)
    if not gallery.encrypted:
        raise GalleryError(f"The gallery {gallery.path} is not encrypted.", "There is nothing to do.")
    return _rewrite(gallery, None, lambda vector, face: (vector, face), progress)


def _rewrite(
    gallery: Gallery,
    seal: Seal | None,
    changed: Callable[[bytes, bytes | None], tuple[bytes, bytes | None]],
    progress: Progress | None,
) -> int:
    """Read as it is, written as it will be; then the vector files, which hold all of it once more, are overwritten."""
    known_by = fingerprint if seal is None else seal.fingerprint
    with gallery._transaction() as db:
        total, last = db.execute("SELECT COUNT(*) FROM templates").fetchone()[0], 0
        done = 0
        sql = """SELECT id, opened(vector, 'vector'), opened(face, 'face') FROM templates
                 WHERE id > ? ORDER BY id LIMIT ?"""
        while rows := db.execute(sql, (last, AT_A_TIME)).fetchall():
            for number, vector, face in rows:
                values = (*changed(vector, face), known_by(vector), number)
                db.execute("UPDATE templates SET vector=?, face=?, fingerprint=? WHERE id=?", values)
            last, done = rows[-1][0], done + len(rows)
            if progress is not None:
                progress(done, total)
        db.execute("DROP TABLE IF EXISTS parts")  # of the faces, which are made again from their pictures
        models = [row[0] for row in db.execute("SELECT DISTINCT model FROM templates")]
        if seal is None:
            db.execute("DROP TABLE sealing")
        else:
            mark(db, seal)
    gallery._reseal(seal, models)
    return total
