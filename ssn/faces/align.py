"""Light CNN's frame: eyes level, eye centre at (64, 40), 48 px from there down to the mouth, 128×128."""

from __future__ import annotations

import cv2
import numpy as np

from ssn.errors import NoFaceError
from ssn.faces.types import FACE_SIZE, AlignedFace, Spectrum

EYE_Y = 40.0
EYE_TO_MOUTH = 48.0


def anchor_points(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """68 landmarks → centres of the two eyes and the middle of the mouth's corners, (2,) each."""
    return landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0), (landmarks[48] + landmarks[54]) / 2


def alignment_transform(landmarks: np.ndarray, size: int = FACE_SIZE) -> np.ndarray:
    """The similarity (2, 3) from picture to crop pixels. A larger ``size`` keeps the scale and adds margin all round.

    Raises NoFaceError where the points lie so close, or the eyes so low, that they are no upright face.
    """
    left, right, mouth = anchor_points(landmarks)
    eye = (left + right) / 2
    across = right - left
    angle = np.arctan2(across[1], across[0])
    cos, sin = np.cos(-angle), np.sin(-angle)
    down = sin * (mouth - eye)[0] + cos * (mouth - eye)[1]
    if not down >= 4.0:  # so that points that are no numbers are refused too
        raise NoFaceError(
            "The face is too small or turned too far to be aligned.", "Use a larger, more frontal picture of the face."
        )
    scale = EYE_TO_MOUTH / down
    rotation = scale * np.array([[cos, -sin], [sin, cos]])
    margin = (size - FACE_SIZE) / 2
    target = np.array([FACE_SIZE / 2 + margin, EYE_Y + margin])
    return np.hstack([rotation, (target - rotation @ eye)[:, None]])


def apply_transform(transform: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(2, 3) affine and (N, 2) points → (N, 2)."""
    return points @ transform[:, :2].T + transform[:, 2]


def warp(image: np.ndarray, transform: np.ndarray, size: int = FACE_SIZE) -> np.ndarray:
    """Picture → crop (size, size, …). A strong reduction is averaged first, so that it does not alias."""
    scale = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
    if scale < 0.5:
        before = np.array(image.shape[1::-1])
        after = np.maximum(1, np.round(2 * scale * before)).astype(int)
        shrunk = cv2.resize(image, after.tolist(), interpolation=cv2.INTER_AREA)
        exact = after / before  # of the rounded size: given a factor instead, cv2 would drift towards the far edges
        half_pixel = np.array([0.5, 0.5])
        inner = transform.copy()
        inner[:, :2] = transform[:, :2] / exact
        inner[:, 2] = transform[:, 2] + transform[:, :2] @ (half_pixel / exact - half_pixel)
        image, transform = shrunk, inner
    return cv2.warpAffine(
        image, transform, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )


def align(image: np.ndarray, landmarks: np.ndarray, spectrum: Spectrum = "vis") -> AlignedFace:
    """Picture (H, W, 3) uint8 RGB with 68 landmarks → AlignedFace. What lies outside the picture is black."""
    transform = alignment_transform(landmarks)
    return AlignedFace(
        pixels=warp(image, transform),
        landmarks=apply_transform(transform, landmarks),
        transform=transform,
        spectrum=spectrum,
    )
