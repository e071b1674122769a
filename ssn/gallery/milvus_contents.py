"""All that is in a gallery on a Milvus server, out of it and into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import TypeVar

from ssn.errors import GalleryError
from ssn.gallery.contents import Contents, StoredTemplate
from ssn.gallery.editing import StoredPerson
from ssn.gallery.milvus import MilvusGallery
from ssn.gallery.milvus_book import Book, Counters, Row, hashed, text_of
from ssn.gallery.milvus_rows import person_row, picture_rows, pictures_of, template_row
from ssn.gallery.milvus_server import LOADING_SECONDS, MilvusServer, read_address

AT_A_TIME = 200
"""Templates written in one message, pictures and all."""
T = TypeVar("T")


def read_server(gallery: MilvusGallery) -> Contents:
    """What is there as it is read; what others change meanwhile may be in it or not. Raises GalleryError."""
    count = gallery._book.count("template")
    people = (StoredPerson(row.number, **row.facts) for row in gallery._book.all_rows("person"))
    return Contents(count, people, _templates(gallery))


def _templates(gallery: MilvusGallery) -> Iterator[StoredTemplate]:
    for rows in _batches(gallery._book.all_rows("template"), AT_A_TIME):
        numbers = [row.number for row in rows]
        vectors = gallery.vectors_of(numbers)
        pictures = pictures_of(gallery._book.rows(kind="picture", number=numbers))
        if missing := set(numbers) - vectors.keys():
            raise GalleryError(f"Template {min(missing)} of {gallery.path} has no vector.", "Delete it.")
        for row in rows:
            facts = {key: value for key, value in row.facts.items() if key != "pictured"}
            digest = bytes.fromhex(row.find) or None
            vector, picture = vectors[row.number], pictures.get(row.number)
            yield StoredTemplate(row.number, row.person, digest=digest, vector=vector, picture=picture, **facts)


def write_server(gallery: MilvusGallery, people: Iterator[StoredPerson], templates: Iterator[StoredTemplate]) -> None:
    """Into an empty gallery. Until all of it is there the gallery is marked as being filled, and opened by nobody.
    Raises GalleryError."""
    book = gallery._book
    counters = Counters()
    rows: list[Row] = []
    book.write([Row("filling", "filling")])
    for person in people:
        counters.person = max(counters.person, person.id + 1)
        rows.append(person_row(person.id, person.name, person.notes, person.created))
    for persons in _batches(iter(rows), 1000):
        book.write(persons)
    for part in _batches(templates, AT_A_TIME):
        counters.template = part[-1].id + 1
        counters.models |= {hashed(one.model): one.model for one in part}
        book.write([Row("counters", "counters", value=text_of(asdict(counters)))])
        vectors = [{"id": one.id, "model": hashed(one.model), "vector": one.vector} for one in part]
        gallery._server.write(gallery._server.vectors, vectors, LOADING_SECONDS)
        book.write([row for one in part for row in _rows_of(one)], LOADING_SECONDS)
    book.write([Row("counters", "counters", value=text_of(asdict(counters)))])
    book.erase([Row("filling", "gone")])


def drop_unfinished(where: str) -> None:
    """Remove what an interrupted migration has left at an address; anything else stays. Raises GalleryError."""
    server = MilvusServer(read_address(where))
    try:
        server.open()
        if Book(server).rows("Strong", key="filling"):
            server.drop()
    finally:
        server.close()


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(items, size)):
        yield part


def _rows_of(one: StoredTemplate) -> list[Row]:
    facts = (one.model, one.spectrum, one.origin, one.created, one.source, one.digest, one.picture is not None)
    pictures = [] if one.picture is None else picture_rows(one.id, one.picture)
    return [template_row(one.id, one.person, *facts), *pictures]
