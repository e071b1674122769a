"""Quarter turns of pictures, to the left as ``np.rot90`` does them, and of the points in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssn.faces.types import FaceBox


def turn_points(points: np.ndarray, shape: tuple[int, ...], turns: int) -> np.ndarray:
    """Points (N, 2) in a picture of ``shape`` (H, W, …) → where they lie after ``np.rot90(picture, turns)``."""
    height, width = shape[:2]
    for _ in range(turns % 4):
        points = np.stack([points[:, 1], width - 1 - points[:, 0]], axis=1)
        height, width = width, height
    return points


def turn_points_back(points: np.ndarray, shape: tuple[int, ...], turns: int) -> np.ndarray:
    """The reverse: points in the turned picture → in the picture of ``shape``."""
    turned = shape[:2] if turns % 2 == 0 else shape[1::-1]
    return turn_points(points, turned, -turns)


def turn_face_back(face: FaceBox, shape: tuple[int, ...], turns: int) -> FaceBox:
    """An upright face of the turned picture → the same face in the picture of ``shape``."""
    corners = turn_points_back(np.reshape(face.xyxy, (2, 2)), shape, turns)
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    points = turn_points_back(face.points, shape, turns)
    return replace(face, xyxy=(left, top, right, bottom), points=points, quarter_turns=turns % 4)
