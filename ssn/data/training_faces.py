"""Who is learned from: a protocol's training people and ready crops, freed of whoever may be a test person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ssn.data.face_store import FaceStore, StoredFaces
from ssn.data.protocol import Protocol, Sample
from ssn.data.ready_crops import import_set, ready_sets, stored_descriptors
from ssn.data.rows import DiskRows
from ssn.data.teachers import DLIB, Teacher, near_any, whole_people
from ssn.errors import DataError

UNCHECKED = "nobody"


def training_faces(
    protocol: Protocol | None,
    cache: str | Path,
    faces: str | Path | None = None,
    teacher: Teacher = DLIB,
    workers: int = 2,
) -> tuple[StoredFaces, dict]:
    """The faces to learn from, and counts for the model card.

    ``faces`` is a folder of ready crops. Of these everybody is left out who may be a test person of the protocol, as
    the teacher's rule has it, with all of their pictures where it is known whose they are; the protocol's own training
    people are disjoint from its test people already.

    ``counts`` is {source: {"images", "left_out", "compared with"}, also "failures" where pictures gave no face, and how
    many are "real NIR" or "simulated NIR"}; without a protocol, ready crops are "compared with" nobody.

    Raises DataError where there is nobody to learn from.
    """
    store = FaceStore(cache, workers)
    parts = [import_set(tar, store, teacher) for tar in ready_sets(faces)]
    counts: dict[str, dict] = {str(part.sources[0]): {} for part in parts if len(part)}
    ready = len(parts)
    if protocol is not None and protocol.train:
        own, failures = _described(store, protocol, protocol.train, own_name(protocol), teacher, faces)
        if not len(own):
            raise DataError(f"No picture of {own_name(protocol)} shows a face.", "Check the folder of pictures.")
        parts.append(own)
        counts[own_name(protocol)] = _spectra(protocol.train) | ({"failures": failures} if failures else {})
    if not parts:
        what = "There is nothing to train on." if protocol is None else f"{protocol.name} has nobody to learn from."
        raise DataError(what, "Pass --faces ROOT, or a protocol with training people.")
    tested, against = _tested(store, protocol, teacher, faces) if ready else (None, own_name(protocol))
    mean = np.concatenate([part.descriptors for part in parts]).mean(axis=0)
    chosen = []
    for number, part in enumerate(parts):
        near = np.zeros(len(part), bool)
        if number < ready and tested is not None:
            near = whole_people(near_any(part.descriptors, tested, teacher.rule, mean), part.identities)
        chosen.append(~near)
        if len(part):
            counts[str(part.sources[0])] |= {"images": int((~near).sum()), "left_out": int(near.sum())}
            if number < ready:
                counts[str(part.sources[0])]["compared with"] = against
    return joined(parts, chosen), counts


def _spectra(samples: list[Sample]) -> dict[str, int]:
    """How many of the listed pictures are near-infrared already, and of which kind."""
    kinds = {"real NIR": "nir", "simulated NIR": "nir-simulated"}
    found = {name: sum(sample.spectrum == kind for sample in samples) for name, kind in kinds.items()}
    return {name: count for name, count in found.items() if count}


def own_name(protocol: Protocol | None) -> str:
    """What a protocol's training people are called in a card."""
    return UNCHECKED if protocol is None else protocol.train_source or protocol.name


def _tested(store: FaceStore, protocol: Protocol | None, teacher: Teacher, faces) -> tuple[np.ndarray | None, str]:
    """Descriptors of the test people, and what they are called; None without any."""
    if protocol is None or not protocol.tested:
        return None, UNCHECKED
    stored, _ = _described(store, protocol, protocol.tested, f"{protocol.name}, test people", teacher, faces)
    return stored.descriptors, f"{protocol.name}: {len(stored)} pictures of test people"


def _described(
    store: FaceStore, protocol: Protocol, samples: list[Sample], source: str, teacher: Teacher, faces
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
    pixels = DiskRows.joined([part.pixels.take(rows) for part, rows in zip(parts, chosen, strict=True)])

    def rows_of(arrays) -> np.ndarray:
        return np.concatenate([array[rows] for array, rows in zip(arrays, chosen, strict=True)])

    return StoredFaces(
        pixels,
        rows_of(part.landmarks for part in parts),
        rows_of(part.descriptors for part in parts),
        rows_of(identities),
        rows_of(part.sources for part in parts),
        rows_of(part.nir for part in parts),
    )
