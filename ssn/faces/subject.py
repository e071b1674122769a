"""Who is meant: one rule for every door, and the same numbers on every picture of the choice."""

from __future__ import annotations

import cv2
import numpy as np

from ssn.errors import NoFaceError, SeveralFacesError
from ssn.faces.types import FaceBox, Subject

CLEAR_MARGIN = 2.0
"""The subject's box has at least this many times the area of any other."""
FARTHEST_OFF_CENTRE = 0.35
"""Its middle lies no farther from the picture's than this share of the width and of the height."""


def off_centre(image: np.ndarray, face: FaceBox) -> float:
    """Distance of the face's middle from the picture's, in shares of width or height, whichever is more; 0.5 is the
    edge."""
    size = np.array(image.shape[1::-1], float)
    middle = (np.array(face.xyxy[:2]) + face.xyxy[2:]) / 2
    return float(np.abs(middle / size - 0.5).max())


def choose_subject(image: np.ndarray, faces: list[FaceBox] | tuple[FaceBox, ...], index: int | None = None) -> Subject:
    """Which of the faces, largest first, is meant. ``index`` (from 0) is somebody's choice; without one it is the only
    face, or the largest where it is ``CLEAR_MARGIN`` times as large as the next and not far off-centre.

    Raises NoFaceError for no faces and a number there is not, SeveralFacesError where nobody is clearly meant.
    """
    if not faces:
        raise NoFaceError("No face was found in the picture.", "Use a picture of an upright face that is not cut off.")
    count = len(faces)
    if index is not None:
        if not 0 <= index < count:
            raise NoFaceError(f"There is no face number {index + 1}.", f"The picture shows {count}, counted from 1.")
        return Subject(index, "chosen by its number", count)
    if count == 1:
        return Subject(0, "the only face", count)
    ratio, distance = faces[0].area / max(faces[1].area, 1e-6), off_centre(image, faces[0])
    if ratio >= CLEAR_MARGIN and distance <= FARTHEST_OFF_CENTRE:
        return Subject(0, f"the largest of {count} faces, {ratio:.1f} times as large as the next", count)
    why = (
        "the largest is far off the middle"
        if ratio >= CLEAR_MARGIN
        else f"the largest is only {ratio:.1f} times as large as the next ({CLEAR_MARGIN:g} would be clear)"
    )
    raise SeveralFacesError(
        f"The picture shows {count} faces and nobody is clearly meant: {why}.",
        f"Choose one by its number, 1 (the largest) to {count}.",
        count=count,
    )


def numbered_picture(image: np.ndarray, faces: list[FaceBox] | tuple[FaceBox, ...]) -> np.ndarray:
    """The picture (H, W, 3) uint8 RGB with a frame around every face and its number, from 1, the largest."""
    drawn = np.array(image)
    line = max(1, round(max(image.shape[:2]) / 300))
    for place, face in enumerate(faces, start=1):
        left, top, right, bottom = (round(edge) for edge in face.xyxy)
        size = max(0.45, (right - left) / 120)
        cv2.rectangle(drawn, (left, top), (right, bottom), (255, 210, 0), line)
        (width, height), _ = cv2.getTextSize(str(place), cv2.FONT_HERSHEY_SIMPLEX, size, line)
        x = int(np.clip(left, 0, max(0, image.shape[1] - width - 2 * line)))
        y = int(np.clip(top, 0, max(0, image.shape[0] - height - 4 * line)))
        cv2.rectangle(drawn, (x, y), (x + width + 2 * line, y + height + 4 * line), (255, 210, 0), -1)
        corner = (x + line, y + height + 2 * line)
        cv2.putText(drawn, str(place), corner, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), line, cv2.LINE_AA)
    return drawn
