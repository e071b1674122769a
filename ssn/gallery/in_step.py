"""An index that follows the gallery's file: what it costs is what changed, whoever changed it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ssn.gallery.index import TemplateIndex
from ssn.gallery.schema import damaged
from ssn.models.light_cnn import EMBEDDING_SIZE

READ_AT_A_TIME = 20_000


class IndexInStep:
    """The templates of one model in an index. New ones have larger numbers; of deleted ones the file keeps a log.

    ``rows`` asks the file. Not safe to share between threads: its owner's lock guards it, the index has its own.
    """

    def __init__(self, path: str, model_id: str, make_index: Callable[[], TemplateIndex], rows: Callable[..., list]):
        self._path, self._model_id, self._make_index, self._rows = path, model_id, make_index, rows
        self._index: TemplateIndex | None = None
        self._last_template = self._last_deletion = 0
        self._version = -1
        self.stale = True

    def current(self) -> TemplateIndex:
        """The index, up to date. Raises GalleryError."""
        version = self._rows("PRAGMA data_version")[0][0]  # moves when another process changed the file
        if self._index is not None and not self.stale and version == self._version:
            return self._index
        index = self._catch_up()
        self._version = version
        return index

    def forget_deleted(self) -> None:
        """Take out of memory, now, what this process deleted. Raises GalleryError."""
        if self._index is not None:
            self._catch_up()

    def _catch_up(self) -> TemplateIndex:
        """What is new first, then what is gone, so that nothing stays that is deleted meanwhile."""
        index, self._index, self.stale = self._index, None, True  # until it is done, in case it is not
        if index is None or self._missed_deletions():
            index = self._begin()
        while self._read_new(index) == READ_AT_A_TIME:
            """There are more."""
        gone = self._rows("SELECT id, template FROM deletions WHERE id > ? ORDER BY id", self._last_deletion)
        if gone:
            index.remove([template for _, template in gone])
            self._last_deletion = gone[-1][0]
        self._index, self.stale = index, False
        return index

    def _begin(self) -> TemplateIndex:
        """From nothing: at the first search, and where part of the log is gone that was not read."""
        index = self._make_index()
        self._last_template = 0
        self._last_deletion = self._rows("SELECT COALESCE(MAX(id), 0) FROM deletions")[0][0]
        index.reserve(self._rows("SELECT COUNT(*) FROM templates WHERE model=?", self._model_id)[0][0])
        return index

    def _missed_deletions(self) -> bool:
        first = self._rows("SELECT MIN(id) FROM deletions")[0][0]
        return first is not None and first > self._last_deletion + 1

    def _read_new(self, index: TemplateIndex) -> int:
        """Add the oldest of the templates that are not in the index yet → how many."""
        sql = """SELECT t.vector, t.id, p.id FROM templates t JOIN people p ON p.id = t.person
                 WHERE t.model = ? AND t.id > ? ORDER BY t.id LIMIT ?"""
        rows = self._rows(sql, self._model_id, self._last_template, READ_AT_A_TIME)
        if any(len(row[0]) != 4 * EMBEDDING_SIZE for row in rows):
            raise damaged(self._path)
        if rows:
            vectors = np.frombuffer(b"".join(row[0] for row in rows), "<f4").reshape(len(rows), EMBEDDING_SIZE)
            numbers = np.array([row[1:] for row in rows], np.int64)
            index.add(numbers[:, 0], numbers[:, 1], vectors.astype(np.float32))
            self._last_template = rows[-1][1]
        return len(rows)
