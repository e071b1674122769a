"""Any face embedder as an ONNX file, run by onnxruntime, which is needed for nothing else and may be missing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ssn.errors import DataError, LandmarksUnknownError
from ssn.evaluation.families.family import Family, Material, needed
from ssn.faces.gray import LUMA
from ssn.faces.types import AlignedFace

ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Eyes, nose tip and mouth corners on the 112×112 crop that ArcFace and its kin are trained on (InsightFace)."""
BATCH = 16


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """68 landmarks → (5, 2): eyes, nose tip, mouth corners, left before right in the picture."""
    eyes = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    return np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])


def arcface_crop(face: AlignedFace, size: tuple[int, int]) -> np.ndarray:
    """A face → (H, W, 3) uint8 RGB in ArcFace's frame, scaled to ``size`` (H, W); black outside our crop.
    Raises LandmarksUnknownError."""
    if face.landmarks is None:
        raise LandmarksUnknownError
    height, width = size
    target = ARCFACE_POINTS * np.array([width, height]) / 112
    transform, _ = cv2.estimateAffinePartial2D(five_points(face.landmarks), target, method=cv2.LMEDS)
    return cv2.warpAffine(face.pixels, transform, (width, height), flags=cv2.INTER_LINEAR)


class OnnxEmbedder(Family):
    """The file decides size and number of channels; values are (v − 127.5) / 127.5, in RGB order, in ArcFace's frame,
    as most published embedders want them. One that wants something else should have it inside its file."""

    name = "onnx"
    title = "ONNX embedder"
    stands_for = "none: whatever the file is"

    def __init__(self, path: Path):
        try:
            import onnxruntime
        except ImportError:
            raise DataError("onnxruntime is not installed.", "Install it with: pip install onnxruntime") from None
        try:
            self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no common base for its errors
            raise DataError(f"{path} is no ONNX model that can be run.", "Give a .onnx file of an embedder.") from error
        self.input = self.session.get_inputs()[0]
        shape = self.input.shape
        if len(shape) != 4 or shape[1] not in (1, 3) or not all(isinstance(side, int) for side in shape[2:]):
            raise DataError(f"{path} reads {shape}.", "Give an embedder of (N, 1 or 3, H, W) with H and W fixed.")
        if isinstance(shape[0], int) and shape[0] != 1:
            raise DataError(f"{path} reads {shape[0]} faces at once.", "Export it with a free batch size, or with 1.")
        self.batch = 1 if shape[0] == 1 else BATCH
        self.channels, self.size = shape[1], (shape[2], shape[3])

    @classmethod
    def build(cls, material: Material) -> Family:
        return cls(needed(material.onnx, cls.name, "a model file"))

    def describe(self, faces: list[AlignedFace], enrolled: bool = False) -> np.ndarray:
        """(N, D) rows of unit length; one face at a time where the file wants it so."""
        if not faces:
            return np.zeros((0, 0), np.float32)
        parts = []
        for start in range(0, len(faces), self.batch):
            inputs = np.stack([self._input(face) for face in faces[start : start + self.batch]])
            parts.append(self.session.run(None, {self.input.name: inputs})[0])
        vectors = np.concatenate(parts).reshape(len(faces), -1)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def _input(self, face: AlignedFace) -> np.ndarray:
        pixels = arcface_crop(face, self.size).astype(np.float32)
        pixels = (pixels @ np.array(LUMA, np.float32))[None] if self.channels == 1 else pixels.transpose(2, 0, 1)
        return (pixels - 127.5) / 127.5
