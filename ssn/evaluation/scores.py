"""All scores of a run in one file, so that curves are redrawn and runs compared without the network.

An ``.npz``: a header (model, protocol, fingerprint of the data, command), who was compared, and one row of scores per
probe spectrum and occlusion. Every row is written as it is done, the file replaced whole: a run that is killed goes on
with the next row, and what it measures in the end is what it would have measured at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path

import numpy as np

from ssn.errors import DataError

FORMAT = 1
RowKey = tuple[str, str]
"""Probe spectrum and occlusion."""


@dataclass(frozen=True)
class RunHeader:
    """What was run. ``fingerprint`` is of the data, see ``fingerprint``; a run is resumed only where model, protocol
    and fingerprint agree."""

    model_id: str
    protocol: str
    fingerprint: str
    command: str = ""
    notes: tuple[str, ...] = ()

    def same_run(self, other: RunHeader) -> bool:
        """Whether rows of the two may stand in one file."""
        own, theirs = ((h.model_id, h.protocol, h.fingerprint) for h in (self, other))
        return own == theirs

    def asked_with(self, other: RunHeader) -> bool:
        """Whether one command measured both on the same protocol. A method that changes the pictures compares others,
        so their fingerprints may differ."""
        return (self.command, self.protocol) == (other.command, other.protocol)


_no_places = partial(np.zeros, 0, np.int64)
_no_ids = partial(np.zeros, 0, "U1")


@dataclass(frozen=True)
class Comparisons:
    """Who takes part, the same in every row of a run.

    ``probe_ids``, ``gallery_ids`` (P,), (G,) str name the pictures, ``probe_people``, ``gallery_people`` (P,), (G,)
    whose they are; ``enrolled`` (E,) are the places in the gallery of those who can be identified; of
    ``failed_probes`` and ``failed_gallery``, ids too, no template could be made. ``probe_groups``, ``gallery_groups``
    (P,), (G,) are the groups of people these belong to, "" where that is not known; empty where there are none.
    """

    probe_ids: np.ndarray
    gallery_ids: np.ndarray
    probe_people: np.ndarray
    gallery_people: np.ndarray
    enrolled: np.ndarray = field(default_factory=_no_places)
    failed_probes: np.ndarray = field(default_factory=_no_ids)
    failed_gallery: np.ndarray = field(default_factory=_no_ids)
    probe_groups: np.ndarray = field(default_factory=_no_ids)
    gallery_groups: np.ndarray = field(default_factory=_no_ids)

    def people(self) -> tuple[np.ndarray, np.ndarray]:
        """(P,) and (G,): everybody as a number from 0, the same for one person on both sides."""
        _, number = np.unique(np.concatenate([self.probe_people, self.gallery_people]), return_inverse=True)
        return number[: len(self.probe_people)], number[len(self.probe_people) :]


@dataclass(frozen=True)
class Verification:
    """Comparisons as vectors (n,): scores, whether genuine, and the places of probe and gallery picture."""

    scores: np.ndarray
    same: np.ndarray
    probe: np.ndarray
    gallery: np.ndarray


@dataclass(frozen=True)
class ScoreRow:
    """The scores of one kind of probe, higher is more alike.

    ``matrix`` (S, E): the probes at the places ``searched`` (S,) against everybody enrolled, for identification;
    ``pair_scores`` (K,) of ``pairs`` (K, 2), places of probe and gallery picture, for verification. Either may be
    empty; without pairs, verification compares all of the matrix.
    """

    spectrum: str
    occlusion: str
    matrix: np.ndarray = field(default_factory=partial(np.zeros, (0, 0)))
    searched: np.ndarray = field(default_factory=_no_places)
    pair_scores: np.ndarray = field(default_factory=partial(np.zeros, 0))
    pairs: np.ndarray = field(default_factory=partial(np.zeros, (0, 2), np.int64))

    @property
    def key(self) -> RowKey:
        return self.spectrum, self.occlusion

    def verification(self, comparisons: Comparisons) -> Verification:
        """The pairs where there are any, else all against all."""
        if len(self.pairs):
            probe, gallery = self.pairs.T
            scores = self.pair_scores
        else:
            row, column = np.indices(self.matrix.shape)
            probe, gallery = self.searched[row.ravel()], comparisons.enrolled[column.ravel()]
            scores = self.matrix.ravel()
        same = comparisons.probe_people[probe] == comparisons.gallery_people[gallery]
        return Verification(scores, same, probe, gallery)

    def identification(self, comparisons: Comparisons) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """→ the matrix (S, E), and whose its rows (S,) and columns (E,) are."""
        people = comparisons.probe_people[self.searched], comparisons.gallery_people[comparisons.enrolled]
        return self.matrix, *people


class ScoreFile:
    """The scores of one run on disk; without a ``path`` in memory only."""

    def __init__(self, path: Path | None, header: RunHeader, comparisons: Comparisons, rows: dict[RowKey, ScoreRow]):
        self.path, self.header, self.comparisons = path, header, comparisons
        self._rows = rows

    @classmethod
    def open(cls, path: str | Path) -> ScoreFile:
        """A finished or unfinished run. Raises DataError where the file is missing or none of ours."""
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(path, *_unpacked({name: stored[name] for name in stored.files}))
        except FileNotFoundError:
            raise DataError(f"There is no score file {path}.", "Run evaluate with --scores FILE first.") from None
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is no score file.", "Name an .npz that evaluate wrote.") from error

    @classmethod
    def resume(cls, path: str | Path | None, header: RunHeader, comparisons: Comparisons) -> ScoreFile:
        """The run at ``path`` with the rows it has, or a new one without any.

        Raises DataError where the file holds another run: other model, protocol, data or people compared.
        """
        if path is None:
            return cls(None, header, comparisons, {})
        path = Path(path)
        if not path.exists():
            return cls(path, header, comparisons, {})
        stored = cls.open(path)
        theirs, ours = _packed_comparisons(stored.comparisons), _packed_comparisons(comparisons)
        if not stored.header.same_run(header) or any(not np.array_equal(theirs[k], ours[k]) for k in ours):
            raise DataError(
                f"{path} holds another run: {stored.header.model_id} on {stored.header.protocol}.",
                "Choose another file, or delete this one.",
            )
        return cls(path, header, comparisons, stored._rows)

    def rows(self) -> list[ScoreRow]:
        """All rows that are done, in the order they were added."""
        return list(self._rows.values())

    def row(self, spectrum: str, occlusion: str) -> ScoreRow:
        """Raises DataError where that row was not measured."""
        if (spectrum, occlusion) not in self._rows:
            raise DataError(f"{self.path} has no row {spectrum} {occlusion}.", "Run evaluate again to finish it.")
        return self._rows[spectrum, occlusion]

    def missing(self, keys: Iterable[RowKey]) -> list[RowKey]:
        """Those of the asked rows that are still to be measured."""
        return [key for key in keys if key not in self._rows]

    def add(self, row: ScoreRow) -> None:
        """Take a row and write the file. Raises ValueError for scores that do not fit who is compared, DataError where
        the file cannot be written."""
        expected = len(row.searched), len(self.comparisons.enrolled) if len(row.searched) else 0
        if row.matrix.shape != expected or row.pairs.shape != (len(row.pair_scores), 2):
            raise ValueError(f"scores {row.matrix.shape} and {row.pair_scores.shape} do not fit who is compared")
        rows = {**self._rows, row.key: row}
        if self.path is not None:
            _write(self.path, _packed(self.header, self.comparisons, rows))
        self._rows = rows

    def complete(self, keys: Iterable[RowKey], measure: Callable[[str, str], ScoreRow]) -> Iterator[ScoreRow]:
        """The asked rows in their order; those not on file are measured, and written before they are handed on."""
        for key in keys:
            if key not in self._rows:
                self.add(measure(*key))
            yield self._rows[key]


def fingerprint(parts: Iterable[str | bytes | np.ndarray]) -> str:
    """What a run was measured on, 16 hex digits: of names, people and pixels in the order given. Boundaries, shapes and
    types count."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            part = np.ascontiguousarray(part).tobytes()
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


_WHO = tuple(f.name for f in fields(Comparisons))
_SCORES = ("matrix", "searched", "pair_scores", "pairs")


def _packed_comparisons(comparisons: Comparisons) -> dict[str, np.ndarray]:
    return {f"who/{name}": np.asarray(getattr(comparisons, name)) for name in _WHO}


def _packed(header: RunHeader, comparisons: Comparisons, rows: dict[RowKey, ScoreRow]) -> dict[str, np.ndarray]:
    head = {"format": FORMAT, **asdict(header), "rows": list(rows)}
    arrays = {"header": np.array(json.dumps(head)), **_packed_comparisons(comparisons)}
    for number, row in enumerate(rows.values()):
        arrays |= {f"row{number}/{name}": getattr(row, name) for name in _SCORES}
    return arrays


def _unpacked(arrays: dict[str, np.ndarray]) -> tuple[RunHeader, Comparisons, dict[RowKey, ScoreRow]]:
    head = json.loads(str(arrays["header"]))
    if head.pop("format") != FORMAT:
        raise ValueError("another format")
    keys = [tuple(key) for key in head.pop("rows")]
    header = RunHeader(**{**head, "notes": tuple(head["notes"])})
    comparisons = Comparisons(**{name: arrays[f"who/{name}"] for name in _WHO if f"who/{name}" in arrays})
    stored = {key: [arrays[f"row{i}/{name}"] for name in _SCORES] for i, key in enumerate(keys)}
    rows = {
        (spectrum, occlusion): ScoreRow(spectrum, occlusion, *parts) for (spectrum, occlusion), parts in stored.items()
    }
    return header, comparisons, rows


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """The whole file or the one before: written beside it, on the disk, then put in its place."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        if part.is_file():
            part.unlink()
        raise DataError(f"{path} cannot be written.", "Choose another place for the scores.") from error
