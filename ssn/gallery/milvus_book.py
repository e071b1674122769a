"""The book of a gallery on a Milvus server: everything but the vectors, one row each, in a collection of its own.

Milvus has no transactions. Instead every change is one message to the book, which is there whole or not at all: a
template counts from the moment that its row stands in the book, and no longer than that. Vectors are written before
and erased after; what an interrupted change has left over is erased by the next. Only one machine writes at a time: it
holds a lease, a row like any other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from ssn.errors import GalleryError
from ssn.gallery.milvus_server import LONGEST_TEXT, MilvusServer

HELD = 4.0
"""Seconds for which a lease is used before it is taken anew, and after which one that nobody uses is given back."""
DEAD = 12.0
"""A lease that stands for so many seconds is of a machine that is no more."""
PATIENCE = 20.0
"""Seconds to wait for another machine's changes."""
AT_A_TIME = 1000
"""Values in one condition, keys in one erasure."""
WINDOW = 8192
"""Numbers looked at together where everything is read: fewer rows than Milvus gives at once."""


def hashed(text: str) -> str:
    """What a text is looked up by: nothing in it can be taken for a condition."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Row:
    """One row. ``find`` and ``also`` are looked up by: of a person the hashes of the name and of the folded name, of a
    template its digest in hexadecimal. ``person`` is whose; of a picture it is the part's number."""

    key: str
    kind: str
    number: int = 0
    person: int = 0
    model: str = ""
    find: str = ""
    also: str = ""
    value: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        return json.loads(self.value)

    def fits(self, wanted: dict[str, Any]) -> bool:
        """Is every named field the value, or one of the values?"""
        return all(
            getattr(self, name) in value if isinstance(value, list) else getattr(self, name) == value
            for name, value in wanted.items()
        )


FIELDS = tuple(part.name for part in fields(Row))


def text_of(facts: dict[str, Any]) -> str:
    """Raises GalleryError for more than fits into a row."""
    text = json.dumps(facts, ensure_ascii=False)
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_TEXT:
        raise GalleryError("That is too much for one change.", "Change fewer templates at once, or shorten the text.")
    return text


@dataclass
class Counters:
    """The next number of each kind, and the models there are templates of, by their hash."""

    template: int = 1
    person: int = 1
    change: int = 1
    models: dict[str, str] = field(default_factory=dict)


class Book:
    """Rows of one gallery. Reading is free; changing is one at a time. Safe to share between threads."""

    def __init__(self, server: MilvusServer):
        self._server = server
        self._lock = threading.RLock()
        self._lease = ""
        self._since = 0.0
        self._recent: dict[str, Row] = {}  # what was written since the lease was taken
        self._counters = Counters()

    def rows(self, level: str = "Session", **wanted: Any) -> list[Row]:
        """The rows whose fields are as wanted: a value, or a list of possible ones. Raises GalleryError."""
        many = next((name for name, value in wanted.items() if isinstance(value, list)), None)
        if many is None:
            return self._asked(wanted, level)
        values = wanted[many]
        parts = [values[start : start + AT_A_TIME] for start in range(0, len(values), AT_A_TIME)]
        return [row for part in parts for row in self._asked({**wanted, many: part}, level)]

    def _asked(self, wanted: dict[str, Any], level: str) -> list[Row]:
        found = self._server.rows(self._server.book, _condition(wanted), FIELDS, level)
        return [Row(**{name: row[name] for name in FIELDS}) for row in found]

    def all_rows(self, kind: str, **wanted: Any) -> Iterator[Row]:
        """Every row of a kind that has numbers, by number. Raises GalleryError."""
        counters = self.counters()
        last = counters.person if kind == "person" else counters.template
        for start in range(0, last, WINDOW):
            condition = f"{_condition({'kind': kind, **wanted})} and number >= {start} and number < {start + WINDOW}"
            found = self._server.rows(self._server.book, condition, FIELDS)
            yield from sorted(
                (Row(**{name: row[name] for name in FIELDS}) for row in found), key=lambda row: row.number
            )

    def count(self, kind: str) -> int:
        """How many rows of a kind there are. Raises GalleryError."""
        return self._server.rows(self._server.book, _condition({"kind": kind}), ["count(*)"])[0]["count(*)"]

    def counters(self, level: str = "Session") -> Counters:
        """As they stand. Raises GalleryError."""
        rows = self.rows(level, key="counters")
        return Counters(**rows[0].facts) if rows else Counters()

    @contextlib.contextmanager
    def change(self) -> Iterator[Changing]:
        """Changes as one: made when the block ends, and not at all where it raises. Raises GalleryError."""
        with self._lock:
            self._hold()
            changing = Changing(self, replace(self._counters, models=dict(self._counters.models)))
            yield changing
            if changing.puts:
                self._make(changing)

    def _make(self, changing: Changing) -> None:
        rows = [*changing.puts.values(), Row("counters", "counters", value=text_of(asdict(changing.counters)))]
        try:
            if changing.vectors:
                self._server.write(self._server.vectors, changing.vectors)
            if time.monotonic() - self._since > DEAD / 2:
                raise GalleryError("The gallery's server was too slow; nothing was changed.", "Try again.")
            self.write(rows)
        except BaseException:
            self._since = 0.0  # nobody knows whether it was made: the next change looks
            raise
        self._counters = changing.counters
        self._recent |= {row.key: row for row in rows}
        self.erase([row for row in rows if row.kind == "gone"])

    def write(self, rows: Sequence[Row], seconds: float | None = None) -> None:
        """As they are, whoever holds the lease: for a gallery that nobody else has open. Raises GalleryError."""
        self._server.write(self._server.book, [_written(row) for row in rows], seconds)

    def erase(self, gone: Sequence[Row]) -> None:
        """What is no longer in the gallery, from the server."""
        numbers = [row.number for row in gone if row.number]
        for collection, keys in ((self._server.vectors, numbers), (self._server.book, [row.key for row in gone])):
            for start in range(0, len(keys), AT_A_TIME):
                self._server.erase(collection, keys[start : start + AT_A_TIME])

    def now(self, wanted: dict[str, Any]) -> list[Row]:
        """As :meth:`rows`, for whoever holds the lease: nobody else has changed anything since it was taken."""
        found = {row.key: row for row in self.rows("Eventually", **wanted)}
        return [row for row in (found | self._recent).values() if row.kind != "gone" and row.fits(wanted)]

    def _hold(self) -> None:
        """Take the lease. Of two who take it at once each sees the other's row, and both try again later."""
        if self._lease and time.monotonic() - self._since < HELD:
            return
        self.let_go()
        end, seen = time.monotonic() + PATIENCE, dict[str, float]()
        while time.monotonic() < end:
            if not self._others(seen, ""):
                since, own = time.monotonic(), f"lease:{secrets.token_hex(8)}"
                self.write([Row(own, "lease")])
                if not self._others(seen, own):
                    self._begin(own, since)
                    return
                self._server.erase(self._server.book, [own])
            time.sleep(random.uniform(0.1, 0.5))
        raise GalleryError(
            f"Another machine is changing the gallery {self._server.address.shown}.", "Try again in a moment."
        )

    def _others(self, seen: dict[str, float], own: str) -> bool:
        """Does anybody else hold a lease? ``seen`` is since when each was; those of the dead are erased."""
        now = time.monotonic()
        leases = [row.key for row in self.rows("Strong", kind="lease") if row.key != own]
        dead = [key for key in leases if now - seen.setdefault(key, now) > DEAD]
        if dead:
            self._server.erase(self._server.book, dead)
        return len(leases) > len(dead)

    def _begin(self, own: str, since: float) -> None:
        """With a lease just taken: see how things are, and erase what interrupted changes have left."""
        self._lease, self._since, self._recent = own, since, {}
        self._counters = self.counters("Strong")
        left = self._server.rows(self._server.vectors, f"id >= {self._counters.template}", ["id"], "Strong")
        gone = self.rows("Strong", kind="gone")
        if left or gone:
            self.erase([*gone, *(Row("", "gone", number=row["id"]) for row in left)])
        timer = threading.Timer(HELD, self._let_go_of, [own])
        timer.daemon = True
        timer.start()

    def _let_go_of(self, lease: str) -> None:
        with self._lock:
            if self._lease == lease:
                self.let_go()

    def let_go(self) -> None:
        """Give the lease back. Where the server is away it lapses by itself."""
        with self._lock:
            lease, self._lease, self._recent = self._lease, "", {}
            if lease:
                with contextlib.suppress(GalleryError):
                    self._server.erase(self._server.book, [lease])


class Changing:
    """One change while it is put together. ``rows`` sees the gallery as it will be."""

    def __init__(self, book: Book, counters: Counters):
        self._book, self.counters = book, counters
        self.puts: dict[str, Row] = {}
        self.vectors: list[dict[str, Any]] = []

    def rows(self, **wanted: Any) -> list[Row]:
        """As :meth:`Book.rows`, with what was put."""
        rows = {row.key: row for row in self._book.now(wanted)} | self.puts
        return sorted((row for row in rows.values() if row.fits(wanted)), key=lambda row: row.number)

    def row(self, kind: str, number: int) -> Row | None:
        """One by its number."""
        return next(iter(self.rows(key=f"{kind}:{number}", kind=kind)), None)

    def put(self, row: Row) -> None:
        self.puts[row.key] = row

    def drop(self, rows: Sequence[Row]) -> None:
        """They are no more; a template's vector goes with it."""
        for row in rows:
            self.puts[row.key] = Row(row.key, "gone", number=row.number if row.kind == "template" else 0)

    def number(self, kind: str) -> int:
        """The next of a kind: template, person or change."""
        number = getattr(self.counters, kind)
        setattr(self.counters, kind, number + 1)
        return number

    def vector(self, number: int, model: str, vector: np.ndarray) -> None:
        """A template's (256,) float32."""
        self.vectors.append({"id": number, "model": hashed(model), "vector": vector})
        self.counters.models[hashed(model)] = model


def _written(row: Row) -> dict[str, Any]:
    return {**asdict(row), "nothing": [0.0, 1.0]}


def _condition(wanted: dict[str, Any]) -> str:
    """Of values that hold nothing but letters, digits and ``:``."""
    return " and ".join(
        f"{name} in {json.dumps(value)}" if isinstance(value, list) else f"{name} == {json.dumps(value)}"
        for name, value in wanted.items()
    )
