"""Occlusions on aligned faces: the paper's two rectangles, and masks painted by hand. What is hidden becomes black. A
new one is a function of the landmarks and a row of ``OCCLUSIONS``.

The paper's two formulas stand under each other's name; we go by the names. Its landmarks count from 1, arrays from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ssn.errors import ImageError, LandmarksUnknownError
from ssn.faces.types import FACE_SIZE, AlignedFace

Occlusion = str
"""A key of ``OCCLUSIONS``."""


def _rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Pixels with left ≤ x < right and top ≤ y < bottom, clipped to the face. As for landmarks and warping, a pixel's
    coordinates are its indices."""
    mask = np.zeros((FACE_SIZE, FACE_SIZE), bool)
    x0, x1 = (int(np.clip(np.ceil(v), 0, FACE_SIZE)) for v in (left, right))
    y0, y1 = (int(np.clip(np.ceil(v), 0, FACE_SIZE)) for v in (top, bottom))
    mask[y0:y1, x0:x1] = True
    return mask


def mask_bottom(landmarks: np.ndarray) -> np.ndarray:
    """Lower half, from 68 landmarks (x, y) → (128, 128) bool: x14 − x2 wide, y10 − y30 high, hung from y30, centred on
    x30."""
    width, height = landmarks[13, 0] - landmarks[1, 0], landmarks[9, 1] - landmarks[29, 1]
    x, y = landmarks[29]
    return _rectangle(x - width / 2, y, x + width / 2, y + height)


def mask_top(landmarks: np.ndarray) -> np.ndarray:
    """Eyes, from 68 landmarks (x, y): x18 … x27 wide, y10 − y30 high, hung from the brow y18 → (128, 128) bool."""
    height, top = landmarks[9, 1] - landmarks[29, 1], landmarks[17, 1]
    return _rectangle(landmarks[17, 0], top, landmarks[26, 0], top + height)


@dataclass(frozen=True)
class OcclusionKind:
    """``title`` as people read it; ``mask``: 68 landmarks (x, y) in pixels of the crop → (128, 128) bool, True where
    hidden, or None where nothing is."""

    title: str
    mask: Callable[[np.ndarray], np.ndarray] | None


OCCLUSIONS: dict[Occlusion, OcclusionKind] = {
    "none": OcclusionKind("None", None),
    "maskTop": OcclusionKind("Eyes (maskTop)", mask_top),
    "maskBottom": OcclusionKind("Lower half (maskBottom)", mask_bottom),
}
"""The occlusions by name, in the order in which they are shown and measured."""


def named_mask(name: Occlusion, landmarks: np.ndarray | None) -> np.ndarray:
    """The mask of that name, (128, 128) bool; ``none`` hides nothing. Raises ImageError for an unknown name,
    LandmarksUnknownError for a part of a face whose landmarks are not known."""
    if name not in OCCLUSIONS:
        raise ImageError(f"{name!r} is no occlusion.", f"Use one of {', '.join(OCCLUSIONS)}.")
    hides = OCCLUSIONS[name].mask
    if hides is None:
        return np.zeros((FACE_SIZE, FACE_SIZE), bool)
    if landmarks is None:
        raise LandmarksUnknownError
    return hides(landmarks)


def occlude(face: AlignedFace, mask: np.ndarray) -> AlignedFace:
    """The face with ``mask`` (128, 128) bool hidden, besides what was hidden already. Raises ImageError for another
    shape."""
    if mask.shape != face.mask.shape:
        raise ImageError(
            f"The mask is {'×'.join(map(str, mask.shape))}.",
            f"It must be {FACE_SIZE}×{FACE_SIZE}, as the aligned face.",
        )
    mask = mask.astype(bool)
    return face.with_(pixels=np.where(mask[..., None], 0, face.pixels).astype(np.uint8), mask=face.mask | mask)
