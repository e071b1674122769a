"""A whole gallery from one store into another, with its numbers, and checked afterwards: what was written is read back
and must be what was read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass

import numpy as np

from ssn.errors import GalleryError
from ssn.gallery.contents import Contents, StoredTemplate, read_file, write_file
from ssn.gallery.editing import StoredPerson
from ssn.gallery.milvus import MilvusGallery
from ssn.gallery.milvus_contents import read_server, write_server
from ssn.gallery.sqlite import Gallery
from ssn.gallery.store import GalleryStore

Progress = Callable[[int, int], None]
"""Told how many templates are done, and of how many."""


@dataclass(frozen=True)
class Migrated:
    """How much is in the new place. ``checksum`` is over all of it, in hexadecimal: the same in both."""

    people: int
    templates: int
    pictures: int
    checksum: str


class Tally:
    """Counts, and a sum of hashes that does not depend on the order."""

    def __init__(self) -> None:
        self.people = self.templates = self.pictures = self._sum = 0

    def person(self, person: StoredPerson) -> StoredPerson:
        self.people += 1
        self._add(json.dumps(asdict(person)).encode())
        return person

    def template(self, template: StoredTemplate) -> StoredTemplate:
        self.templates += 1
        self.pictures += template.picture is not None
        facts = {key: value for key, value in vars(template).items() if key not in ("vector", "picture", "digest")}
        digest, picture = (None if part is None else part.hex() for part in (template.digest, template.picture))
        vector = np.ascontiguousarray(template.vector, "<f4").tobytes().hex()
        self._add(json.dumps({**facts, "digest": digest, "picture": picture, "vector": vector}).encode())
        return template

    def _add(self, content: bytes) -> None:
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(content).digest())) % 2**256

    def result(self) -> Migrated:
        return Migrated(self.people, self.templates, self.pictures, f"{self._sum:064x}")


def migrate(source: GalleryStore, target: GalleryStore, progress: Progress | None = None) -> Migrated:
    """Everything in ``source``, of all models, into ``target``, which has to be empty; what can be undone is not among
    it. Raises GalleryError where the target is not empty, either cannot be migrated, or something is not the same
    afterwards: then the target is not to be used."""
    if target.size() != (0, 0) or target.people():
        raise GalleryError(f"The gallery {target.path} is not empty.", "Name a new one.")
    read = Tally()
    with _contents(source) as contents:
        people = map(read.person, contents.people)
        _fill(target, people, _told(map(read.template, contents.templates), contents.count, progress))
    written = _tally(target)
    if written != read.result():
        raise GalleryError(
            f"What is in {target.path} is not what was in {source.path}.",
            "Delete it, see that nobody changes the gallery, and migrate again.",
        )
    return written


def _tally(store: GalleryStore) -> Migrated:
    tally = Tally()
    with _contents(store) as contents:
        for person in contents.people:
            tally.person(person)
        for template in contents.templates:
            tally.template(template)
    return tally.result()


def _told(templates: Iterator[StoredTemplate], count: int, progress: Progress | None) -> Iterator[StoredTemplate]:
    for done, template in enumerate(templates, start=1):
        yield template
        if progress is not None:
            progress(done, count)


def _contents(store: GalleryStore) -> AbstractContextManager[Contents]:
    if isinstance(store, Gallery):
        return read_file(store)
    if isinstance(store, MilvusGallery):
        return nullcontext(read_server(store))
    raise _no_way(store)


def _fill(store: GalleryStore, people: Iterator[StoredPerson], templates: Iterator[StoredTemplate]) -> None:
    if isinstance(store, Gallery):
        write_file(store, people, templates)
    elif isinstance(store, MilvusGallery):
        write_server(store, people, templates)
    else:
        raise _no_way(store)


def _no_way(store: GalleryStore) -> GalleryError:
    return GalleryError(f"The gallery {store.path} cannot be migrated.", "Only those in files and on Milvus can.")
