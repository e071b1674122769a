"""Rows of many arrays on disk as if they were one array: read when asked for, never all at once.

A row is read at its place in its file, not through a memory map: mapped pages count as the process's own memory once
touched, and a training touches all of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssn.errors import DataError


class DiskRows:
    """(N, …) uint8, row i being row ``row[i]`` of ``files[file[i]]``, .npy files whose rows are all of one shape.

    Indexed by a number, a slice, numbers (n,) or a mask (N,) it gives arrays; ``take`` gives fewer rows, unread.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, files: list[Path], file: np.ndarray, row: np.ndarray, shape: tuple[int, ...]):
        self.files, self.file, self.row = files, np.asarray(file, np.int32), np.asarray(row, np.int64)
        self._offset = [_offset(path, shape) for path in files]
        self._size = int(np.prod(shape))
        self.shape = (len(self.row), *shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: np.ndarray) -> DiskRows:
        """Those rows, by number or mask, still on disk."""
        fewer = object.__new__(DiskRows)
        fewer.__dict__.update(self.__dict__)
        fewer.file, fewer.row = self.file[rows], self.row[rows]
        fewer.shape = (len(fewer.row), *self.shape[1:])
        return fewer

    def __getitem__(self, index) -> np.ndarray:
        places = np.arange(len(self))[index]
        flat = np.atleast_1d(places).ravel()
        out = np.empty((len(flat), *self.shape[1:]), np.uint8)
        for number in np.unique(self.file[flat]):
            at = np.flatnonzero(self.file[flat] == number)
            self._read(int(number), at, self.row[flat[at]], out)
        return out.reshape(*np.shape(places), *self.shape[1:])

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:].astype(dtype or np.uint8, copy=False)

    def _read(self, number: int, at: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
        with open(self.files[number], "rb", buffering=0) as file:
            for place, row in zip(at, rows, strict=True):
                file.seek(self._offset[number] + int(row) * self._size)
                if file.readinto(out[place].reshape(-1)) != self._size:
                    raise DataError(f"{self.files[number]} is cut short.", "Delete its folder; it will be made again.")

    @classmethod
    def joined(cls, parts: list[DiskRows]) -> DiskRows:
        """All rows of several, in order. Raises ValueError for none, or rows of different shapes."""
        if len({part.shape[1:] for part in parts}) != 1:
            raise ValueError("rows of one shape are needed")
        start = np.cumsum([0, *(len(part.files) for part in parts)])
        return cls(
            [path for part in parts for path in part.files],
            np.concatenate([part.file + first for part, first in zip(parts, start, strict=False)]),
            np.concatenate([part.row for part in parts]),
            parts[0].shape[1:],
        )


def _offset(path: Path, shape: tuple[int, ...]) -> int:
    """Where the rows of an .npy file begin. Raises DataError where it is damaged or holds other rows."""
    try:
        mapped = np.load(path, mmap_mode="r")
        right = mapped.dtype == np.uint8 and mapped.shape[1:] == shape and mapped.flags.c_contiguous
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged.", "Delete its folder; it will be made again.") from error
    if not right:
        raise DataError(f"{path} holds other rows than expected.", "Delete its folder; it will be made again.")
    return int(mapped.offset)
