"""A number of 31 bits for a template's vector, by which damage and mixed-up files are noticed.

The database holds it beside every vector, and their sums in an index of its own: a million are checked in a second.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssn.models.light_cnn import EMBEDDING_SIZE

WORDS = EMBEDDING_SIZE // 2
BITS = 31
TEMPLATE_FACTOR, PERSON_FACTOR, SMALL, LARGE = 7919, 104_729, 1_000_003, 1_000_000_007

SUMS = f"""SELECT COUNT(*), COALESCE(SUM(fingerprint), 0), COALESCE(SUM(
    ((id * {TEMPLATE_FACTOR} + person * {PERSON_FACTOR}) % {SMALL} + 1)
    * (fingerprint % {SMALL} + 1) % {LARGE}), 0) FROM templates WHERE model = ?"""
"""What :class:`Sums` counts, asked of the database, which answers from the index ``templates_of_model`` alone."""


def _weights() -> np.ndarray:
    """Odd numbers of 64 bits in no order (splitmix64; Steele, Lea and Flood, 2014)."""
    z = np.arange(1, WORDS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) | np.uint64(1)


WEIGHTS = _weights()


def fingerprints(vectors: np.ndarray) -> np.ndarray:
    """(N, 256) float32 → (N,) int64 in [0, 2³¹): the high bits of a weighted sum, modulo 2⁶⁴, of their bytes as words.
    Any changed bit changes it, but with a chance of 2⁻³¹."""
    words = np.ascontiguousarray(vectors, "<f4").view("<u8")
    return (np.einsum("ij,j->i", words, WEIGHTS) >> np.uint64(64 - BITS)).astype(np.int64)


def fingerprint(vector: bytes) -> int:
    """Of one stored vector; 0 for what is none."""
    if len(vector) != 4 * EMBEDDING_SIZE:
        return 0
    return int(fingerprints(np.frombuffer(vector, "<f4")[None])[0])


class Sums:
    """Counted over templates as they come, in any order: equal to what ``SUMS`` gives where they are the same."""

    def __init__(self):
        self.count = self.plain = self.bound = 0

    def add(self, templates: np.ndarray, people: np.ndarray, vectors: np.ndarray) -> None:
        """Numbers (N,) int64 and vectors (N, 256) float32."""
        prints = fingerprints(vectors)
        mixed = (templates * TEMPLATE_FACTOR + people * PERSON_FACTOR) % SMALL + 1
        self.count += len(prints)
        self.plain += int(prints.sum())
        self.bound += int((mixed * (prints % SMALL + 1) % LARGE).sum())

    def equal(self, row: Sequence[int]) -> bool:
        return tuple(row) == (self.count, self.plain, self.bound)
