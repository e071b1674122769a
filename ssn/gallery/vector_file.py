"""The vectors of a large gallery once more, in a plain file beside the database, which is read many times as fast.

The database alone is believed. The file is changed within the transaction that changes the database, so that what is
deleted is overwritten in both; whatever else happens to it (a kill, a cut, a flipped bit, another gallery's file) makes
its sums differ from those the database keeps, and it is written anew. It is read in pieces, not mapped: a page of a
mapped file that somebody shortens kills the process that touches it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ssn.errors import GalleryError
from ssn.models.light_cnn import EMBEDDING_SIZE

RECORD = np.dtype([("template", "<i8"), ("person", "<i8"), ("vector", "<f4", (EMBEDDING_SIZE,))])
"""In the order of their numbers. The person 0 marks a hole: a template that was deleted, and its vector overwritten."""
MAGIC = b"SSN Studio: vectors of a gallery"
HEADER = len(MAGIC) + 32
PIECE = 4096
"""Records read or written at a time."""
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Template numbers (N,) int64, their people's (N,) int64, vectors (N, 256) float32."""


class VectorFile:
    """The file of one model beside one database. Changes need the database's write lock, which its owner holds."""

    def __init__(self, database: str, model_id: str):
        digest = hashlib.sha256(model_id.encode("utf-8", "replace")).digest()
        self.path = Path(f"{database}-{digest[:6].hex()}.vectors")
        self._header = MAGIC + digest

    def read(self) -> Iterator[Rows]:
        """Everything in it, oldest first, without holes; nothing where it is missing, cut or something else. What comes
        is to be held against the database."""
        try:
            with self.path.open("rb") as file:
                if not self._whole(file):
                    return
                piece = bytearray(PIECE * RECORD.itemsize)
                while count := file.readinto(piece) // RECORD.itemsize:
                    rows = np.frombuffer(piece, RECORD, count)
                    if not (there := rows["person"] != 0).all():
                        rows = rows[there]
                    yield (
                        rows["template"].astype(np.int64),
                        rows["person"].astype(np.int64),
                        np.ascontiguousarray(rows["vector"], np.float32),
                    )
        except OSError:
            return  # as good as none: the database has it all

    def write(self, pieces: Callable[[], Iterator[Rows]]) -> None:
        """Anew, in place; only with its last write does it become a file that is read. Raises GalleryError."""
        try:
            with open(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                file.write(bytes(HEADER))
                for rows in pieces():
                    file.write(_records(rows))
                file.truncate()
                file.seek(0)
                file.write(self._header)
        except OSError as error:
            raise self._refused(error) from error

    def append(self, pieces: Callable[[], Iterator[Rows]]) -> None:
        """Younger templates than it holds, to a file that was just read. Raises GalleryError."""
        try:
            with self.path.open("r+b") as file:
                file.seek(0, os.SEEK_END)
                for rows in pieces():
                    file.write(_records(rows))
        except OSError as error:
            raise self._refused(error) from error

    def forget(self, templates: Sequence[int]) -> None:
        """Overwrite their vectors, on the disk too. Raises GalleryError."""
        self._change(templates, lambda record: (record["template"], 0, np.zeros(EMBEDDING_SIZE, "<f4")))

    def give(self, templates: Sequence[int], person: int) -> None:
        """They are that person's now. Raises GalleryError."""
        self._change(templates, lambda record: (record["template"], person, record["vector"]))

    def _change(self, templates: Sequence[int], changed: Callable[[np.void], tuple]) -> None:
        if not self.path.exists():
            return
        try:
            with self.path.open("r+b") as file:
                if not self._whole(file):
                    self._destroy(file)
                    return
                for template in templates:
                    if (place := _place(file, template)) is not None:
                        record = np.frombuffer(_at(file, place, RECORD.itemsize), RECORD)[0]
                        file.seek(HEADER + place * RECORD.itemsize)
                        file.write(np.array([changed(record)], RECORD).tobytes())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._refused(error) from error

    def destroy(self) -> None:
        """Overwrite all of it, and remove it. Raises GalleryError."""
        try:
            if self.path.exists():
                with self.path.open("r+b") as file:
                    self._destroy(file)
        except OSError as error:
            raise self._refused(error) from error

    def _destroy(self, file: BinaryIO) -> None:
        """What is not understood may hold anybody's vector: all of it is overwritten."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        for start in range(0, size, 2**20):
            file.write(bytes(min(2**20, size - start)))
        file.flush()
        os.fsync(file.fileno())
        self.path.unlink()

    def _whole(self, file: BinaryIO) -> bool:
        """Leaves the file at the first record."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return file.read(HEADER) == self._header and (size - HEADER) % RECORD.itemsize == 0

    def _refused(self, error: OSError) -> GalleryError:
        return GalleryError(
            f"The gallery's vector file cannot be written: {error.strerror}.",
            f"Check disk space and permissions; {self.path} may be deleted, and is then made anew.",
        )


def _records(rows: Rows) -> bytes:
    records = np.empty(len(rows[0]), RECORD)
    records["template"], records["person"], records["vector"] = rows
    return records.tobytes()


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(HEADER + place * RECORD.itemsize)
    return file.read(count)


def _place(file: BinaryIO, template: int) -> int | None:
    """Which record is the template's: the numbers ascend, so that some twenty looks find it among a million."""
    low, high = 0, (file.seek(0, os.SEEK_END) - HEADER) // RECORD.itemsize
    end = high
    while low < high:
        middle = (low + high) // 2
        if int.from_bytes(_at(file, middle, 8), "little") < template:
            low = middle + 1
        else:
            high = middle
    return low if low < end and int.from_bytes(_at(file, low, 8), "little") == template else None
