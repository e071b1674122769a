"""What a method of the comparison is: something done to a probe before it is matched, a way to describe faces, or both.

Whoever is enrolled is a complete VIS photo and is described as it is. The paper's comparison names weights that are not
open; a family here stands for the *kind* of method, with what needs no foreign weights, and never carries its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np

from ssn.errors import DataError
from ssn.faces.types import AlignedFace
from ssn.recognizer import Recognizer

T = TypeVar("T")


@dataclass(frozen=True)
class Material:
    """What families are built from; most need only some of it.

    ``recognizer`` holds the Light CNN that all who only prepare pictures match with, ``fine_tuned`` one trained
    further; ``nir`` and ``vis`` are aligned faces of *training* people; ``onnx`` is a model file.
    """

    recognizer: Recognizer | None = None
    fine_tuned: Recognizer | None = None
    nir: Sequence[AlignedFace] = ()
    vis: Sequence[AlignedFace] = ()
    onnx: Path | None = None


class Family(ABC):
    """One method of the comparison. ``stands_for``: the rows of the paper's tables it is set beside."""

    name: ClassVar[str]
    title: ClassVar[str]
    stands_for: ClassVar[str]

    @classmethod
    @abstractmethod
    def build(cls, material: Material) -> Family:
        """Raises DataError where the material it needs is missing."""

    def prepare(self, face: AlignedFace) -> AlignedFace:
        """A probe → the probe that is described. Unchanged where a family only describes."""
        return face

    @abstractmethod
    def describe(self, faces: list[AlignedFace], enrolled: bool = False) -> np.ndarray:
        """Faces, prepared if they are probes → (N, D). ``enrolled``: as somebody to be found."""

    def compare(self, probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(P, D) and (G, D) → (P, G) scores, higher is more alike: the cosine, where rows are of unit length."""
        return probes @ gallery.T


class Prepared(Family):
    """A family that changes the probe's picture and leaves matching to a Light CNN."""

    def __init__(self, recognizer: Recognizer):
        self.recognizer = recognizer

    @classmethod
    def build(cls, material: Material) -> Family:
        return cls(needed(material.recognizer, cls.name, "a checkpoint"))

    def describe(self, faces: list[AlignedFace], enrolled: bool = False) -> np.ndarray:
        return self.recognizer.embed_batch(faces, enrolled=enrolled)


def needed(value: T | None, family: str, what: str) -> T:
    """``value``. Raises DataError where it is not there."""
    if value is None:
        raise DataError(f"The family {family} needs {what}.", "Give it, or leave the family out.")
    return value
