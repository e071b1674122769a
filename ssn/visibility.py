"""How visible each pixel of an aligned face is, and the face with what is hidden painted black.

>>> finder = VisibilityFinder.load()
>>> v = finder.visibility(face)  # (128, 128), 1 where the face is seen
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from ssn.faces.types import AlignedFace
from ssn.machine import choose_device
from ssn.memory import in_batches
from ssn.models.visibility import VisibilityNetwork
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT, VisibilityCard, load_visibility
from ssn.recognizer import gray_batch

HIDDEN = 0.5
"""A pixel less visible than this counts as hidden: more of what is seen there is the cover's than the face's."""
SURE, CORE = 0.1, 0.5
"""A hidden region is surely opaque, and painted black, where a share ``CORE`` of it is less visible than ``SURE``: what
lets more light through still tells who it is. Behind goggles, whose glass passes near-infrared, regions are found and
none that is sure. Chosen on people kept apart from all tests (450 of LFW's peopleDevTrain, 300 probes): Rank-1 in
simulated NIR behind goggles, surgical masks and scarves is 83.0, 79.3 and 88.7 as is, 83.0, 84.0 and 92.0 with sure
regions painted, and 50 behind goggles where all that is hidden is."""


def hidden_share(visibility: np.ndarray) -> float:
    """A visibility map (H, W) → the share of its pixels that are hidden, in [0, 1]."""
    return float((visibility < HIDDEN).mean())


def hidden_besides(visibility: np.ndarray, mask: np.ndarray) -> float:
    """The share of a face's pixels that are hidden outside ``mask`` (H, W) bool, in [0, 1]."""
    return float(((visibility < HIDDEN) & ~mask).mean())


def opaque(visibility: np.ndarray) -> np.ndarray:
    """A visibility map (H, W) → which pixels surely show nothing of the face, (H, W) bool: connected hidden regions
    with a core below ``SURE``."""
    regions, count = ndimage.label(visibility < HIDDEN)
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    cores = np.bincount(regions.ravel(), visibility.ravel() < SURE, count + 1)
    sure = cores >= CORE * sizes
    sure[0] = False  # what lies around the regions
    return sure[regions]


def without_doubt(visibility: np.ndarray) -> np.ndarray:
    """A visibility map (H, W) → the same, with everything seen that is not surely opaque: what may still tell who it is
    is not left out."""
    return np.where(opaque(visibility), visibility, 1).astype(np.float32)


def painted(face: AlignedFace, visibility: np.ndarray) -> AlignedFace:
    """The face with its opaque pixels black, which is the occlusion that recognition knows; they join its ``mask``."""
    mask = opaque(visibility)
    return face.with_(pixels=np.where(mask[..., None], 0, face.pixels).astype(np.uint8), mask=face.mask | mask)


class VisibilityFinder:
    """The visibility network, loaded once and shared by all requests of a process."""

    def __init__(self, network: VisibilityNetwork, card: VisibilityCard, device: str | torch.device = "auto"):
        self.device = device if isinstance(device, torch.device) else choose_device(device)
        self.network = network.to(self.device).to(memory_format=torch.channels_last).eval()
        self.card = card

    @classmethod
    def load(cls, checkpoint: str | Path = VISIBILITY_CHECKPOINT, device: str = "auto") -> VisibilityFinder:
        """From a file. Raises CheckpointError or DeviceError."""
        return cls(*load_visibility(checkpoint), device)

    @property
    def model_id(self) -> str:
        return self.card.model_id

    def visibility(self, face: AlignedFace) -> np.ndarray:
        """An aligned face → its visibility map (128, 128) float32 in [0, 1], 1 where the face is seen."""
        return self.visibilities([face])[0]

    @torch.inference_mode()
    def visibilities(self, faces: Sequence[AlignedFace], batch: int = 64) -> np.ndarray:
        """Aligned faces → their visibility maps (N, 128, 128) float32 in [0, 1]. Where memory is short the batches
        become smaller. Raises MemoryShortError."""

        def seen(part: slice) -> np.ndarray:
            gray = gray_batch(list(faces[part])).to(self.device)
            return self.network.visibility(gray)[:, 0].cpu().numpy()

        return np.concatenate([np.zeros((0, 128, 128), np.float32), *in_batches(len(faces), batch, seen)])


def covered_shares(finder: VisibilityFinder | None, faces: Sequence[AlignedFace]) -> list[float]:
    """Aligned faces → the share of each, in [0, 1], that something worn or held hides besides its ``mask``; 0 without a
    network that could say. Raises MemoryShortError."""
    if finder is None:
        return [0.0] * len(faces)
    return [hidden_besides(seen, face.mask) for seen, face in zip(finder.visibilities(faces), faces, strict=True)]


@lru_cache(maxsize=2)
def shared_visibility(device: str = "auto") -> VisibilityFinder | None:
    """The process's own network on that device; None where its file is not installed. Raises CheckpointError or
    DeviceError."""
    return VisibilityFinder.load(device=device) if VISIBILITY_CHECKPOINT.is_file() else None
