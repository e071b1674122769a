"""What is explained: the score of a probe against a target, as a function of one face's pixels.

A pair has two sides, and each is explained with the other held fixed. Moving both towards one baseline at once would
end where the two pictures are the same and score 1: every pixel would seem to speak against the match.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssn.errors import ExplanationError, TemplateMismatchError
from ssn.faces.types import AlignedFace
from ssn.models.pixel_selection import BRANCHES
from ssn.recognizer import Recognizer, Template, told_masks

Chunks = Generator[tuple[float, Tensor], None, None]
"""What a method answers: after every chunk of work the share done, and the map (H, W) so far."""


def _unit(vector: np.ndarray) -> np.ndarray:
    vector = np.asarray(vector, np.float32)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-6:
        raise ExplanationError("The templates cancel each other out.", "Choose other photos of the person.")
    return vector / length


@dataclass(frozen=True)
class Target:
    """Whom a probe is compared with: ``vector`` (256,) of unit length, made by ``model_id``.

    ``face`` is the photo behind it, where there is one whose pixels can be explained. ``rival`` (256,) makes the target
    contrastive: the score is then the cosine to ``vector`` minus that to ``rival``.
    """

    name: str
    vector: np.ndarray
    model_id: str
    face: AlignedFace | None = None
    rival: np.ndarray | None = None
    rival_name: str = ""

    @classmethod
    def person(cls, name: str, templates: list[Template], face: AlignedFace | None = None) -> Target:
        """One template, or the mean direction of several. Raises TemplateMismatchError where models differ."""
        if not templates:
            raise ExplanationError(f"There is no template of {name}.", "Enrol a photo of the person.")
        models = sorted({template.model_id for template in templates})
        if len(models) > 1:
            raise TemplateMismatchError(
                f"The templates of {name} come from {models[0]} and {models[1]}.",
                "Enrol the faces again with one model.",
            )
        return cls(name, _unit(np.mean([template.vector for template in templates], axis=0)), models[0], face)

    @classmethod
    def photo(cls, name: str, face: AlignedFace, recognizer: Recognizer) -> Target:
        """Another photo, whose own pixels can then be explained too: as it is, not as somebody is enrolled."""
        return cls.person(name, [recognizer.embed(face)], face)

    def rather_than(self, other: Target) -> Target:
        """This target minus ``other``: what speaks for the one and against the other."""
        if self.model_id != other.model_id:
            raise TemplateMismatchError(
                f"The targets come from {self.model_id} and {other.model_id}.", "Enrol the faces again with one model."
            )
        return replace(self, rival=other.vector, rival_name=other.name)

    @property
    def digest(self) -> str:
        """12 hex digits of everything the score and the gallery's side depend on."""
        parts = hashlib.sha256(self.model_id.encode() + self.vector.tobytes())
        if self.rival is not None:
            parts.update(b"-" + self.rival.tobytes())
        if self.face is not None:
            parts.update(face_digest(self.face).encode())
        return parts.hexdigest()[:12]


def face_digest(face: AlignedFace) -> str:
    """12 hex digits of a face's pixels, landmarks, branch and mask."""
    parts = hashlib.sha256(np.ascontiguousarray(face.pixels).tobytes())
    points = b"" if face.landmarks is None else np.ascontiguousarray(face.landmarks, dtype=np.float64).tobytes()
    parts.update(points + face.branch.encode())
    parts.update(np.packbits(face.mask).tobytes())
    return parts.hexdigest()[:12]


class PairScore(nn.Module):
    """Gray faces of one branch → their scores against a fixed direction: ``cos`` with ``direction`` plus ``offset``.

    ``network`` maps (N, 1, H, W) and branches (N,) to embeddings; its parameters, mode and hooks are only read.
    ``mask`` (1, 1, H, W), 1 where hidden, is told to it with every face: what is explained is one way of looking.
    """

    mask: Tensor | None
    direction: Tensor

    def __init__(
        self, network: nn.Module, branch: str, direction: Tensor, offset: float = 0.0, mask: Tensor | None = None
    ):
        super().__init__()
        self.network = network
        self.branch = BRANCHES.index(branch)
        self.offset = offset
        first = next(network.parameters())
        self.dtype, self.device = first.dtype, first.device
        self.register_buffer("mask", None if mask is None else mask.to(self.device))
        self.register_buffer("direction", direction.detach().to(self.device, torch.float32).clone())
        self.training = network.training

    def embed(self, gray: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] → embeddings (N, D) float32, not normalised."""
        branch = torch.full((len(gray),), self.branch, dtype=torch.int64, device=gray.device)
        gray = gray.to(self.dtype, memory_format=torch.channels_last)
        told = () if self.mask is None else (self.mask.expand(len(gray), -1, -1, -1),)
        return self.network(gray, branch, *told).float()

    def compare(self, embedding: Tensor) -> Tensor:
        """Embeddings (N, D) → scores (N,), in the embedding's own precision."""
        return F.normalize(embedding, dim=1) @ self.direction.to(embedding.dtype) + self.offset

    def forward(self, gray: Tensor) -> Tensor:
        return self.compare(self.embed(gray))

    @torch.no_grad()
    def values(self, gray: Tensor) -> Tensor:
        """As ``forward``, without a graph."""
        return self(gray)


def mask_told(network: nn.Module, face: AlignedFace) -> Tensor | None:
    """What ``network`` is told of the face's hidden pixels, (1, 1, 128, 128); None for one that takes no mask, or where
    nothing is hidden."""
    takes = getattr(network, "adaptive", False) and face.mask.any()
    return told_masks([face]) if takes else None


def probe_score(network: nn.Module, probe: AlignedFace, target: Target) -> PairScore:
    """The score as a function of the probe's pixels."""
    direction = target.vector if target.rival is None else target.vector - target.rival
    return PairScore(network, probe.branch, torch.from_numpy(direction), mask=mask_told(network, probe))


def gallery_score(network: nn.Module, probe_vector: np.ndarray, target: Target) -> PairScore:
    """The score as a function of the target's photo, the probe's template (256,) held fixed. A rival adds a constant.

    Raises ExplanationError where the target has no photo.
    """
    if target.face is None:
        raise ExplanationError(
            f"There is no photo behind {target.name}.", "Compare with a photo, or explain the probe."
        )
    offset = 0.0 if target.rival is None else -float(target.rival @ probe_vector)
    told = mask_told(network, target.face)
    return PairScore(network, target.face.branch, torch.from_numpy(np.array(probe_vector)), offset, told)
