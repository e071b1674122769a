"""A face as the workbench looks at it: what is hidden of it, what is seen, and what the network made of that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.services import Services
from ssn.faces.occlude import Occlusion, named_mask
from ssn.faces.types import FACE_SIZE, AlignedFace
from ssn.models.block_maps import BlockMap
from ssn.recognizer import Template
from ssn.visibility import hidden_besides, hidden_share, opaque

Mode = Occlusion
"""Or one of ``FOUND`` and ``PAINTED``."""
FOUND, PAINTED = "found", "painted"
"""What the visibility network calls surely opaque, and what a visitor painted."""


@dataclass(frozen=True)
class Look:
    """A face, and what the network made of it. ``visibility`` (128, 128) in [0, 1] is how visible each of its pixels
    is; None where the network that says so is not installed."""

    face: AlignedFace
    template: Template
    maps: list[BlockMap]
    visibility: np.ndarray | None = None

    @property
    def covered_share(self) -> float | None:
        """Share of the face that something worn or held hides, in [0, 1]; None where that is not known."""
        return None if self.visibility is None else hidden_share(self.visibility)

    def covered_besides(self, mask: np.ndarray) -> float:
        """The same, without what ``mask`` (128, 128) bool hides; 0 where it is not known."""
        return 0.0 if self.visibility is None else hidden_besides(self.visibility, mask)


def visibility_of(services: Services, face: AlignedFace) -> np.ndarray | None:
    """How visible each pixel of a face is, (128, 128) in [0, 1]; None where no network says so."""
    return None if services.visibility is None else services.visibility.visibility(face)


def mask_of(mode: Mode, painted: np.ndarray | None, face: AlignedFace, visibility: np.ndarray | None) -> np.ndarray:
    """What a mode hides of a complete face, of which so much is visible, (128, 128) bool; ``painted`` is what was
    painted last."""
    nothing = np.zeros((FACE_SIZE, FACE_SIZE), bool)
    if mode == PAINTED:
        return nothing if painted is None else painted
    if mode == FOUND:
        return nothing if visibility is None else opaque(visibility)
    return named_mask(mode, face.landmarks)


def behind(visibility: np.ndarray | None, mask: np.ndarray) -> np.ndarray | None:
    """What is visible of a face, (128, 128), behind ``mask`` (128, 128) bool as well: nothing where it hides."""
    return None if visibility is None else np.where(mask, np.float32(0), visibility)
