"""The values that travel from a picture to a template. Frozen: every step makes a new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

Spectrum = Literal["vis", "nir", "nir-simulated"]
SPECTRA: tuple[Spectrum, ...] = ("vis", "nir", "nir-simulated")

Branch = Literal["nir", "vis"]
"""Which light a face was seen in, as the network and the drawn people know it."""

FACE_SIZE = 128
"""Side of an aligned face in pixels."""


@dataclass(frozen=True, eq=False)
class FaceBox:
    """A detected face. ``xyxy`` and ``points`` (5, 2: eyes, nose, mouth corners; left and right as in an upright face)
    are pixels of the picture; ``confidence`` is in [0, 1]. The face is upright once the picture is turned to the left
    by ``quarter_turns`` (0 to 3)."""

    xyxy: tuple[float, float, float, float]
    points: np.ndarray
    confidence: float
    quarter_turns: int = 0

    @property
    def area(self) -> float:
        x0, y0, x1, y1 = self.xyxy
        return max(0.0, x1 - x0) * max(0.0, y1 - y0)


@dataclass(frozen=True)
class Subject:
    """Which face of a picture is meant: ``index`` counts from 0, the largest, of ``count``; ``reason`` says why.
    ``number`` is what people are shown: from 1, left to right. ``page``, from 0, where the file has several."""

    index: int
    reason: str
    count: int = 1
    number: int = 1
    page: int | None = None


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face in Light CNN's frame.

    ``pixels`` (128, 128, 3) uint8 RGB; ``landmarks`` (68, 2) float, pixels of the crop, (x, y), or None where nobody
    knows them; ``transform`` (2, 3) takes picture coordinates to crop coordinates; ``mask`` (128, 128) bool, True where
    occluded; ``subject`` says which face of its picture it is, where one was chosen.
    """

    pixels: np.ndarray
    landmarks: np.ndarray | None
    transform: np.ndarray
    spectrum: Spectrum = "vis"
    mask: np.ndarray = field(default_factory=lambda: np.zeros((FACE_SIZE, FACE_SIZE), bool))
    subject: Subject | None = None

    @property
    def branch(self) -> Branch:
        """Which of the network's two sets of indicators sees this face."""
        return "vis" if self.spectrum == "vis" else "nir"

    def with_(self, **changes) -> AlignedFace:
        return replace(self, **changes)
