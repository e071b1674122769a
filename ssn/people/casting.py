"""Which drawn people are let in: found by the detector, near to nobody real, and distinct from each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ssn.errors import DataError
from ssn.faces.descriptor import describe
from ssn.faces.detect import FaceDetector
from ssn.people.appearance_model import AppearanceModel, load_model
from ssn.people.portrait import Person, Photo, draw_person, photo

NEAREST_REAL = 0.50
"""A person drawn is rejected if the dlib descriptor of the first photo lies nearer than this to that of any training
person (Euclidean; photos of strangers: mean 0.82, 1st percentile 0.60; dlib calls below 0.6 the same person)."""
NEAREST_DRAWN = 0.50
"""The least distance between any two drawn people of one cast."""
FIRST_SEED = 0
"""The photo a person is judged by, and enrolled with."""
CANDIDATES_PER_SEED = 1_000_000


@lru_cache(maxsize=1)
def _detector() -> FaceDetector:
    return FaceDetector()


def is_found(shot: Photo) -> bool:
    """Does the detector find exactly one face, and the right one: its middle within the landmarks' bounds?"""
    faces = _detector().detect(shot.pixels)
    if len(faces) != 1:
        return False
    x0, y0, x1, y1 = faces[0].xyxy
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    return bool((middle > shot.landmarks.min(axis=0)).all() and (middle < shot.landmarks.max(axis=0)).all())


def distances(descriptors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, 128) and (M, 128) → Euclidean distances (N, M)."""
    squares = (descriptors**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None] - 2 * descriptors @ others.T
    return np.sqrt(np.maximum(squares, 0))


@dataclass(frozen=True)
class Candidate:
    """A drawn person with the descriptor (128,) of their first photo; None where the detector did not find it."""

    person: Person
    descriptor: np.ndarray | None


def judge(number: int, model: AppearanceModel | None = None) -> Candidate:
    """Draw person ``number``, take the first photo, find and describe it."""
    model = model or load_model()
    person = draw_person(number, model)
    shot = photo(person, FIRST_SEED, model=model)
    return Candidate(person, describe(shot.pixels, shot.landmarks) if is_found(shot) else None)


@dataclass
class Cast:
    """The people let in so far, and how many were turned away and why."""

    people: list[Person] = field(default_factory=list)
    descriptors: list[np.ndarray] = field(default_factory=list)
    nearest_real: list[float] = field(default_factory=list)
    not_found: int = 0
    like_real: int = 0
    like_drawn: int = 0

    def consider(self, candidate: Candidate, real: np.ndarray) -> bool:
        """Let ``candidate`` in or not; ``real`` (P, 128) are the training people's descriptors."""
        if candidate.descriptor is None:
            self.not_found += 1
            return False
        mine = candidate.descriptor[None]
        nearest = float(distances(mine, real).min())
        if nearest < NEAREST_REAL:
            self.like_real += 1
            return False
        if self.descriptors and distances(mine, np.array(self.descriptors)).min() < NEAREST_DRAWN:
            self.like_drawn += 1
            return False
        self.people.append(candidate.person)
        self.descriptors.append(candidate.descriptor)
        self.nearest_real.append(nearest)
        return True


def numbers(seed: int) -> Iterator[int]:
    """The candidates' numbers of a cast: a million for each seed, so that casts of different seeds share nobody."""
    if seed < 0:
        raise DataError(f"The seed {seed} is negative.", "Use 0 or more.")
    return iter(range(seed * CANDIDATES_PER_SEED, (seed + 1) * CANDIDATES_PER_SEED))


def cast(
    count: int, seed: int = 0, model: AppearanceModel | None = None, judged: Iterable[Candidate] | None = None
) -> Cast:
    """``count`` people who pass all checks, the same for the same seed; a longer cast begins with the shorter one.

    ``judged``: candidates in the order of ``numbers(seed)`` where they are judged elsewhere, such as in worker
    processes.
    """
    if count < 1:
        raise DataError(f"A cast of {count} people is none.", "Ask for at least one.")
    model = model or load_model()
    candidates = judged if judged is not None else (judge(n, model) for n in numbers(seed))
    chosen = Cast()
    for candidate in candidates:
        chosen.consider(candidate, model.descriptors)
        if len(chosen.people) == count:
            return chosen
    raise DataError(f"Only {len(chosen.people)} of {count} people pass the checks.", "Ask for fewer.")
