"""How good a face is for enrolling: how large, sharp, frontal and uncovered it was in its photo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ssn.errors import LandmarksUnknownError
from ssn.faces.align import anchor_points
from ssn.faces.types import FACE_SIZE, AlignedFace

HiddenShare = Callable[[AlignedFace], float]
"""An aligned face → the share of it that is hidden, in [0, 1]: what a visibility network says."""

SMALL, BLURRED, TURNED, COVERED = 32.0, 20.0, 30.0, 0.15
"""Pixels between the eyes, variance of the Laplacian, degrees and hidden share beyond which a face is worth a word."""
POINTS = [30, 8, 36, 45, 48, 54]
"""Of the 68 landmarks: tip of the nose, chin, outer corners of the eyes, corners of the mouth."""
HEAD = np.array(
    [(0, 0, 0), (0, 63.6, 12.5), (-43.3, -32.7, 26), (43.3, -32.7, 26), (-28.9, 28.9, 24.1), (28.9, 28.9, 24.1)]
)
"""The same six of a generic head, in millimetres: x to the picture's right, y down, z away from the camera."""
DISTANCE = 10 * FACE_SIZE
"""Focal length in crop pixels: as from a few metres, where a crop shows little perspective."""


@dataclass(frozen=True)
class Quality:
    """``eyes`` is the distance between the eyes in pixels of the photo; ``sharpness`` the variance of the crop's
    Laplacian (gray levels²); ``yaw`` (to the picture's right), ``pitch`` (down) and ``roll`` (clockwise) are degrees;
    ``hidden`` is a share in [0, 1], None where no network says."""

    eyes: float
    sharpness: float
    yaw: float
    pitch: float
    roll: float
    hidden: float | None = None

    @property
    def concerns(self) -> list[str]:
        """What may keep the person from being recognised; empty for a good photo."""
        words = []
        if self.eyes < SMALL:
            words.append(f"small: {self.eyes:.0f} pixels between the eyes")
        if self.sharpness < BLURRED:
            words.append("blurred")
        if abs(self.yaw) > TURNED:
            words.append(f"turned aside by {abs(self.yaw):.0f}°")
        if abs(self.pitch) > TURNED:
            words.append(f"turned {'down' if self.pitch > 0 else 'up'} by {abs(self.pitch):.0f}°")
        if self.hidden is not None and self.hidden > COVERED:
            words.append(f"{100 * self.hidden:.0f} % hidden")
        return words

    @property
    def text(self) -> str:
        """The measures in one line."""
        hidden = "" if self.hidden is None else f", {100 * self.hidden:.0f} % hidden"
        turned = f"turned {round(self.yaw)}° aside, {round(self.pitch)}° down, {round(self.roll)}° over"
        return f"{self.eyes:.0f} px between the eyes, sharpness {self.sharpness:.0f}, {turned}{hidden}"


def measure_quality(face: AlignedFace, hidden_share: HiddenShare | None = None) -> Quality:
    """An aligned face from a photo → its quality. Raises LandmarksUnknownError for a stored picture."""
    if face.landmarks is None:
        raise LandmarksUnknownError
    left, right, _ = anchor_points(face.landmarks)
    linear = face.transform[:, :2]
    eyes = float(np.linalg.norm(np.linalg.solve(linear, right - left)))
    gray = cv2.cvtColor(face.pixels, cv2.COLOR_RGB2GRAY)
    yaw, pitch = _turned(face.landmarks)
    roll = float(np.degrees(np.arctan2(linear[0, 1], linear[0, 0])))
    hidden = None if hidden_share is None else hidden_share(face)
    return Quality(eyes, float(cv2.Laplacian(gray, cv2.CV_64F).var()), yaw, pitch, roll, hidden)


def _turned(landmarks: np.ndarray) -> tuple[float, float]:
    """68 landmarks (x, y) → yaw and pitch of the generic head that shows its six points where these are, in degrees."""
    middle = FACE_SIZE / 2
    camera = np.array([(DISTANCE, 0, middle), (0, DISTANCE, middle), (0, 0, 1)], float)
    start = np.zeros(3), np.array([0, 0, DISTANCE], float)
    seen = np.ascontiguousarray(landmarks[POINTS], float)
    _, turn, _ = cv2.solvePnP(HEAD, seen, camera, None, *start, True, cv2.SOLVEPNP_ITERATIVE)
    forward = -cv2.Rodrigues(turn)[0][:, 2]  # where the nose points; (0, 0, −1) is into the camera
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    return float(yaw), float(np.degrees(np.arcsin(np.clip(forward[1] / np.linalg.norm(forward), -1, 1))))
