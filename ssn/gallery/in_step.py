"""An index that follows the gallery's file: what it costs is what changed, whoever changed it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from ssn.errors import GalleryError
from ssn.gallery.fingerprint import SUMS, Sums, fingerprints
from ssn.gallery.index import TemplateIndex
from ssn.gallery.schema import damaged
from ssn.gallery.vector_file import VectorFile
from ssn.models.light_cnn import EMBEDDING_SIZE

READ_AT_A_TIME = 20_000
WORTHWHILE = 20_000
"""Templates from which on a vector file is kept: fewer are read from the database in a fraction of a second."""


class IndexInStep:
    """The templates of one model in an index. New ones have larger numbers; of those that are gone or somebody else's
    the file keeps a log.

    Of an ``encrypted`` gallery no vector file is kept.
    ``version`` moves when another process has changed the file. ``rows`` asks the file, ``exclusively`` holds its write
    lock. Not safe to share between threads: its owner's lock guards it, the index has its own.
    """

    def __init__(
        self,
        path: str,
        model_id: str,
        encrypted: bool,
        make_index: Callable[[], TemplateIndex],
        rows: Callable[..., list],
        exclusively: Callable[[], AbstractContextManager],
    ):
        self._path, self._model_id, self._make_index, self._rows = path, model_id, make_index, rows
        self._exclusively = exclusively
        self._encrypted = encrypted
        self._vectors = None if path == ":memory:" or encrypted else VectorFile(path, model_id)
        self._index: TemplateIndex | None = None
        self._last_template = self._last_altered = 0
        self.version = -1
        self.stale = True

    def current(self) -> TemplateIndex:
        """The index, up to date. Raises GalleryError."""
        version = self._rows("PRAGMA data_version")[0][0]  # moves when another process changed the file
        if self._index is not None and not self.stale and version == self.version:
            return self._index
        index = self._catch_up()
        self.version = version
        return index

    def forget_deleted(self) -> None:
        """Take out of memory, now, what this process deleted. Raises GalleryError."""
        if self._index is not None:
            self._catch_up()

    def _catch_up(self) -> TemplateIndex:
        """What is new first, then what is gone, so that nothing stays that is deleted meanwhile."""
        index, self._index, self.stale = self._index, None, True  # until it is done, in case it is not
        if index is None or self._missed_alterations():
            index = self._begin()
            saved = self._last_template
            self._read_changes(index)
            self._save(index, saved)
        else:
            self._read_changes(index)
        self._index, self.stale = index, False
        return index

    def _read_changes(self, index: TemplateIndex) -> None:
        while self._read_new(index) == READ_AT_A_TIME:
            """There are more."""
        sql = """SELECT a.id, a.template, t.person FROM altered a LEFT JOIN templates t ON t.id = a.template
                 WHERE a.id > ? ORDER BY a.id"""
        altered = self._rows(sql, self._last_altered)
        if altered:
            index.remove([template for _, template, owner in altered if owner is None])
            index.give({template: owner for _, template, owner in altered if owner is not None})
            self._last_altered = altered[-1][0]

    def _begin(self) -> TemplateIndex:
        """At the first search, and where part of the log is gone that was not read: from the vector file, or empty."""
        self._last_altered = self._rows("SELECT COALESCE(MAX(id), 0) FROM altered")[0][0]
        index = self._emptied()
        if self._vectors is None:
            return index
        sums = Sums()
        with np.errstate(over="ignore", invalid="ignore"):  # a damaged file may hold anything
            for templates, owners, vectors in self._vectors.read():
                sums.add(templates, owners, vectors)
                index.add(templates, owners, vectors)
                self._last_template = int(templates[-1]) if len(templates) else self._last_template
        fits = sums.equal(self._rows(f"{SUMS} AND id <= ?", self._model_id, self._last_template)[0])
        return index if fits and sums.count else self._emptied()

    def _emptied(self) -> TemplateIndex:
        index, self._last_template = self._make_index(), 0
        index.reserve(self._rows("SELECT COUNT(*) FROM templates WHERE model=?", self._model_id)[0][0])
        return index

    def _save(self, index: TemplateIndex, saved: int) -> None:
        """Bring the vector file up to the index, which began with the templates up to ``saved`` out of it. Where that
        is impossible just now the next start takes longer, and nothing is lost."""
        if self._vectors is None or len(index) < WORTHWHILE or saved == self._last_template:
            return
        with contextlib.suppress(GalleryError), self._exclusively():
            self._read_changes(index)
            if saved:
                self._vectors.append(lambda: index.pieces(saved))
            else:
                self._vectors.write(index.pieces)

    def _missed_alterations(self) -> bool:
        first = self._rows("SELECT MIN(id) FROM altered")[0][0]
        return first is not None and first > self._last_altered + 1

    def _read_new(self, index: TemplateIndex) -> int:
        """Add the oldest of the templates that are not in the index yet → how many."""
        vector = "opened(t.vector, 'vector')" if self._encrypted else "t.vector"
        sql = f"""SELECT {vector}, t.id, p.id, t.fingerprint FROM templates t JOIN people p ON p.id = t.person
                 WHERE +t.model = ? AND t.id > ? ORDER BY t.id LIMIT ?"""  # by number: the index of models is unsorted
        rows = self._rows(sql, self._model_id, self._last_template, READ_AT_A_TIME)
        if any(len(row[0]) != 4 * EMBEDDING_SIZE for row in rows):
            raise damaged(self._path)
        if rows:
            vectors = np.frombuffer(b"".join(row[0] for row in rows), "<f4").reshape(len(rows), EMBEDDING_SIZE)
            numbers = np.array([row[1:] for row in rows], np.int64)
            if not self._encrypted and (fingerprints(vectors) != numbers[:, 2]).any():  # else the cipher has noticed
                raise damaged(self._path)
            index.add(numbers[:, 0], numbers[:, 1], vectors.astype(np.float32))
            self._last_template = rows[-1][1]
        return len(rows)
