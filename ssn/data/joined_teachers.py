"""Several teachers as one: what is written for them on the command line, and their descriptors put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssn.data.teachers import DLIB, StoredTeacher, Teacher, teacher_named
from ssn.errors import DataError
from ssn.faces.descriptor import centred

ABOUT = {DLIB.name: "dlib face recognition ResNet v1, 128-d descriptors"}
"""What a card says of a teacher that comes with this program; any other is called by its name."""


@dataclass(frozen=True)
class JoinedTeachers:
    """One teacher or more, and the ``weights`` of their opinions, which need not make 1."""

    parts: tuple[Teacher, ...]
    weights: tuple[float, ...]

    @property
    def words(self) -> str:
        """For cards and tables."""
        names = [ABOUT.get(each.name, each.name) for each in self.parts]
        if len(names) == 1:
            return names[0]
        return " + ".join(f"{weight:g} × {name}" for weight, name in zip(self.weights, names, strict=True))

    @property
    def at_hand(self) -> bool:
        """Whether a new face can be described: not by descriptors that were stored without their network."""
        return not any(isinstance(each, StoredTeacher) for each in self.parts)

    def describe(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB and its 68 landmarks → the only teacher's descriptor, or several joined, each of length
        √share and not centred, so that Euclidean distances rank as the weighted mean of the cosines does."""
        found = [each.describe(image, landmarks) for each in self.parts]
        if len(found) == 1:
            return found[0]
        shares = np.asarray(self.weights, float) / sum(self.weights)
        units = [each / max(float(np.linalg.norm(each)), 1e-8) for each in found]
        return np.concatenate([np.sqrt(share) * unit for share, unit in zip(shares, units, strict=True)])


ONLY_DLIB = JoinedTeachers((DLIB,), (1.0,))


def teachers_named(text: str) -> JoinedTeachers:
    """``dlib``, ``NAME``, ``NET.onnx``, or several with their weights, as ``dlib:0.3+NET.onnx:0.7``. Raises DataError
    for what cannot be read, a teacher named twice, or a file that is missing."""
    teachers, weights = [], []
    for part in text.split("+"):
        name, _, weight = part.strip().rpartition(":") if ":" in part else (part.strip(), "", "1")
        try:
            weights.append(float(weight))
        except ValueError as error:
            raise DataError(f"{weight!r} is no weight of a teacher.", "Write dlib:0.3+NET.onnx:0.7.") from error
        if not name or not 0 < weights[-1] < float("inf"):
            raise DataError(f"{text!r} are no teachers with weights.", "Write dlib:0.3+NET.onnx:0.7.")
        teachers.append(teacher_named(name))
    if len({each.name for each in teachers}) < len(teachers):
        raise DataError(f"{text!r} names a teacher twice.", "Name each once.")
    return JoinedTeachers(tuple(teachers), tuple(weights))


def joined_descriptors(parts: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Descriptors (N, D1), (N, D2), … of several teachers → (N, D1 + D2 + …) float32, unit rows, whose cosines are the
    weighted mean of the teachers' own: each part centred, brought to length one and multiplied by √weight. Weights need
    not make 1. Raises DataError for other weights than positive ones, one for each part."""
    if len(parts) != len(weights) or not parts or min(weights) <= 0:
        raise DataError(f"{list(weights)} are no weights of {len(parts)} teachers.", "Give each one above nothing.")
    if len({len(part) for part in parts}) > 1:
        raise DataError("The teachers' descriptors are not of the same faces.", "Describe the faces again.")
    shares = np.asarray(weights, float) / sum(weights)
    units = [centred(part, part.mean(axis=0)) for part in parts]
    scaled = [np.sqrt(share) * unit for share, unit in zip(shares, units, strict=True)]
    return np.concatenate(scaled, axis=1).astype(np.float32)
