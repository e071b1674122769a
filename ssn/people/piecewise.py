"""Moving a picture by its landmarks: piecewise affine maps over a triangulation (Cootes et al., 2001, "warping")."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

FRAME = 224
"""Side of the model's frame in pixels."""
EYE = (112.0, 98.0)
"""Where the middle between the eyes stands in the frame."""
EYE_TO_MOUTH = 46.0

_CROWN = [2, 4, 6, 8, 10, 12, 14]


def crown_points(landmarks: np.ndarray) -> np.ndarray:
    """(68, 2) → (7, 2): some jaw points mirrored in the line through the ears, which is about where a head's top is."""
    left, right = landmarks[0], landmarks[16]
    axis = (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)
    offset = landmarks[_CROWN] - left
    along = offset @ axis
    return left + 2 * along[:, None] * axis - offset


def control_points(landmarks: np.ndarray, around: float = 0.0) -> np.ndarray:
    """68 landmarks (x, y) in the frame → (91, 2): with the crown, and 16 fixed points on a square ``around`` px
    outside."""
    low, high = -around, FRAME - 1.0 + around
    steps = np.linspace(low, high, 5)
    border = [(x, y) for x in steps for y in steps if x in (low, high) or y in (low, high)]
    return np.vstack([landmarks, crown_points(landmarks), np.array(border)])


@lru_cache(maxsize=4)
def _triangles(key: bytes) -> np.ndarray:
    from scipy.spatial import Delaunay  # slow to import, and needed where somebody is drawn only

    return Delaunay(np.frombuffer(key, dtype=np.float64).reshape(-1, 2)).simplices


def triangles_of(points: np.ndarray) -> np.ndarray:
    """(N, 2) → corner numbers (T, 3) of their Delaunay triangulation; kept for the mean shape, which never changes."""
    return _triangles(np.ascontiguousarray(points, dtype=np.float64).tobytes())


def pixel_map(target: np.ndarray, source: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """Where each target pixel comes from: ``target`` and ``source`` (N, 2) matching points → (size, size, 2) float32.

    Pixels outside every triangle follow the nearest one drawn beside them.
    """
    owner = np.full((size, size), -1, np.int32)
    corners = target[triangles]  # (T, 3, 2)
    for number, corner in enumerate(np.round(corners * 16).astype(np.int32)):
        cv2.fillConvexPoly(owner, corner, number, shift=4)
    if (owner < 0).any():
        owner = _fill_nearest(owner)
    ones = np.ones((*corners.shape[:2], 1))
    homogeneous = np.concatenate([corners, ones], axis=2)
    flat = np.abs(np.linalg.det(homogeneous)) < 1e-3
    homogeneous[flat] = np.eye(3)
    affine = np.linalg.solve(homogeneous, source[triangles]).astype(np.float32)  # (T, 3, 2)
    affine[flat] = 0
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    chosen = affine[owner]  # (size, size, 3, 2)
    return chosen[..., 0, :] * x[..., None] + chosen[..., 1, :] * y[..., None] + chosen[..., 2, :]


def _fill_nearest(owner: np.ndarray) -> np.ndarray:
    _, labels = cv2.distanceTransformWithLabels(
        (owner < 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    known = owner >= 0
    table = np.zeros(labels.max() + 1, np.int32)
    table[labels[known]] = owner[known]
    return table[labels]


def remap(picture: np.ndarray, where: np.ndarray, smooth: bool = False) -> np.ndarray:
    """Picture (S, S, …) float32 and a pixel map → the moved picture; beyond the edge, the edge goes on."""
    method = cv2.INTER_LINEAR if smooth else cv2.INTER_CUBIC
    return cv2.remap(picture, where[..., 0], where[..., 1], method, borderMode=cv2.BORDER_REPLICATE)
