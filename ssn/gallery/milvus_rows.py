"""People, templates and pictures as rows of a gallery's book."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime

from ssn.gallery.milvus_book import Row, hashed, text_of
from ssn.gallery.names import folded

PART = 52_000
"""Bytes of a picture in one row, where they are written in base 85."""


def now() -> str:
    """UTC, as SQLite writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def person_row(number: int, name: str, notes: str, created: str) -> Row:
    """``name`` is a clean one, ``created`` in UTC."""
    value = text_of({"name": name, "notes": notes, "created": created})
    return Row(f"person:{number}", "person", number, number, "", hashed(name), hashed(folded(name)), value)


def template_row(
    number: int,
    person: int,
    model: str,
    spectrum: str,
    origin: str,
    created: str,
    source: int | None,
    digest: bytes | None,
    pictured: bool,
) -> Row:
    """``digest`` is what it is looked up by; ``pictured`` says that its picture is in rows of its own."""
    value = {"model": model, "spectrum": spectrum, "origin": origin, "created": created, "source": source}
    find = (digest or b"").hex()
    text = text_of({**value, "pictured": pictured})
    return Row(f"template:{number}", "template", number, person, hashed(model), find, "", text)


def picture_rows(number: int, picture: bytes) -> list[Row]:
    """A template's picture, in as many rows as it needs."""
    parts = [picture[start : start + PART] for start in range(0, max(len(picture), 1), PART)]
    return [
        Row(f"picture:{number}:{place}", "picture", number, place, value=base64.b85encode(part).decode())
        for place, part in enumerate(parts)
    ]


def pictures_of(rows: Iterable[Row]) -> dict[int, bytes]:
    """The rows of pictures → each by its template's number."""
    found: dict[int, bytes] = {}
    for row in sorted(rows, key=lambda row: (row.number, row.person)):
        found[row.number] = found.get(row.number, b"") + base64.b85decode(row.value)
    return found
