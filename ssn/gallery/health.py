"""How a gallery is: what is in it, and whether all of it is sound."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ssn.errors import GalleryError, ImageError
from ssn.gallery.fingerprint import SUMS, Sums
from ssn.gallery.names import folded
from ssn.gallery.sqlite import Gallery
from ssn.gallery.store import GalleryStore
from ssn.gallery.stored_face import stored_face
from ssn.gallery.vector_file import VectorFile
from ssn.models.light_cnn import EMBEDDING_SIZE

UNIT_WITHIN = 1e-3
"""How far a stored vector's length may be from 1."""
AT_A_TIME = 256


@dataclass(frozen=True)
class Statistics:
    """``models`` and ``spectra`` count templates; ``most`` is how many one person has; ``bytes`` are those of the
    gallery's files, ``vector_bytes`` of them in vector files. ``undoable`` changes can be taken back."""

    people: int
    templates: int
    pictures: int
    picture_bytes: int
    models: dict[str, int]
    spectra: dict[str, int]
    most: int
    with_notes: int
    undoable: int
    bytes: int
    vector_bytes: int


def in_file(store: GalleryStore) -> Gallery:
    """The same gallery, where it is one in a file. Raises GalleryError for another."""
    if isinstance(store, Gallery):
        return store
    raise GalleryError(
        f"{store.path} is not a gallery in a file.", "Migrate it into one first: python -m ssn gallery migrate."
    )


def statistics(store: GalleryStore) -> Statistics:
    """Counted by the database. Raises GalleryError."""
    gallery = in_file(store)
    with gallery._exclusively("DEFERRED"):
        people, noted = gallery._rows("SELECT COUNT(*), COUNT(NULLIF(notes, '')) FROM people")[0]
        sql = "SELECT COUNT(*), COUNT(face), COALESCE(SUM(length(face)), 0) FROM templates"
        templates, pictures, size = gallery._rows(sql)[0]
        models = dict(gallery._rows("SELECT model, COUNT(*) FROM templates GROUP BY model ORDER BY model"))
        spectra = dict(gallery._rows("SELECT spectrum, COUNT(*) FROM templates GROUP BY spectrum ORDER BY spectrum"))
        sql = "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM templates GROUP BY person)"
        most = gallery._rows(sql)[0][0]
        undoable = gallery._rows("SELECT COUNT(*) FROM changes")[0][0]
    saved = sum(_size(str(VectorFile(gallery.path, model).path)) for model in models)
    whole = saved + sum(_size(gallery.path + suffix) for suffix in ("", "-wal"))
    return Statistics(people, templates, pictures, size, models, spectra, most, noted, undoable, whole, saved)


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.isfile(path) else 0


@dataclass(frozen=True)
class Verification:
    """What was looked at, and a line for each thing that is not sound. ``vector_files`` says of each model's whether it
    fits; one that does not is made anew at the next start."""

    people: int
    templates: int
    pictures: int
    problems: tuple[str, ...]
    vector_files: dict[str, bool]

    @property
    def sound(self) -> bool:
        return not self.problems


def verify(store: GalleryStore, progress: Callable[[int, int], None] | None = None) -> Verification:
    """Read everything: the file's own structure, every vector (256 finite numbers of unit length, and those that were
    written), every picture (readable, of an aligned face's size), every name and what can be undone. Raises
    GalleryError where the file cannot be read at all."""
    gallery = in_file(store)
    problems = [f"the file: {line}" for (line,) in gallery._rows("PRAGMA integrity_check(20)") if line != "ok"]
    problems += [f"a row of {row[0]} belongs to nobody" for row in gallery._rows("PRAGMA foreign_key_check")]
    people = gallery._rows(
        "SELECT id, name, folded, EXISTS (SELECT 1 FROM templates WHERE person = p.id) FROM people p"
    )
    for number, name, fold, has_templates in people:
        if fold != folded(name):
            problems.append(f"person {number}: the name cannot be looked up")
        if not has_templates:
            problems.append(f"person {number}: has no template")
    for (number,) in gallery._rows("SELECT id FROM changes ORDER BY id DESC")[len(gallery.changes()) :][:1]:
        problems.append(f"change {number}: is damaged, so that it and what came before cannot be undone")
    total = gallery._rows("SELECT COUNT(*) FROM templates")[0][0]
    seen: Counter[str] = Counter()
    last = 0
    sql = """SELECT id, opened(vector, 'vector'), fingerprint = fingerprint_of(opened(vector, 'vector')),
             opened(face, 'face'), spectrum FROM templates WHERE id > ? ORDER BY id LIMIT ?"""
    while rows := gallery._rows(sql, last, AT_A_TIME):
        for number, vector, as_written, face, spectrum in rows:
            seen.update(templates=1, pictures=face is not None)
            problems += [f"template {number}: {reason}" for reason in _unsound(vector, as_written, face, spectrum)]
        last = rows[-1][0]
        if progress is not None:
            progress(min(seen["templates"], total), total)
    models = [row[0] for row in gallery._rows("SELECT DISTINCT model FROM templates ORDER BY model")]
    files = {model: fits for model in models if (fits := _vector_file_fits(gallery, model)) is not None}
    return Verification(len(people), seen["templates"], seen["pictures"], tuple(problems), files)


def _unsound(vector: bytes, as_written: bool, face: bytes | None, spectrum: str) -> list[str]:
    """What is wrong with one template."""
    reasons = []
    if len(vector) != 4 * EMBEDDING_SIZE:
        reasons.append(f"its vector has {len(vector)} bytes")
    else:
        numbers = np.frombuffer(vector, "<f4").astype(np.float64)
        if not as_written:
            reasons.append("its vector is not the one that was written")
        if not np.isfinite(numbers).all():
            reasons.append("its vector holds values that are no numbers")
        elif abs((length := float(np.linalg.norm(numbers))) - 1) > UNIT_WITHIN:
            reasons.append(f"its vector has the length {length:.4g}, not 1")
    if face is not None:
        try:
            stored_face(face, spectrum)  # type: ignore[arg-type]
        except ImageError as error:
            reasons.append(f"its picture: {error.what}")
    return reasons


def _vector_file_fits(gallery: Gallery, model: str) -> bool | None:
    """None where there is none."""
    file = VectorFile(gallery.path, model)
    if gallery.path == ":memory:" or not file.path.is_file():
        return None
    sums, last = Sums(), 0
    for templates, people, vectors in file.read():
        sums.add(templates, people, vectors)
        last = int(templates[-1]) if len(templates) else last
    return sums.equal(gallery._rows(f"{SUMS} AND id <= ?", model, last)[0]) and sums.count > 0


def check_exists(path: str) -> None:
    """Before a gallery is opened that is not to be made. Raises GalleryError."""
    if not os.path.isfile(path):
        raise GalleryError(f"There is no gallery {path}.", "Check its path, or enrol somebody first.")
