"""Which face of this frame was which of the last ones: by how much their boxes overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssn.faces.types import FaceBox

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the frame."""
LEAST_OVERLAP = 0.3
"""Of two boxes of one face in frames that follow each other."""
PATIENCE = 5
"""Frames a face may be missing and still be the same."""
WEIGHT = 0.6
"""Of the newest box in the smoothed one."""


def overlap(first: Box, second: Box) -> float:
    """The share of their union that two boxes have in common, in [0, 1] (IoU)."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


@dataclass(frozen=True)
class Track:
    """A face through the frames: its ``number``, from 1, its smoothed ``box``, and how many frames it is missing."""

    number: int
    box: Box
    missing: int = 0


class Tracker:
    """Keeps the tracks of one camera."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next = 1

    def follow(self, faces: Sequence[FaceBox]) -> list[Track]:
        """The faces of the next frame → their tracks, in the same order. Pairs that overlap most are the same face."""
        pairs = [
            (overlap(track.box, face.xyxy), known, place)
            for known, track in enumerate(self._tracks)
            for place, face in enumerate(faces)
        ]
        taken: dict[int, int] = {}
        for share, known, place in sorted(pairs, reverse=True):
            if share >= LEAST_OVERLAP and known not in taken.values() and place not in taken:
                taken[place] = known
        now = [self._moved(taken.get(place), face.xyxy) for place, face in enumerate(faces)]
        lost = [replace(t, missing=t.missing + 1) for k, t in enumerate(self._tracks) if k not in taken.values()]
        self._tracks = now + [track for track in lost if track.missing <= PATIENCE]
        return now

    def known(self) -> set[int]:
        """The numbers of the faces that are there, or were a moment ago."""
        return {track.number for track in self._tracks}

    def _moved(self, known: int | None, box: Box) -> Track:
        if known is None:
            self._next += 1
            return Track(self._next - 1, box)
        before = self._tracks[known]
        x0, y0, x1, y1 = (WEIGHT * new + (1 - WEIGHT) * old for new, old in zip(box, before.box, strict=True))
        return Track(before.number, (x0, y0, x1, y1))
