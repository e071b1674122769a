"""The worst errors of a run with their pictures: probe, enrolled face, and what the network looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from ssn.evaluation.face_set import FaceSet
from ssn.evaluation.probes import as_probe
from ssn.evaluation.report_parts import PicturePair, kind_name
from ssn.evaluation.scores import ScoreFile, ScoreRow
from ssn.evaluation.summary import WorstError, worst_errors
from ssn.faces.types import AlignedFace, Spectrum
from ssn.recognizer import Recognizer

MOST = 3
"""Errors of either kind that are shown of a row."""
FACE_SHARE = 0.4
"""How much of the face shows through its saliency."""
TOP = 99.0
"""Percentile of a response that takes the brightest colour."""


@dataclass(frozen=True)
class Mistake:
    """One error: ``probe`` as the network saw it, ``complete`` before anything was hidden, and the face ``enrolled``;
    ``names`` are those of the two pictures."""

    error: WorstError
    spectrum: str
    occlusion: str
    complete: AlignedFace
    probe: AlignedFace
    enrolled: AlignedFace
    names: tuple[str, str]

    @property
    def title(self) -> str:
        """ "NIR, maskTop: false non-match"."""
        kind = "false non-match" if self.error.genuine else "false match"
        return f"{kind_name(self.spectrum, self.occlusion)}: {kind}"

    @property
    def caption(self) -> str:
        """Score, threshold and pictures."""
        scores = f"score {self.error.score:.3f}, threshold {self.error.threshold:.3f} (FMR 0.1 %)"
        return f"{scores}. {self.names[0]} against {self.names[1]}"


def mistakes(scores: ScoreFile, faces: FaceSet, most: int = MOST, tell_covers: bool = False) -> list[Mistake]:
    """The worst errors of every row, up to ``most`` of either kind, at the threshold of FMR 0.1 %."""
    return [
        _mistake(row, error, scores, faces, tell_covers)
        for row in scores.rows()
        for error in worst_errors(row, scores.comparisons, most=most)
    ]


def _mistake(row: ScoreRow, error: WorstError, scores: ScoreFile, faces: FaceSet, tell_covers: bool) -> Mistake:
    who = scores.comparisons
    complete = faces.shown(error.probe, cast(Spectrum, row.spectrum))
    return Mistake(
        error,
        row.spectrum,
        row.occlusion,
        complete,
        as_probe(complete, row.occlusion, tell_covers),
        faces.gallery[error.gallery],
        (str(who.probe_ids[error.probe]), str(who.gallery_ids[error.gallery])),
    )


def picture_pair(mistake: Mistake, recognizer: Recognizer | None = None) -> PicturePair:
    """A mistake as a report shows it; with a ``recognizer`` the selected response of its first block lies over the
    probe."""
    saliency = None if recognizer is None else response_picture(mistake.probe, recognizer)
    return PicturePair(mistake.title, mistake.caption, mistake.probe.pixels, mistake.enrolled.pixels, saliency)


def named_pair(mistake: Mistake) -> PicturePair:
    """A mistake without its pictures."""
    return PicturePair(mistake.title, mistake.caption)


def response_picture(face: AlignedFace, recognizer: Recognizer) -> np.ndarray:
    """Mean |Ŷ| of block 1 in colours over the face, (128, 128, 3) uint8 RGB; dark is 0, bright its 99th percentile."""
    _, maps = recognizer.look(face)
    response = cv2.resize(maps[0].response, face.pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    top = max(float(np.percentile(response, TOP)), 1e-12)
    levels = np.rint(np.clip(response / top, 0, 1) * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    gray = cv2.cvtColor(face.pixels, cv2.COLOR_RGB2GRAY)[..., None]
    return np.rint((1 - FACE_SHARE) * colours + FACE_SHARE * gray).astype(np.uint8)
