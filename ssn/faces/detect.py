"""Where the faces are: MTCNN (Zhang et al., 2016) with the weights in facenet-pytorch's wheel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
APART = 24
"""Black columns between pictures that are looked at side by side."""


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
        image, scale = _shrunk(image, long_side)
        if turns:
            image = np.ascontiguousarray(np.rot90(image, turns))
        if min(image.shape[:2]) < SMALLEST_FACE:
            return []
        return self._faces(image, scale, wanted)

    def detect_in_turns(
        self, image: np.ndarray, turns: Sequence[int], long_side: int = LONG_SIDE, wanted: float = WANTED_FACE
    ) -> list[tuple[int, FaceBox]]:
        """As :meth:`detect`, of several turns in one pass, side by side: the turn a face is upright in, and the face in
        pixels of the picture turned so."""
        image, scale = _shrunk(image, long_side)
        if min(image.shape[:2]) < SMALLEST_FACE:
            return []
        views = [np.rot90(image, turn) for turn in turns]
        starts = np.cumsum([0, *(view.shape[1] + APART for view in views)])
        sheet = np.zeros((max(view.shape[0] for view in views), int(starts[-1]) - APART, 3), np.uint8)
        for view, start in zip(views, starts, strict=False):
            sheet[: view.shape[0], start : start + view.shape[1]] = view
        found = []
        for face in self._faces(sheet, scale, wanted):
            middle = (face.xyxy[0] + face.xyxy[2]) / 2 * scale
            place = int(np.searchsorted(starts[1:-1], middle, side="right"))
            found.append((turns[place], _moved(face, -float(starts[place]) / scale)))
        return found

    def _faces(self, image: np.ndarray, scale: float, wanted: float) -> list[FaceBox]:
        """The faces of a picture that was shrunk by ``scale``, in pixels of the one before, largest first."""
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


def _shrunk(image: np.ndarray, long_side: int) -> tuple[np.ndarray, float]:
    """A picture with at most ``long_side`` pixels on its longer side, and new size / old."""
    height, width = image.shape[:2]
    scale = _shrinking(image, long_side)
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return image, scale


def _moved(face: FaceBox, right: float) -> FaceBox:
    x0, y0, x1, y1 = face.xyxy
    return replace(face, xyxy=(x0 + right, y0, x1 + right, y1), points=face.points + np.array([right, 0.0]))


def _shrinking(image: np.ndarray, long_side: int) -> float:
    return min(1.0, long_side / max(image.shape[:2]))


def central_face(image: np.ndarray, faces: list[FaceBox]) -> FaceBox | None:
    """The face nearest the middle of a photo that was cut around its subject, as data sets are; None without faces."""
    middle = np.array(image.shape[1::-1]) / 2

    def distance(face: FaceBox) -> float:
        return float(np.abs((np.array(face.xyxy[:2]) + face.xyxy[2:]) / 2 - middle).sum())

    return min(faces, key=distance, default=None)
