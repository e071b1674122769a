"""Photos in which somebody has marked what hides the face, and photos that were found complete.

A file of marks is JSON. It names photos by their path below the set's folder of pictures, so it stays outside the
repository:

    {"photos": [{"photo": "A/A_0001.jpg", "kind": "hand", "rings": [["+", [[0, 80], [60, 75], [64, 128], [0, 128]]]],
                 "ignored": [[[100, 0], [128, 0], [128, 20]]]}],
     "clear": ["B/B_0001.jpg"]}

Rings are polygons in pixels of the aligned face, drawn in order: ``+`` hides what is inside, ``-`` shows it again. What
lies in an ``ignored`` one is not judged at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ssn.errors import DataError
from ssn.faces.types import FACE_SIZE

Ring = Sequence[Sequence[float]]


@dataclass(frozen=True, eq=False)
class MarkedPhoto:
    """``photo`` is its path below the folder of pictures, ``kind`` what hides the face; ``hidden`` and ``judged``
    (128, 128) bool say where it is hidden, and which pixels count."""

    photo: str
    kind: str
    hidden: np.ndarray
    judged: np.ndarray


@dataclass(frozen=True)
class Marks:
    """The photos that were marked, and those with nothing to mark."""

    photos: tuple[MarkedPhoto, ...]
    clear: tuple[str, ...]

    def named(self) -> list[str]:
        """All of them, marked ones first."""
        return [*(marked.photo for marked in self.photos), *self.clear]


def drawn(rings: Sequence[tuple[str, Ring]]) -> np.ndarray:
    """Rings with their signs, one over the other → (128, 128) bool; the outline belongs to a ring. Raises ValueError
    for a sign or a ring that is none."""
    canvas = np.zeros((FACE_SIZE, FACE_SIZE), np.uint8)
    for sign, ring in rings:
        points = np.asarray(ring, float)
        if sign not in ("+", "-") or points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
            raise ValueError(f"{sign!r} and {len(points)} points are no ring")
        if not (np.isfinite(points).all() and points.min() >= 0 and points.max() <= FACE_SIZE):
            raise ValueError("a ring leaves the face")
        cv2.fillPoly(canvas, [np.round(points).astype(np.int32)], int(sign == "+"))
    return canvas.astype(bool)


def read_marks(path: str | Path) -> Marks:
    """A file of marks. Raises DataError where it cannot be read, is not as described above, or names a photo twice."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        marked = tuple(_marked(row) for row in data["photos"])
        marks = Marks(marked, tuple(str(name) for name in data["clear"]))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path} is no file of marks: {error}.", "See benchmarks/marked_photos.py.") from error
    if len(set(marks.named())) < len(marks.named()):
        raise DataError(f"{path} names a photo twice.", "Mark each photo once.")
    return marks


def _marked(row: dict) -> MarkedPhoto:
    hidden = drawn([(sign, ring) for sign, ring in row["rings"]])
    ignored = drawn([("+", ring) for ring in row.get("ignored", [])])
    if not (hidden & ~ignored).any():
        raise ValueError(f"nothing is hidden in the {row['kind']} of {row['photo']}")
    return MarkedPhoto(str(row["photo"]), str(row["kind"]), hidden, ~ignored)
