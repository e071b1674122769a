"""Who is meant: one rule for every door, and the same numbers on every picture of the choice."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ssn.errors import NoFaceError, SeveralFacesError
from ssn.faces.types import FaceBox, Subject

CLEAR_MARGIN = 2.0
"""The subject's box has at least this many times the area of any other."""
FARTHEST_OFF_CENTRE = 0.35
"""Its middle lies no farther from the picture's than this share of the width and of the height."""
NUMBERED_FIRST = 100
"""So many faces, the largest, are numbered before any smaller one."""


def by_number(faces: Sequence[FaceBox]) -> list[int]:
    """Faces, largest first → their places in the order of their numbers: from left to right by their middles, those
    beyond the ``NUMBERED_FIRST`` largest after the others. The same for every door."""
    return sorted(
        range(len(faces)), key=lambda place: (place >= NUMBERED_FIRST, faces[place].xyxy[0] + faces[place].xyxy[2])
    )


def off_centre(image: np.ndarray, face: FaceBox) -> float:
    """Distance of the face's middle from the picture's, in shares of width or height, whichever is more; 0.5 is the
    edge."""
    size = np.array(image.shape[1::-1], float)
    middle = (np.array(face.xyxy[:2]) + face.xyxy[2:]) / 2
    return float(np.abs(middle / size - 0.5).max())


def choose_subject(image: np.ndarray, faces: Sequence[FaceBox], index: int | None = None) -> Subject:
    """Which of the faces, largest first, is meant. ``index`` is somebody's choice: the number, but from 0, left to
    right. Without one it is the only face, or the largest where it is ``CLEAR_MARGIN`` times as large as the next and
    not far off-centre.

    Raises NoFaceError for no faces and a number there is not, SeveralFacesError where nobody is clearly meant.
    """
    if not faces:
        raise NoFaceError("No face was found in the picture.", "Use a picture of an upright face that is not cut off.")
    count, order = len(faces), by_number(faces)
    if index is not None:
        if not 0 <= index < count:
            raise NoFaceError(f"There is no face number {index + 1}.", f"The picture shows {count}, counted from 1.")
        return Subject(order[index], "chosen by its number", count, index + 1)
    if count == 1:
        return Subject(0, "the only face", count)
    largest = order.index(0) + 1
    ratio, distance = faces[0].area / max(faces[1].area, 1e-6), off_centre(image, faces[0])
    if ratio >= CLEAR_MARGIN and distance <= FARTHEST_OFF_CENTRE:
        return Subject(0, f"the largest of {count} faces, {ratio:.1f} times as large as the next", count, largest)
    why = (
        "the largest is far off the middle"
        if ratio >= CLEAR_MARGIN
        else f"the largest is only {ratio:.1f} times as large as the next ({CLEAR_MARGIN:g} would be clear)"
    )
    raise SeveralFacesError(
        f"The picture shows {count} faces and nobody is clearly meant: {why}.",
        f"Choose one by its number, 1 to {count} from left to right; the largest is number {largest}.",
        count=count,
    )


def numbered_picture(image: np.ndarray, faces: Sequence[FaceBox]) -> np.ndarray:
    """The picture (H, W, 3) uint8 RGB with a frame around every face and its number, from 1, left to right."""
    drawn = np.array(image)
    line = max(1, round(max(image.shape[:2]) / 300))
    for number, place in enumerate(by_number(faces), start=1):
        face = faces[place]
        left, top, right, bottom = (round(edge) for edge in face.xyxy)
        size = max(0.45, (right - left) / 120)
        cv2.rectangle(drawn, (left, top), (right, bottom), (255, 210, 0), line)
        (width, height), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, size, line)
        x = int(np.clip(left, 0, max(0, image.shape[1] - width - 2 * line)))
        y = int(np.clip(top, 0, max(0, image.shape[0] - height - 4 * line)))
        cv2.rectangle(drawn, (x, y), (x + width + 2 * line, y + height + 4 * line), (255, 210, 0), -1)
        corner = (x + line, y + height + 2 * line)
        cv2.putText(drawn, str(number), corner, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), line, cv2.LINE_AA)
    return drawn
