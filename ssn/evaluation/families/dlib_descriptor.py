"""dlib's face descriptor: an open recogniser that knows neither NIR nor masks. No row of the paper; a landmark."""

from __future__ import annotations

import numpy as np

from ssn.errors import LandmarksUnknownError
from ssn.evaluation.families.family import Family, Material
from ssn.faces.descriptor import DESCRIPTOR_SIZE, describe
from ssn.faces.types import AlignedFace


class DlibDescriptor(Family):
    """128 numbers a face, from the aligned crop and its landmarks; two are the more alike the closer they lie."""

    name = "dlib"
    title = "dlib's descriptor"
    stands_for = "none: an open recogniser for VIS"

    @classmethod
    def build(cls, material: Material) -> Family:
        return cls()

    def describe(self, faces: list[AlignedFace], enrolled: bool = False) -> np.ndarray:
        vectors = [_described(face) for face in faces]
        return np.stack(vectors) if vectors else np.zeros((0, DESCRIPTOR_SIZE), np.float32)

    def compare(self, probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """Minus the Euclidean distance."""
        from scipy.spatial.distance import cdist  # slow to import, and needed for this comparison only

        return -cdist(probes, gallery)


def _described(face: AlignedFace) -> np.ndarray:
    if face.landmarks is None:
        raise LandmarksUnknownError
    return describe(face.pixels, face.landmarks)
