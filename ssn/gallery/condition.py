"""In which condition a probe is compared: the light it was seen in, what of it is hidden, and which score is meant. The
scores of strangers are spread differently in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ssn.faces.types import FACE_SIZE, AlignedFace, Branch

Cover = Literal["none", "eyes", "mouth", "little", "some", "much"]
COVERS: tuple[Cover, ...] = get_args(Cover)
"""``eyes`` and ``mouth``: that and not the other; else by the share of the face that is hidden."""
HIDING: tuple[Cover, ...] = COVERS[1:]
LITTLE, SOME = 0.12, 0.35
"""Shares of the aligned face that ``little`` and ``some`` end at; ``eyes`` and ``mouth`` end at the latter too."""
EYES, MOUTH = slice(36, 48), slice(48, 68)
"""Landmarks."""
Score = Literal["whole", "alike", "cells"]
"""``whole``: the cosine with what is enrolled. ``alike``: with a mixture of that and the same face behind the probe's
mask, as the re-ranking scores it. ``cells``: mixed with the cosine of what both show, by cells (``cell_score``)."""


@dataclass(frozen=True)
class Condition:
    """One cell of what is measured apart."""

    branch: Branch
    cover: Cover
    score: Score = "whole"

    @property
    def key(self) -> str:
        """``whole/nir/mouth``, for files."""
        return f"{self.score}/{self.branch}/{self.cover}"


def _hidden_points(mask: np.ndarray, points: np.ndarray) -> float:
    """Share of landmarks (K, 2) px that lie in ``mask`` (128, 128) bool."""
    x, y = np.clip(np.round(points).astype(int), 0, FACE_SIZE - 1).T
    return float(mask[y, x].mean())


def cover_of(mask: np.ndarray, landmarks: np.ndarray | None) -> Cover:
    """What is hidden (128, 128) bool, and the face's landmarks (68, 2) px where they are known → what to call it."""
    share = float(mask.mean())
    if share == 0:
        return "none"
    if landmarks is not None and share <= SOME:
        eyes, mouth = _hidden_points(mask, landmarks[EYES]), _hidden_points(mask, landmarks[MOUTH])
        if eyes >= 0.5 > mouth:
            return "eyes"
        if mouth >= 0.5 > eyes:
            return "mouth"
    return "little" if share <= LITTLE else "some" if share <= SOME else "much"


def condition_of(face: AlignedFace, score: Score = "whole") -> Condition:
    """The condition of a probe. A score like with like needs something hidden; without it is the ordinary one."""
    cover = cover_of(face.mask, face.landmarks)
    return Condition(face.branch, cover, "whole" if cover == "none" else score)
