"""Why no face was found: dark, burnt out, empty, small or turned, whichever it is."""

from __future__ import annotations

import cv2
import numpy as np

from ssn.errors import NoFaceError
from ssn.faces.detect import LONG_SIDE, FaceDetector
from ssn.faces.light import LEAST_RANGE, is_dark, is_dark_but_for_lamps, light_range, stretched

WHITE, BURNT = 250, 0.5
"""A picture is burnt out where more than this share of its pixels is white in every channel."""
ENLARGED, MOST_ENLARGED = 3.0, 1600
"""How many times a picture is enlarged to look for faces too small for recognition, and the longest side of that."""


def why_no_face(image: np.ndarray, detector: FaceDetector) -> NoFaceError:
    """What to say of a picture (H, W, 3) uint8 RGB in which no face was found."""
    low, high = light_range(image)
    even = int(image.max()) - int(image.min()) < LEAST_RANGE
    burnt = float((image.min(axis=2) >= WHITE).mean())
    small = None if even else _small_face(image, detector)
    if small is not None:  # before what is said of the picture, of which it is a small part
        return NoFaceError(
            f"No face was found that can be used: it is too small, about {small:.0f} pixels wide.",
            f"Use a picture in which it is at least {detector.smallest(image):.0f} pixels wide.",
        )
    if is_dark(image):
        return NoFaceError(
            f"No face was found: the picture is too dark. Its brightest parts reach {high / 255:.0%} of white, and no "
            "face shows even when it is brightened.",
            "Use more light, or a longer exposure.",
        )
    if burnt > BURNT:
        return NoFaceError(f"No face was found: {burnt:.0%} of the picture is burnt out to white.", "Use less light.")
    if high - low < LEAST_RANGE:
        return NoFaceError("No face was found: the picture is empty, one even gray.", "Choose another picture.")
    if is_dark_but_for_lamps(image):
        return NoFaceError(
            "No face was found: but for a few bright spots the picture is too dark, and no face shows even when it is "
            "brightened.",
            "Use more light, and no lamp in the picture.",
        )
    return NoFaceError(
        "No face was found in the picture, nor in its quarter turns.",
        "Use a picture in which a face looks at the camera and is not cut off.",
    )


def turned_too_far() -> NoFaceError:
    """For a face on which the detector and the landmarks do not agree."""
    return NoFaceError(
        "The face is turned too far, covered or blurred: where its eyes, nose and mouth are is in doubt.",
        "Use a more frontal, upright picture of the face.",
    )


def _small_face(image: np.ndarray, detector: FaceDetector) -> float | None:
    """Width in pixels of the largest face that only shows enlarged, None where there is none. A dark picture is
    brightened."""
    bright = stretched(image) if is_dark(image) else None
    image = image if bright is None else bright
    long_side = max(image.shape[:2])
    factor = min(ENLARGED * min(1.0, LONG_SIDE / long_side), MOST_ENLARGED / long_side)
    size = [max(1, round(side * factor)) for side in image.shape[1::-1]]
    faces = detector.detect(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), MOST_ENLARGED, wanted=0)
    if not faces:
        return None
    left, _, right, _ = faces[0].xyxy
    return (right - left) / factor
