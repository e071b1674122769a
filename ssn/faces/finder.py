"""From a picture to aligned faces: read, detect, choose, align. The only place where these four meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from ssn.faces.align import align
from ssn.faces.detect import FaceDetector, central_face
from ssn.faces.diagnosis import turned_too_far, why_no_face
from ssn.faces.landmarks import disagreement, find_landmarks, find_levelled_landmarks, tilt
from ssn.faces.light import is_dark, is_dark_but_for_lamps, stretched, stretched_but_for_lamps
from ssn.faces.read import Source, read_image
from ssn.faces.subject import choose_subject
from ssn.faces.turn import turn_face_back
from ssn.faces.types import AlignedFace, FaceBox, Spectrum

SURE_CONFIDENCE, SURE_DISAGREEMENT = 0.999, 0.25
"""A face is beyond doubt with at least this confidence, and landmarks that lie no farther from the detector's points
than this (in distances from eyes to mouth). Of upright LFW photos 96 % are, of those turned none was."""
MOST_DISAGREEMENT = 0.5
"""A face whose landmarks lie farther off than this is refused. Upright LFW and demo photos reach 0.46."""
TILTED = 20.0
"""Degrees from which a doubtful face is looked at levelled."""
BETTER_TURNED = 0.1
"""By how much confidence less disagreement must be better after a turn, for a doubtful upright face to give way."""


@dataclass(frozen=True, eq=False)
class Found:
    """The faces of a picture, largest first, and the picture (H, W, 3) uint8 RGB they were found in: as it was read, or
    where it is dark a ``brightened`` copy. Faces are aligned from that one."""

    image: np.ndarray
    faces: tuple[FaceBox, ...]
    brightened: bool = False


class FaceFinder:
    """Detector and alignment, loaded once and shared by all threads of a process."""

    def __init__(self, device: str | torch.device = "cpu"):
        self.detector = FaceDetector(device)

    def face(self, source: Source, spectrum: Spectrum = "vis", index: int | None = None) -> AlignedFace:
        """Any picture → the face that is meant (see ``choose_subject``), aligned. Raises the errors of reading,
        NoFaceError, SeveralFacesError."""
        return self.pick(self.find(read_image(source)), spectrum, index)

    def find(self, image: np.ndarray) -> Found:
        """Picture (H, W, 3) uint8 RGB → all its faces, whichever quarter turn they are upright in. A dark picture is
        brightened, and so is one in which nothing is found; one that is dark but for lamps by what the rest shows."""
        found = self._found(image)
        bright = stretched_but_for_lamps(image) if not found.faces and is_dark_but_for_lamps(image) else None
        faces = () if bright is None else self._in_any_turn(bright)
        return found if bright is None or not faces else Found(bright, faces, brightened=True)

    def _found(self, image: np.ndarray) -> Found:
        """As :meth:`find`, taking the brightest as it is."""
        bright = stretched(image) if is_dark(image) else None
        if bright is not None:
            return Found(bright, self._in_any_turn(bright), brightened=True)
        faces = self._in_any_turn(image)
        bright = None if faces else stretched(image)
        if bright is None or np.array_equal(bright, image):
            return Found(image, faces)
        faces = self._in_any_turn(bright)
        return Found(bright, faces, brightened=True) if faces else Found(image, ())

    def pick(self, found: Found, spectrum: Spectrum = "vis", index: int | None = None) -> AlignedFace:
        """The face that is meant, aligned; it knows which it is of how many, and why. Raises NoFaceError, which says
        what is wrong with the picture, and SeveralFacesError."""
        if not found.faces:
            raise why_no_face(found.image, self.detector)
        subject = choose_subject(found.image, found.faces, index)
        return replace(self.align(found.image, found.faces[subject.index], spectrum), subject=subject)

    def align(self, image: np.ndarray, face: FaceBox, spectrum: Spectrum = "vis") -> AlignedFace:
        """One of the faces found in ``image``. Raises NoFaceError where landmarks and detector do not agree."""
        landmarks, apart = self._landmarks(image, face)
        if apart > MOST_DISAGREEMENT:
            raise turned_too_far()
        return align(image, landmarks, spectrum)

    def central_landmarks(self, image: np.ndarray) -> np.ndarray | None:
        """68 landmarks of the upright face nearest the middle, as data sets are cut around their subject; None without
        a face. Nothing is refused for doubt: a data set is measured whole."""
        face = central_face(image, self.detector.detect(image))
        return None if face is None else find_landmarks(image, face)

    def _landmarks(self, image: np.ndarray, face: FaceBox) -> tuple[np.ndarray, float]:
        """68 landmarks and how far they disagree with the detector. Those of a tilted head that are in doubt are looked
        for again in a levelled picture, and the better ones taken."""
        landmarks = find_landmarks(image, face)
        apart = disagreement(face, landmarks)
        if apart > SURE_DISAGREEMENT and tilt(face) > TILTED:
            levelled = find_levelled_landmarks(image, face)
            if disagreement(face, levelled) < apart:
                return levelled, disagreement(face, levelled)
        return landmarks, apart

    def _in_any_turn(self, image: np.ndarray) -> tuple[FaceBox, ...]:
        """The faces of the picture as it stands; where none of them is beyond doubt, of that quarter turn in which one
        is, or one is clearly less in doubt."""
        best = self.detector.detect(image)
        best_trust, sure = self._trust(image, best)
        for turns in (2, 1, 3):
            if sure:
                break
            turned = np.ascontiguousarray(np.rot90(image, turns))
            faces = [turn_face_back(face, image.shape, turns) for face in self.detector.detect(turned)]
            trust, sure = self._trust(image, faces)
            if sure or trust > best_trust + BETTER_TURNED:
                best, best_trust = faces, trust
        return tuple(best)

    def _trust(self, image: np.ndarray, faces: Sequence[FaceBox]) -> tuple[float, bool]:
        """The most that confidence exceeds disagreement for any of the faces, −1 for none; and is one beyond doubt?"""
        trust, sure = -1.0, False
        for face in faces:
            _, apart = self._landmarks(image, face)
            trust = max(trust, face.confidence - apart)
            sure = sure or (face.confidence >= SURE_CONFIDENCE and apart <= SURE_DISAGREEMENT)
        return trust, sure


def shared_finder(device: str | torch.device = "cpu") -> FaceFinder:
    """The finder of this process for a device, however that is written; its weights are read once."""
    return _finder_on(str(torch.device(device)))


@lru_cache(maxsize=4)
def _finder_on(device: str) -> FaceFinder:
    return FaceFinder(device)
