"""Who is learned from: people with known identities, some kept apart for a test on the same set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from ssn.data.face_store import StoredFaces
from ssn.errors import DataError
from ssn.training.fingerprint import fingerprint

LFW_SOURCE = "lfw-peopleDevTrain"
LEAST_PHOTOS = {LFW_SOURCE: 4}
"""Photos a person must have, by source, to be learned from; two elsewhere."""


@dataclass(frozen=True)
class TrainingPeople:
    """``rows`` (R,) of the faces and their ``labels`` (R,) int64 in 0 … ``classes`` − 1; ``held_out``: rows of the
    people kept apart. Both are in the order of the faces, whose fingerprint ``data`` is."""

    rows: np.ndarray
    labels: np.ndarray
    classes: int
    held_out: np.ndarray
    data: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def fingerprint(self) -> str:
        """12 hex digits of who is learned from, and of their photos."""
        return hashlib.sha256(self.rows.tobytes() + self.labels.tobytes() + self.data.encode()).hexdigest()[:12]


def choose_people(faces: StoredFaces, held_out: int = 200, seed: int = 0, own: str = LFW_SOURCE) -> TrainingPeople:
    """All people with photos enough. Those of source ``own``, a protocol's, have test people of their own; of the
    others ``held_out`` are drawn by ``seed`` and kept apart, and nobody where there are no others. Raises DataError
    where too few are left."""
    known = np.flatnonzero(faces.identities >= 0)
    identities, first, person = np.unique(faces.identities[known], return_index=True, return_inverse=True)
    source = faces.sources[known[first]]
    least = np.array([LEAST_PHOTOS.get(str(name), 2) for name in source])
    enough = np.bincount(person, minlength=len(identities)) >= least
    candidates = np.flatnonzero(enough & (source != own))
    held_out = held_out if len(candidates) else 0
    if held_out == 1:
        raise DataError("One held-out person has nobody to be compared with.", "Hold out none, or two and more.")
    if held_out > len(candidates):
        raise DataError(f"Only {len(candidates)} people can be held out.", "Use a smaller --held-out, or more faces.")
    apart = np.zeros(len(identities), bool)
    apart[np.random.default_rng((71, seed)).permutation(candidates)[:held_out]] = True
    learned = enough & ~apart
    if learned.sum() < 2:
        raise DataError("There are not two people with photos enough to learn from.", "Use more faces of known people.")
    label = np.cumsum(learned) - 1
    use = learned[person]
    labels = label[person[use]].astype(np.int64)
    return TrainingPeople(known[use], labels, int(learned.sum()), known[apart[person]], fingerprint(faces))


def halves(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions 0 … count − 1 → two random halves, train and val, of Algorithm 1's first line."""
    order = np.random.default_rng((50, seed)).permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])
