"""All that is in a gallery, one person and one template after the other; out of a gallery's file and into one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssn.gallery.editing import StoredPerson
from ssn.gallery.names import folded
from ssn.gallery.sqlite import Gallery

AT_A_TIME = 500


@dataclass(frozen=True)
class StoredTemplate:
    """``vector`` (256,) float32. ``source`` is the template of another model it was made again from."""

    id: int
    person: int
    model: str
    spectrum: str
    origin: str
    created: str
    source: int | None
    digest: bytes | None
    vector: np.ndarray
    picture: bytes | None


@dataclass(frozen=True)
class Contents:
    """``people`` and ``templates`` come by their numbers and are to be read in this order, each once; ``count`` is of
    templates."""

    count: int
    people: Iterator[StoredPerson]
    templates: Iterator[StoredTemplate]


@contextlib.contextmanager
def read_file(gallery: Gallery) -> Iterator[Contents]:
    """What is in a gallery's file at one moment. Raises GalleryError."""
    with gallery._exclusively("DEFERRED"):
        count = gallery._rows("SELECT COUNT(*) FROM templates")[0][0]
        people = gallery._rows("SELECT id, name, notes, created FROM people ORDER BY id")
        yield Contents(count, (StoredPerson(*row) for row in people), _templates(gallery))


def _templates(gallery: Gallery) -> Iterator[StoredTemplate]:
    sql = """SELECT id, person, model, spectrum, origin, created, source, digest,
             opened(vector, 'vector'), opened(face, 'face') FROM templates
             WHERE id > ? ORDER BY id LIMIT ?"""
    last = 0
    while rows := gallery._rows(sql, last, AT_A_TIME):
        for *facts, vector, face in rows:
            yield StoredTemplate(*facts, np.frombuffer(vector, "<f4"), face)  # type: ignore[call-arg]
        last = rows[-1][0]


def write_file(gallery: Gallery, people: Iterator[StoredPerson], templates: Iterator[StoredTemplate]) -> None:
    """Into an empty gallery's file, all or nothing. Raises GalleryError."""
    with gallery._transaction() as db:
        for person in people:
            db.execute(
                "INSERT INTO people(id, name, folded, notes, created) VALUES (?, ?, ?, ?, ?)",
                (person.id, person.name, folded(person.name), person.notes, person.created),
            )
        sql = """INSERT INTO templates(id, person, model, spectrum, origin, created, source, digest, vector,
                 fingerprint, face) VALUES (?,?,?,?,?,?,?,?,sealed(?,'vector'),fingerprint_of(?),sealed(?,'face'))"""
        for one in templates:
            vector = np.ascontiguousarray(one.vector, "<f4").tobytes()
            facts = (one.id, one.person, one.model, one.spectrum, one.origin, one.created, one.source, one.digest)
            db.execute(sql, (*facts, vector, vector, one.picture))
