"""What a search of templates must be able to do, whatever does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np

from ssn.errors import DataError

Over = Literal["best", "mean"]
"""What a person's several templates count as: the best of their scores, or the mean."""


def find_over(name: str) -> Over:
    """Raises DataError for another word."""
    for over in get_args(Over):
        if over == name:
            return over
    raise DataError(f"{name!r} is no way to count templates.", f"Use one of {', '.join(get_args(Over))}.")


@dataclass(frozen=True)
class Hit:
    """A person with the cosine score in [−1, 1], and the template of theirs that is most like the probe."""

    person_id: int
    template_id: int
    score: float


class TemplateIndex(Protocol):
    """Templates of one model by their numbers, changed in place. Safe to share between threads. A template with a
    larger number is younger."""

    def __len__(self) -> int: ...

    def reserve(self, count: int) -> None:
        """Make room for ``count`` templates more."""
        ...

    def add(self, templates: np.ndarray, owners: np.ndarray, vectors: np.ndarray) -> None:
        """Template numbers (N,) and their people's numbers (N,), int64; vectors (N, 256) float32."""
        ...

    def remove(self, templates: Sequence[int]) -> None:
        """Forget these templates; numbers that are not there are passed over."""
        ...

    def give(self, owners: Mapping[int, int]) -> None:
        """Templates by number → whose they are now; numbers that are not there are passed over."""
        ...

    def pieces(self, after: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """What was added of templates with larger numbers than ``after``, oldest first, some thousands at a time."""
        ...

    def search(self, probes: np.ndarray, k: int, over: Over = "best") -> list[list[Hit]]:
        """Probes (P, 256) float32 → for each the k people most like it, best first; fewer where there are fewer. Of
        equal scores the older template comes first; of equal means the person with the oldest template."""
        ...
