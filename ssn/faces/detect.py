"""Where the faces are: MTCNN (Zhang et al., 2016) with the weights in facenet-pytorch's wheel."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ssn.faces.mtcnn import Cascade
from ssn.faces.types import FaceBox

LONG_SIDE = 800
"""Pictures are shrunk to this before detection: a face smaller than 20 px there is too small to recognise anyway."""
SMALLEST_FACE = 24
"""Width in pixels (after that shrinking) of the smallest faces looked for in a photo."""
WANTED_FACE = 40
"""Width in pixels of the photo as it is from which no face may be lost: smaller ones are left, where that is faster."""
LEAST_CONFIDENCE = 0.9


class FaceDetector:
    """All faces of a picture, largest first. Not thread-safe while loading; safe to share afterwards."""

    def __init__(self, device: str | torch.device = "cpu", smallest: float = SMALLEST_FACE):
        self._cascade = Cascade(torch.device(device), smallest)

    def detect(
        self, image: np.ndarray, long_side: int = LONG_SIDE, wanted: float = WANTED_FACE, turns: int = 0
    ) -> list[FaceBox]:
        """Picture (H, W, 3) uint8 RGB → upright faces in its own pixels, largest first; an empty list if there are
        none. It is looked at with at most ``long_side`` pixels; none of ``wanted`` pixels of its own is lost, but to
        that. With ``turns`` it is turned so many quarters to the left: faces upright in the turned picture, in that
        one's pixels."""
        height, width = image.shape[:2]
        scale = _shrinking(image, long_side)
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if turns:
            image = np.ascontiguousarray(np.rot90(image, turns))
        if min(image.shape[:2]) < SMALLEST_FACE:
            return []
        boxes, confidences, points = self._cascade(image, wanted * scale)
        faces = [
            FaceBox((x0, y0, x1, y1), np.asarray(five, float) / scale, confidence)
            for (x0, y0, x1, y1), confidence, five in zip(
                (boxes.astype(float) / scale).tolist(), confidences.astype(float).tolist(), points, strict=True
            )
            if confidence >= LEAST_CONFIDENCE
        ]
        return sorted(faces, key=lambda face: -face.area)

    def smallest(self, image: np.ndarray) -> float:
        """Width in pixels of the smallest faces that are looked for in a photo."""
        scale = _shrinking(image, LONG_SIDE)
        return self._cascade.smallest_for(WANTED_FACE * scale) / scale


def _shrinking(image: np.ndarray, long_side: int) -> float:
    return min(1.0, long_side / max(image.shape[:2]))


def central_face(image: np.ndarray, faces: list[FaceBox]) -> FaceBox | None:
    """The face nearest the middle of a photo that was cut around its subject, as data sets are; None without faces."""
    middle = np.array(image.shape[1::-1]) / 2

    def distance(face: FaceBox) -> float:
        return float(np.abs((np.array(face.xyxy[:2]) + face.xyxy[2:]) / 2 - middle).sum())

    return min(faces, key=distance, default=None)
