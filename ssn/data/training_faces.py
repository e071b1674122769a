"""Who is learned from: a protocol's training people and ready crops, freed of whoever may be a test person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ssn.data.face_store import FaceStore, StoredFaces
from ssn.data.joined_teachers import ONLY_DLIB, JoinedTeachers, joined_descriptors
from ssn.data.protocol import Protocol, Sample
from ssn.data.ready_crops import import_set, ready_sets, stored_descriptors
from ssn.data.rows import DiskRows
from ssn.data.teachers import Teacher, near_any, whole_people
from ssn.errors import DataError

UNCHECKED = "nobody"


def training_faces(
    protocol: Protocol | None,
    cache: str | Path,
    faces: str | Path | None = None,
    teacher: Teacher | JoinedTeachers = ONLY_DLIB,
    workers: int = 2,
) -> tuple[StoredFaces, dict[str, Any]]:
    """The faces to learn from, and counts for the model card.

    ``faces`` is a folder of ready crops. Of these everybody is left out who may be a test person of the protocol, as
    the rule of the teacher, or of any of several, has it, with all of their pictures where it is known whose they are;
    the protocol's own training people are disjoint from its test people already.

    ``counts`` is {source: {"images", "left_out", "compared with"}, also "failures" where pictures gave no face, and how
    many are "real NIR" or "simulated NIR"}; without a protocol, ready crops are "compared with" nobody.

    Raises DataError where there is nobody to learn from.
    """
    together = teacher if isinstance(teacher, JoinedTeachers) else JoinedTeachers((teacher,), (1.0,))
    store = FaceStore(cache, workers)
    views = [_View.of(store, protocol, each, faces) for each in together.parts]
    first = views[0]
    chosen = [~np.logical_or.reduce(near) for near in zip(*(view.near for view in views), strict=True)]
    counts: dict[str, dict[str, Any]] = {}
    for number, (part, rows) in enumerate(zip(first.parts, chosen, strict=True)):
        own = number >= first.ready
        if len(part):
            known = _own_counts(protocol, first.failures) if own else {"compared with": first.against}
            counts[str(part.sources[0])] = {**known, "images": int(rows.sum()), "left_out": int((~rows).sum())}
    learned = joined(first.parts, chosen)
    if len(views) > 1:
        columns = [joined(view.parts, chosen).descriptors for view in views]
        learned = replace(learned, descriptors=joined_descriptors(columns, together.weights))
    return learned, counts


@dataclass(frozen=True)
class _View:
    """All faces there are, by one teacher: ``parts``, the first ``ready`` of them sets of ready crops, and which rows
    of each are ``near`` a test person. ``against`` says whom the crops were compared with; ``failures`` of the
    protocol's pictures gave no face."""

    parts: list[StoredFaces]
    ready: int
    near: list[np.ndarray]
    against: str
    failures: int

    @classmethod
    def of(cls, store: FaceStore, protocol: Protocol | None, teacher: Teacher, faces: str | Path | None) -> _View:
        parts = [import_set(tar, store, teacher) for tar in ready_sets(faces)]
        ready, failures = len(parts), 0
        if protocol is not None and protocol.train:
            own, failures = _described(store, protocol, protocol.train, own_name(protocol), teacher, faces)
            if not len(own):
                raise DataError(f"No picture of {own_name(protocol)} shows a face.", "Check the folder of pictures.")
            parts.append(own)
        if not parts:
            what = "There is nothing to train on." if protocol is None else f"{protocol.name} has nobody to learn from."
            raise DataError(what, "Pass --faces ROOT, or a protocol with training people.")
        tested, against = _tested(store, protocol, teacher, faces) if ready else (None, UNCHECKED)
        near = [np.zeros(len(part), bool) for part in parts]
        if tested is not None:
            mean = np.concatenate([part.descriptors for part in parts]).mean(axis=0)
            for number, part in enumerate(parts[:ready]):
                near[number] = whole_people(near_any(part.descriptors, tested, teacher.rule, mean), part.identities)
        return cls(parts, ready, near, against, failures)


def _own_counts(protocol: Protocol | None, failures: int) -> dict[str, int]:
    """How many of the listed pictures gave no face, and how many are near-infrared already, of which kind."""
    kinds = {"failures": failures}
    for name, kind in (("real NIR", "nir"), ("simulated NIR", "nir-simulated")):
        kinds[name] = sum(sample.spectrum == kind for sample in (protocol.train if protocol else []))
    return {name: count for name, count in kinds.items() if count}


def own_name(protocol: Protocol | None) -> str:
    """What a protocol's training people are called in a card."""
    return UNCHECKED if protocol is None else protocol.train_source or protocol.name


def _tested(
    store: FaceStore, protocol: Protocol | None, teacher: Teacher, faces: str | Path | None
) -> tuple[np.ndarray | None, str]:
    """Descriptors of the test people, and what they are called; None without any."""
    if protocol is None or not protocol.tested:
        return None, UNCHECKED
    stored, _ = _described(store, protocol, protocol.tested, f"{protocol.name}, test people", teacher, faces)
    return stored.descriptors, f"{protocol.name}: {len(stored)} pictures of test people"


def _described(
    store: FaceStore,
    protocol: Protocol,
    samples: list[Sample],
    source: str,
    teacher: Teacher,
    faces: str | Path | None,
) -> tuple[StoredFaces, int]:
    """Stored faces with descriptors, and how many pictures gave none. Descriptors beside the ready crops
    (``lfw.TEACHER.npz`` for protocol "lfw") go before making them."""
    known = stored_descriptors(Path(faces) if faces else None, protocol.name.split(",")[0], teacher)
    if known is None:
        stored, failures = store.stored(samples, source, teacher)
        return stored, len(failures)
    names = [sample.name.rsplit("/", 1)[-1] for sample in store.add(samples, source)[0]]
    if missing := [name for name in names if name not in known]:
        raise DataError(f"The descriptors of {teacher.name} lack {missing[0]}.", "Copy them again.")
    stored, failures = store.stored(samples, source)
    values = np.stack([known[name] for name in names]) if names else stored.descriptors
    return replace(stored, descriptors=values), len(failures)


def joined(parts: list[StoredFaces], chosen: list[np.ndarray]) -> StoredFaces:
    """The chosen faces of several sets, pixels left on disk; people of different sets are different people."""
    identities, next_identity = [], 0
    for part in parts:
        identities.append(np.where(part.identities >= 0, part.identities + next_identity, -1))
        next_identity = max(next_identity, int(identities[-1].max(initial=-1)) + 1)
    disk = [(part.pixels, rows) for part, rows in zip(parts, chosen, strict=True) if isinstance(part.pixels, DiskRows)]
    if len(disk) < len(parts):
        raise ValueError("faces that are stored are needed")
    pixels = DiskRows.joined([on_disk.take(rows) for on_disk, rows in disk])

    def rows_of(arrays: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate([array[rows] for array, rows in zip(arrays, chosen, strict=True)])

    return StoredFaces(
        pixels,
        rows_of(part.landmarks for part in parts),
        rows_of(part.descriptors for part in parts),
        rows_of(identities),
        rows_of(part.sources for part in parts),
        rows_of(part.nir for part in parts),
        rows_of(part.drawn_as_nir() for part in parts),
    )
