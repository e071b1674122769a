"""What a run measures: a network, or a method of the paper's comparison. One form for both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol

import numpy as np

from ssn.evaluation.families import Family
from ssn.faces.types import AlignedFace
from ssn.recognizer import Recognizer, gray_batch

BATCH = 16


def batches(faces: Iterable[AlignedFace], size: int = BATCH) -> Iterator[list[AlignedFace]]:
    """Faces as they come, ``size`` at a time: all the looks of a data set need not fit in memory."""
    source = iter(faces)
    while batch := list(islice(source, size)):
        yield batch


class Matcher(Protocol):
    """``name`` stands in reports; ``cosine``: scores are cosines, so that a threshold on them means something."""

    name: str
    cosine: bool
    precision: str

    def describe(self, faces: Iterable[AlignedFace], enrolled: bool = False) -> np.ndarray:
        """Faces → (N, D). ``enrolled``: as somebody to be found, else as probes."""
        ...

    def compare(self, probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(P, D) and (G, D) → (P, G) scores, higher is more alike."""
        ...


class NetworkMatcher:
    """A recogniser. ``tell``: an adaptive network is told the masks; ``fast``: bfloat16 where the device has it."""

    cosine = True

    def __init__(self, recognizer: Recognizer, tell: bool = True, fast: bool = False, batch: int = BATCH):
        self.recognizer, self.tell, self.fast, self.batch = recognizer, tell, fast, batch
        self.name = recognizer.model_id
        self.precision = "bfloat16" if fast and recognizer.half else "float32"

    def describe(self, faces: Iterable[AlignedFace], enrolled: bool = False) -> np.ndarray:
        return np.concatenate([self._embed(batch, enrolled) for batch in batches(faces, self.batch)])

    def _embed(self, faces: list[AlignedFace], enrolled: bool) -> np.ndarray:
        if self.tell or not self.recognizer.adaptive:
            return self.recognizer.embed_batch(faces, self.batch, self.fast, enrolled)
        branches = [face.branch for face in faces]
        return self.recognizer.embed_gray(gray_batch(faces), branches, None, self.batch, self.fast, enrolled)

    def compare(self, probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        return probes @ gallery.T


class FamilyMatcher:
    """A method of the comparison; its ``title`` is its name in reports."""

    precision = "float32"

    def __init__(self, family: Family):
        self.family = family
        self.name = family.title
        self.cosine = type(family).compare is Family.compare

    def describe(self, faces: Iterable[AlignedFace], enrolled: bool = False) -> np.ndarray:
        """Probes are prepared first, if the method does that."""
        shown = faces if enrolled else map(self.family.prepare, faces)
        return np.concatenate([self.family.describe(batch, enrolled) for batch in batches(shown)])

    def compare(self, probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        return self.family.compare(probes, gallery)
