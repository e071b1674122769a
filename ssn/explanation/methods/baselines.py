"""What "nothing there" looks like: the picture an explanation starts from, and what hidden pixels are replaced by."""

from __future__ import annotations

import cv2
import numpy as np

from ssn.errors import ExplanationError
from ssn.explanation.methods.mean_face import mean_face
from ssn.faces.gray import luma
from ssn.faces.types import FACE_SIZE, AlignedFace

BASELINES = ("mean", "blur", "black")
"""``mean``: the average of many faces, nobody in particular; ``blur``: the face itself, its light kept and its
features gone; ``black``: what an occlusion leaves."""

BLUR = 12.0
"""Standard deviation of the blur in pixels: a quarter of the distance from eyes to mouth."""


def gray(face: AlignedFace) -> np.ndarray:
    """A face's luma, (128, 128) float32 in [0, 1], as the network reads it."""
    return luma(face.pixels)


def baseline_picture(name: str, face: AlignedFace) -> np.ndarray:
    """The baseline of that name for a face, (128, 128) float32 in [0, 1], behind the face's mask: what both pictures
    hide can speak neither for a match nor against it. Raises ExplanationError for another name."""
    picture = _complete(name, face)
    return np.where(face.mask, gray(face), picture) if face.mask.any() else picture


def _complete(name: str, face: AlignedFace) -> np.ndarray:
    if name == "mean":
        return mean_face(face.branch)
    if name == "blur":
        return cv2.GaussianBlur(gray(face), (0, 0), BLUR, borderType=cv2.BORDER_REFLECT)
    if name == "black":
        return np.zeros((FACE_SIZE, FACE_SIZE), np.float32)
    raise ExplanationError(f"There is no baseline {name!r}.", f"Use one of {', '.join(BASELINES)}.")
