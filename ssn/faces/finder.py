"""From a picture to aligned faces: read, detect, choose, align. The only place where these four meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from ssn.errors import NoFaceError
from ssn.faces.align import align
from ssn.faces.detect import LONG_SIDE, FaceDetector, central_face
from ssn.faces.diagnosis import turned_too_far, why_no_face
from ssn.faces.landmarks import disagreement, find_landmarks, find_levelled_landmarks, tilt
from ssn.faces.light import is_dark, is_dark_but_for_lamps, stretched, stretched_but_for_lamps
from ssn.faces.read import Source, file_bytes, pages, read_image
from ssn.faces.subject import CLEAR_MARGIN, choose_subject
from ssn.faces.turn import turn_face_back
from ssn.faces.types import AlignedFace, FaceBox, Spectrum

SURE_CONFIDENCE, SURE_DISAGREEMENT = 0.999, 0.25
"""A face is beyond doubt with at least this confidence, and landmarks that lie no farther from the detector's points
than this (in distances from eyes to mouth). Of upright LFW photos 96 % are, of those turned none was."""
MOST_DISAGREEMENT = 0.5
"""A face whose landmarks lie farther off than this is refused. Upright LFW and demo photos reach 0.46."""
TILTED = 20.0
"""Degrees from which a doubtful face is looked at levelled."""
MOST_PAGES = 8
"""Pages of a file that are looked through for a face."""
OTHER_TURNED = 36.0
"""Width in pixels at which faces in other turns than the first one's are looked for beside it."""
BETTER_TURNED = 0.1
"""By how much confidence less disagreement must be better after a turn, for a doubtful upright face to give way."""


@dataclass(frozen=True, eq=False)
class Marks:
    """68 landmarks (68, 2) px of a face, and how far ``apart`` they and the detector's points are, in distances from
    eyes to mouth."""

    landmarks: np.ndarray
    apart: float


@dataclass(frozen=True, eq=False)
class Found:
    """The faces of a picture, largest first, and the picture (H, W, 3) uint8 RGB they were found in: as it was read, or
    where it is dark a ``brightened`` copy. Faces are aligned from that one. ``marks`` are the faces' landmarks, in
    their order, where they were looked for already. ``page``, from 0, is which of ``pages`` of a file it is, and
    ``looked_through`` how many of these were looked at."""

    image: np.ndarray
    faces: tuple[FaceBox, ...]
    brightened: bool = False
    marks: tuple[Marks, ...] = ()
    page: int = 0
    pages: int = 1
    looked_through: int = 1


class FaceFinder:
    """Detector and alignment, loaded once and shared by all threads of a process."""

    def __init__(self, device: str | torch.device = "cpu"):
        self.detector = FaceDetector(device)

    def face(self, source: Source, spectrum: Spectrum = "vis", index: int | None = None) -> AlignedFace:
        """Any picture → the face that is meant (see ``choose_subject``), aligned. Raises the errors of reading,
        NoFaceError, SeveralFacesError."""
        return self.pick(self.find_in(source), spectrum, index)

    def find_in(self, source: Source, bits: int | None = None, page: int | None = None) -> Found:
        """Any picture → all its faces, as :meth:`find`. Of a file of several pages it is ``page``, or without one the
        first that shows a face, of the first ``MOST_PAGES``. ``bits`` as ``read_image``, whose errors it raises."""
        content = file_bytes(Path(source)) if isinstance(source, str | Path) else source
        count = pages(content)
        if count == 1 or page is not None:
            return replace(self.find(read_image(content, bits, page or 0)), page=page or 0, pages=count)
        through = min(count, MOST_PAGES)
        none: Found | None = None
        for place in range(through):
            found = replace(
                self.find(read_image(content, bits, place)), page=place, pages=count, looked_through=through
            )
            if found.faces:
                return found
            none = none or found
        assert none is not None
        return none

    def find(self, image: np.ndarray) -> Found:
        """Picture (H, W, 3) uint8 RGB → all its faces, whichever quarter turn they are upright in. A dark picture is
        brightened, and so is one in which nothing is found; one that is dark but for lamps by what the rest shows."""
        found = self._found(image)
        bright = stretched_but_for_lamps(image) if not found.faces and is_dark_but_for_lamps(image) else None
        lit = found if bright is None else replace(self._in_any_turn(bright), brightened=True)
        return lit if lit.faces else found

    def _found(self, image: np.ndarray) -> Found:
        """As :meth:`find`, taking the brightest as it is."""
        bright = stretched(image) if is_dark(image) else None
        if bright is not None:
            lit = replace(self._in_any_turn(bright), brightened=True)
            return lit if lit.faces else Found(image, ())
        found = self._in_any_turn(image)
        bright = None if found.faces else stretched(image)
        if bright is None:
            return found
        brightened = self._in_any_turn(bright)
        return replace(brightened, brightened=True) if brightened.faces else found

    def pick(self, found: Found, spectrum: Spectrum = "vis", index: int | None = None) -> AlignedFace:
        """The face that is meant, aligned; it knows which it is of how many, and why. Raises NoFaceError, which says
        what is wrong with the picture, and SeveralFacesError."""
        if not found.faces:
            raise self.why_none(found)
        subject = choose_subject(found.image, found.faces, index)
        subject = replace(subject, page=found.page if found.pages > 1 else None)
        return replace(self.aligned(found, subject.index, spectrum), subject=subject)

    def why_none(self, found: Found) -> NoFaceError:
        """What to say where there is no face: what is wrong with the picture, and on which pages."""
        error = why_no_face(found.image, self.detector)
        if found.pages == 1:
            return error
        through, where = found.looked_through, f"page {found.page + 1} of {found.pages}, counted from 1"
        where = f"the first {through} pages of {found.pages}" if through > 1 else where
        return NoFaceError(f"On {where}: {error.what}", error.hint)

    def aligned(self, found: Found, index: int, spectrum: Spectrum = "vis") -> AlignedFace:
        """The face of that number, from 0; its landmarks are not looked for again. Raises NoFaceError as ``align``."""
        if found.marks:
            return _aligned(found.image, found.marks[index], spectrum)
        return self.align(found.image, found.faces[index], spectrum)

    def align(self, image: np.ndarray, face: FaceBox, spectrum: Spectrum = "vis") -> AlignedFace:
        """One of the faces found in ``image``. Raises NoFaceError where landmarks and detector do not agree."""
        return _aligned(image, self._marks(image, face), spectrum)

    def central_landmarks(self, image: np.ndarray) -> np.ndarray | None:
        """68 landmarks of the upright face nearest the middle, as data sets are cut around their subject; None without
        a face. Nothing is refused for doubt: a data set is measured whole."""
        face = central_face(image, self.detector.detect(image))
        return None if face is None else find_landmarks(image, face)

    def _marks(self, image: np.ndarray, face: FaceBox) -> Marks:
        """The landmarks of a face. Those of a tilted head that are in doubt are looked for again in a levelled picture,
        and the better ones taken."""
        landmarks = find_landmarks(image, face)
        marks = Marks(landmarks, disagreement(face, landmarks))
        if marks.apart > SURE_DISAGREEMENT and tilt(face) > TILTED:
            levelled = find_levelled_landmarks(image, face)
            if disagreement(face, levelled) < marks.apart:
                return Marks(levelled, disagreement(face, levelled))
        return marks

    def _in_any_turn(self, image: np.ndarray) -> Found:
        """The faces of the picture as it stands; where none of them is beyond doubt, of that quarter turn in which one
        is, or one is clearly less in doubt."""
        best = self._marked(image, self.detector.detect(image))
        best_trust, sure = _trust(best)
        for turns in (2, 1, 3):
            if sure:
                return self._with_others_turned(best)
            upright = self.detector.detect(image, turns=turns)
            faces = [turn_face_back(face, image.shape, turns) for face in upright]
            found = self._marked(image, faces)
            trust, sure = _trust(found)
            if sure or trust > best_trust + BETTER_TURNED:
                best, best_trust = found, trust
        return self._with_others_turned(best) if sure else best

    def _with_others_turned(self, found: Found) -> Found:
        """The same, with whoever is beyond doubt in another quarter turn and not so much smaller than the largest that
        nobody would mean them: a photo laid the other way round on the same sheet, somebody who lies. What was taken
        for a face in theirs gives way."""
        there = list(zip(found.faces, found.marks, strict=True))
        first = next(face for face, marks in there if _is_sure(face, marks))
        least = first.area / CLEAR_MARGIN
        long_side = min(LONG_SIDE, round(OTHER_TURNED * max(found.image.shape[:2]) / max(least, 1.0) ** 0.5))
        others = sorted({0, 1, 2, 3} - {first.quarter_turns})
        for turns, upright in self.detector.detect_in_turns(found.image, others, long_side):
            face = turn_face_back(upright, found.image.shape, turns)
            if face.area < least or face.confidence < SURE_CONFIDENCE:
                continue
            marks = self._marks(found.image, face)
            below = [pair for pair in there if _overlap(pair[0], face)]
            if marks.apart <= SURE_DISAGREEMENT and not any(_is_sure(*pair) for pair in below):
                there = [pair for pair in there if pair not in below] + [(face, marks)]
        there.sort(key=lambda pair: -pair[0].area)
        return replace(found, faces=tuple(face for face, _ in there), marks=tuple(marks for _, marks in there))

    def _marked(self, image: np.ndarray, faces: Sequence[FaceBox]) -> Found:
        return Found(image, tuple(faces), marks=tuple(self._marks(image, face) for face in faces))


def _aligned(image: np.ndarray, marks: Marks, spectrum: Spectrum) -> AlignedFace:
    if marks.apart > MOST_DISAGREEMENT:
        raise turned_too_far()
    return align(image, marks.landmarks, spectrum)


def _overlap(first: FaceBox, second: FaceBox) -> bool:
    """Do two boxes share anything?"""
    (left, top, right, bottom), (x0, y0, x1, y1) = first.xyxy, second.xyxy
    return min(right, x1) > max(left, x0) and min(bottom, y1) > max(top, y0)


def _trust(found: Found) -> tuple[float, bool]:
    """The most that confidence exceeds disagreement for any of the faces, −1 for none; and is one beyond doubt?"""
    trust, sure = -1.0, False
    for face, marks in zip(found.faces, found.marks, strict=True):
        trust = max(trust, face.confidence - marks.apart)
        sure = sure or _is_sure(face, marks)
    return trust, sure


def _is_sure(face: FaceBox, marks: Marks) -> bool:
    return face.confidence >= SURE_CONFIDENCE and marks.apart <= SURE_DISAGREEMENT


def shared_finder(device: str | torch.device = "cpu") -> FaceFinder:
    """The finder of this process for a device, however that is written; its weights are read once."""
    return _finder_on(str(torch.device(device)))


@lru_cache(maxsize=4)
def _finder_on(device: str) -> FaceFinder:
    return FaceFinder(device)
