"""Frames of a camera → everybody in them, recognised anew with every frame and smoothed over those before."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ssn.errors import NoFaceError
from ssn.faces.finder import FaceFinder
from ssn.faces.track import Box, Tracker
from ssn.faces.types import AlignedFace, FaceBox, Spectrum
from ssn.gallery.cohort import Cohort
from ssn.gallery.search_verdict import judges_of
from ssn.gallery.store import GalleryStore, Match
from ssn.gallery.verdict import SearchRates
from ssn.models.block_maps import BlockMap
from ssn.recognizer import Recognizer, Template
from ssn.visibility import VisibilityFinder, covered_shares

LONG_SIDE = 400
"""Pixels a frame is looked at with: faces of a twentieth of its width are found, in a fifth of a photo's time."""
MOST_FACES = 8
"""Of a frame, the largest."""
NEWEST = 0.35
"""Weight of the newest template in the smoothed one: after six frames the first has less than a tenth."""


@dataclass(frozen=True)
class Seen:
    """Somebody in a frame: the ``number`` of the track, the smoothed ``box`` in pixels of the frame, the aligned
    ``face``, whom the smoothed template is like, whether it is the ``largest`` face, whose ``maps`` are there, and the
    smoothed share of it that something hides (``covered``, 0 where that is not known)."""

    number: int
    box: Box
    face: AlignedFace
    matches: tuple[Match, ...]
    largest: bool = False
    maps: tuple[BlockMap, ...] = ()
    covered: float = 0.0


class Watcher:
    """Watches one camera for one visitor. Frames come one after the other."""

    def __init__(
        self,
        recognizer: Recognizer,
        finder: FaceFinder,
        store: GalleryStore,
        cohort: Cohort | None,
        visibility: VisibilityFinder | None = None,
    ):
        self.recognizer, self.finder, self.store, self.cohort = recognizer, finder, store, cohort
        self.visibility = visibility
        self._tracker = Tracker()
        self._templates: dict[int, Template] = {}
        self._covered: dict[int, float] = {}
        self._boxes: list[FaceBox] = []

    def find(self, image: np.ndarray, spectrum: Spectrum = "vis") -> list[AlignedFace | None]:
        """A frame (H, W, 3) uint8 RGB → its faces, largest first; None for one that cannot be aligned."""
        self._boxes = self.finder.detector.detect(image, LONG_SIDE)[:MOST_FACES]
        return [self._aligned(image, place, spectrum) for place in range(len(self._boxes))]

    def _aligned(self, image: np.ndarray, place: int, spectrum: Spectrum) -> AlignedFace | None:
        try:
            return self.finder.align(image, self._boxes[place], spectrum)
        except NoFaceError:
            return None

    def recognise(self, faces: list[AlignedFace | None], k: int = 3) -> list[Seen]:
        """The faces of :meth:`find` → whom they are like, left to right. Raises GalleryError, TemplateMismatchError."""
        tracks = self._tracker.follow(self._boxes)
        known = self._tracker.known()
        self._templates = {number: one for number, one in self._templates.items() if number in known}
        self._covered = {number: share for number, share in self._covered.items() if number in known}
        there = [(track, face) for track, face in zip(tracks, faces, strict=True) if face is not None]
        if not there:
            return []
        looks = self.recognizer.looks([face for _, face in there])
        smooth = [self._smoothed(track.number, new) for (track, _), (new, _) in zip(there, looks, strict=True)]
        found = self.store.search_many(smooth, k, self.recognizer.card.thresholds)
        shares = covered_shares(self.visibility, [face for _, face in there])
        seen = []
        for place, ((track, face), template, matches) in enumerate(zip(there, smooth, found, strict=True)):
            covered = self._smoothed_cover(track.number, shares[place])
            judged = tuple(self._judged(face, template, matches, covered))
            shown = tuple(looks[0][1]) if place == 0 else ()
            seen.append(Seen(track.number, track.box, face, judged, place == 0, shown, covered))
        return sorted(seen, key=lambda one: one.box[0])

    def _smoothed(self, number: int, new: Template) -> Template:
        """The template of a track: the newest one and those before it, the older the less."""
        before = self._templates.get(number)
        if before is not None and before.spectrum == new.spectrum:
            vector = NEWEST * new.vector + (1 - NEWEST) * before.vector
            new = replace(new, vector=vector / np.linalg.norm(vector))
        self._templates[number] = new
        return new

    def _smoothed_cover(self, number: int, new: float) -> float:
        """How much of the face of a track is covered, over the frames its template is of."""
        self._covered[number] = NEWEST * new + (1 - NEWEST) * self._covered.get(number, new)
        return self._covered[number]

    def _judged(self, face: AlignedFace, template: Template, matches: list[Match], covered: float) -> list[Match]:
        judges = judges_of(self.cohort, face, template, self.store, SearchRates(), covered=covered)
        return matches if judges is None else judges.judged(matches)
