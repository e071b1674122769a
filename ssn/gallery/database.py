"""A gallery's connection to its file: transactions, what is done before each is over, and typed errors."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import torch

from ssn.errors import GalleryError
from ssn.gallery.in_step import IndexInStep
from ssn.gallery.index import TemplateIndex
from ssn.gallery.schema import LOGGED, connect, file_at, unreadable, unwritable
from ssn.gallery.sealing import Seal, install, is_sealed, seal_of
from ssn.gallery.vector_file import VectorFile

MOST_NAMES = 20_000
"""Names of people found that are held in memory."""


class Database:
    """A gallery file (``:memory:`` keeps nothing), seen through one model, and the index that follows it. Safe to share
    between threads."""

    def __init__(
        self, path: str | Path, model_id: str, device: torch.device, make_index: Callable[[torch.device], TemplateIndex]
    ):
        self.path, self.model_id, self.device = str(path), model_id, device
        self._lock = threading.RLock()
        self._make_index = make_index
        self._names: dict[int, str] = {}
        self._db = connect(self.path)
        self._file = file_at(self.path)
        try:
            self._seal = seal_of(self._db, self.path)
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.Error):
                raise unwritable(self.path, error) from error
            raise
        self._begin_index()

    def _begin_index(self) -> None:
        """Nothing is in it until the next search."""
        install(self._db, self._seal)
        make_index = self._make_index
        self._in_step = IndexInStep(
            self.path, self.model_id, self.encrypted, lambda: make_index(self.device), self._rows, self._exclusively
        )

    @property
    def encrypted(self) -> bool:
        """Are its pictures and templates?"""
        return self._seal is not None

    def _reseal(self, seal: Seal | None, models: Sequence[str]) -> None:
        """All of it has just been written anew with another key, or none: nothing of before is left on the disk."""
        with self._lock:
            self._seal = seal
            for model in models:
                VectorFile(self.path, model).destroy()
            self._begin_index()
        self._empty_log()

    def _rows(self, sql: str, *values) -> list[tuple]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise unreadable(self.path, error) from error

    @contextlib.contextmanager
    def _exclusively(self, how: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """All or nothing; nobody else writes meanwhile. ``DEFERRED`` only reads, and sees one state throughout."""
        with self._lock:
            try:
                self._db.execute(f"BEGIN {how}")
                self._check_sealing()
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.ProgrammingError):  # closed meanwhile, which rolls back too
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise unwritable(self.path, error) from error
                raise

    def _check_sealing(self) -> None:
        if is_sealed(self._db) != self.encrypted:
            what = f"The gallery {self.path} was {'decrypted' if self.encrypted else 'encrypted'} meanwhile."
            raise GalleryError(what, "Open it again.")

    def check_in_place(self) -> None:
        """Is the file that was opened still where it was? Otherwise what is written would be gone with this process.
        Raises GalleryError."""
        if file_at(self.path) != self._file:
            raise GalleryError(
                f"The gallery {self.path} was removed or replaced while it was open; nothing was changed.",
                "What was in it can still be exported here. Then put the file back, or start anew.",
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A change of the gallery."""
        with self._lock:
            self.check_in_place()
            try:
                with self._exclusively() as db:
                    yield db
            finally:
                self._in_step.stale = True
                self._names.clear()

    @contextlib.contextmanager
    def _deletion(self) -> Iterator[sqlite3.Connection]:
        """A change after which what was deleted is in no file and not in memory."""
        with self._transaction() as db:
            yield db
            self._trim_log(db)
        self._forget_deleted()

    def _forget_deleted(self) -> None:
        """Out of memory and out of the write-ahead log."""
        with self._lock:
            self._in_step.forget_deleted()
        self._empty_log()

    def _trim_log(self, db: sqlite3.Connection) -> None:
        last = db.execute("SELECT MAX(id) FROM altered").fetchone()[0] or 0
        db.execute("DELETE FROM altered WHERE id <= ?", (last - LOGGED,))

    def _empty_log(self) -> None:
        with self._lock:
            busy = self._rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        if busy:
            raise GalleryError(
                "They are deleted, but another program is reading the gallery, so its log still holds their data.",
                "Close the other program; the log is emptied when the gallery is opened or deleted from again.",
            )

    def _names_of(self, people: set[int]) -> dict[int, str]:
        """What people are called, who are missing where they are gone. What a search has read stays in memory until the
        gallery is changed: by this process at once, by another at the next search."""
        with self._lock:
            if unread := people - self._names.keys():
                if len(self._names) > MOST_NAMES:
                    self._names.clear()
                    unread = people
                sql = "SELECT id, name FROM people WHERE id IN (SELECT value FROM json_each(?))"
                self._names |= dict(self._rows(sql, json.dumps(list(unread))))
            return {person: self._names[person] for person in people if person in self._names}

    def _vector_files(self, templates: Sequence[tuple[int, str]]) -> Iterator[tuple[VectorFile, list[int]]]:
        """(template, model) → the file of each model, with its templates."""
        if self.path != ":memory:":
            for model, rows in groupby(sorted(templates, key=lambda row: row[1]), key=lambda row: row[1]):
                yield VectorFile(self.path, model), [number for number, _ in rows]

    def close(self) -> None:
        with self._lock:
            self._db.close()
