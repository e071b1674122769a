"""The same face from one camera frame to the next: the detector looks where it was, and only then everywhere."""

from __future__ import annotations

import cv2
import numpy as np

from ssn.faces.detect import SMALLEST_FACE, FaceDetector
from ssn.faces.mtcnn import FACTOR
from ssn.faces.types import FaceBox

CAMERA_FACE = SMALLEST_FACE / FACTOR**2
"""Nominal width of the smallest faces looked for in camera frames, two steps of the pyramid above a photo's. Faces from
40 px on are found with it: none of 439 in 300 LFW and all demo photos was lost (``benchmarks.detection``)."""
MARGIN = 0.6
"""How far around the last box the next one may lie, as a share of its side."""
CROP_SIDE = 132
"""The surroundings of the last box are looked at in this size, in which a face is about 60 px wide."""
LOOK_AROUND = 15
"""After so many frames the whole frame is searched again, so that a second face is not missed for long."""


class FaceTracker:
    """The largest face of a stream of frames. It holds the last box of one stream: a tracker for each camera, and no
    picture is kept."""

    def __init__(self, detector: FaceDetector):
        self._detector = detector
        self._last: FaceBox | None = None
        self._frames = 0

    def next(self, frame: np.ndarray) -> FaceBox | None:
        """Frame (H, W, 3) uint8 RGB → its largest face, or the one followed; None without one.

        A face counts as followed only where the detector confirms it around its last place; otherwise, and every
        ``LOOK_AROUND`` frames, the whole frame is searched.
        """
        face = None
        if self._last is not None and self._frames < LOOK_AROUND:
            self._frames += 1
            face = self._near(frame, self._last)
        if face is None:
            self._frames = 0
            face = next(iter(self._detector.detect(frame)), None)
        self._last = face
        return face

    def _near(self, frame: np.ndarray, last: FaceBox) -> FaceBox | None:
        """The largest face around the last one, in pixels of the frame."""
        x0, y0, x1, y1 = last.xyxy
        reach = MARGIN * max(x1 - x0, y1 - y0)
        left, top = max(0, round(x0 - reach)), max(0, round(y0 - reach))
        crop = frame[top : max(top, round(y1 + reach)), left : max(left, round(x1 + reach))]
        if min(crop.shape[:2]) < 2:
            return None
        scale = CROP_SIDE / max(crop.shape[:2])
        size = [max(1, round(side * scale)) for side in crop.shape[1::-1]]
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        shift = np.array([left, top])
        exact = np.array(size) / crop.shape[1::-1]
        for face in self._detector.detect(small):
            corners = np.reshape(face.xyxy, (2, 2)) / exact + shift
            return FaceBox(tuple(corners.ravel().tolist()), face.points / exact + shift, face.confidence)
        return None


def camera_tracker(device: str = "cpu") -> FaceTracker:
    """For one stream, with a detector for faces of at least ``CAMERA_FACE`` px."""
    return FaceTracker(FaceDetector(device, CAMERA_FACE))
