"""Where the faces are: MTCNN (Zhang et al., 2016) from facenet-pytorch, weights in its wheel."""

from __future__ import annotations

import numpy as np
import torch
from facenet_pytorch import MTCNN

from ssn.errors import NoFaceError, SeveralFacesError
from ssn.faces.types import FaceBox

LONG_SIDE = 800
"""Pictures are shrunk to this before detection: a face smaller than 20 px there is too small to recognise anyway."""


class FaceDetector:
    """All faces of a picture, largest first. Not thread-safe while loading; safe to share afterwards."""

    def __init__(self, device: str | torch.device = "cpu", min_confidence: float = 0.9):
        self.min_confidence = min_confidence
        self._mtcnn = MTCNN(keep_all=True, device=torch.device(device), min_face_size=24, post_process=False)

    def detect(self, image: np.ndarray) -> list[FaceBox]:
        """Picture (H, W, 3) uint8 RGB → faces in its own pixels, largest first; an empty list if there are none."""
        height, width = image.shape[:2]
        scale = min(1.0, LONG_SIDE / max(height, width))
        if scale < 1.0:
            import cv2

            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if min(image.shape[:2]) < 24:
            return []
        boxes, confidences, points = self._mtcnn.detect(image, landmarks=True)
        if boxes is None:
            return []
        faces = [
            FaceBox(tuple(float(v) / scale for v in box), np.asarray(five, float) / scale, float(confidence))
            for box, confidence, five in zip(boxes, confidences, points, strict=True)
            if confidence is not None and confidence >= self.min_confidence
        ]
        return sorted(faces, key=lambda face: -face.area)


def choose_face(faces: list[FaceBox], index: int | None = None) -> FaceBox:
    """The face to go on with. One face needs no ``index``; of several, ``index`` counts from 0, largest first.

    Raises NoFaceError, or SeveralFacesError where nobody chose.
    """
    if not faces:
        raise NoFaceError(
            "No face was found in the picture.",
            "Use a picture in which a face is upright, at least 24 pixels wide and not cut off.",
        )
    if index is None:
        if len(faces) > 1:
            raise SeveralFacesError(
                f"The picture shows {len(faces)} faces.",
                f"Choose one by its number, 0 (the largest) to {len(faces) - 1}.",
                count=len(faces),
            )
        index = 0
    if not 0 <= index < len(faces):
        raise NoFaceError(f"There is no face number {index}.", f"The picture shows {len(faces)}, counted from 0.")
    return faces[index]


def central_face(image: np.ndarray, faces: list[FaceBox]) -> FaceBox | None:
    """The face nearest the middle of a photo that was cut around its subject, as data sets are; None without faces."""
    middle = np.array(image.shape[1::-1]) / 2

    def distance(face: FaceBox) -> float:
        return float(np.abs((np.array(face.xyxy[:2]) + face.xyxy[2:]) / 2 - middle).sum())

    return min(faces, key=distance, default=None)
