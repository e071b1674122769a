"""The parts of a face, from its 68 landmarks: one label for every pixel of the crop."""

from __future__ import annotations

import cv2
import numpy as np

from ssn.errors import ImageError
from ssn.faces.types import FACE_SIZE

REGIONS = ("around", "forehead", "brows", "eyes", "nose", "mouth", "cheeks", "jaw")
"""Label ``i`` of a map is ``REGIONS[i]``; ``around`` is hair, ears, neck and background."""


def _fill(labels: np.ndarray, points: np.ndarray, name: str, hull: bool = True) -> None:
    corners = np.round(np.asarray(points) * 16).astype(np.int32)
    cv2.fillPoly(labels, [cv2.convexHull(corners) if hull else corners], REGIONS.index(name), shift=4)


def _crown(landmarks: np.ndarray) -> np.ndarray:
    """The jaw (17, 2) mirrored in the line through its ends, flattened to 0.6: about where the hair begins."""
    across = landmarks[16] - landmarks[0]
    up = np.array([across[1], -across[0]]) / max(float(np.linalg.norm(across)), 1e-6)
    height = (landmarks[:17] - landmarks[0]) @ up  # negative below the line
    return landmarks[:17] - 1.6 * height[:, None] * up


def _grown(points: np.ndarray, x: float, y: float) -> np.ndarray:
    """Points moved outwards from their middle by the factors ``x`` and ``y``."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    return centre + (points - centre) * np.array([x, y])


def region_labels(landmarks: np.ndarray | None) -> np.ndarray:
    """68 landmarks (x, y) in pixels of the crop → (128, 128) uint8, indices into ``REGIONS``; later parts lie on
    top. Raises ImageError where they are not known."""
    if landmarks is None:
        raise ImageError("The parts of a face need its landmarks, which are not known.", "Use the photo it came from.")
    labels = np.zeros((FACE_SIZE, FACE_SIZE), np.uint8)
    face = np.vstack([landmarks[:17], _crown(landmarks)[::-1]])
    _fill(labels, face, "cheeks", hull=False)
    inside = labels > 0
    brow_line, mouth_line = landmarks[17:27, 1].mean(), landmarks[[48, 54], 1].mean()
    rows = np.arange(FACE_SIZE)[:, None] + 0.5
    labels[inside & (rows < brow_line)] = REGIONS.index("forehead")
    labels[inside & (rows > mouth_line)] = REGIONS.index("jaw")
    _fill(labels, np.vstack([landmarks[27:28], _grown(landmarks[31:36], 1.25, 1.0)]), "nose")
    _fill(labels, _grown(landmarks[48:60], 1.15, 1.3), "mouth")
    for eye, brow in ((landmarks[36:42], landmarks[17:22]), (landmarks[42:48], landmarks[22:27])):
        thick = np.array([0.0, 0.35 * (eye[:, 1].mean() - brow[:, 1].mean())])
        _fill(labels, np.vstack([brow - 0.6 * thick, brow + thick]), "brows")
        _fill(labels, _grown(eye, 1.35, 2.0), "eyes")
    return labels


def region_sums(picture: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Sum of ``picture`` (128, 128) over each region present in ``labels``."""
    return {REGIONS[i]: float(picture[labels == i].sum()) for i in np.unique(labels)}
