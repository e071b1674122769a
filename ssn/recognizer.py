"""The network: aligned faces go in, templates and block maps come out. What finds faces is ``ssn.faces.finder``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.errors import TemplateMismatchError
from ssn.faces.gray import luma
from ssn.faces.types import AlignedFace, Spectrum
from ssn.machine import Precision, autocast, choose_device, choose_precision, has_fast_bfloat16
from ssn.memory import in_batches, memory_in_words
from ssn.models.block_maps import BlockMap, block_maps
from ssn.models.card import ModelCard
from ssn.models.cells import CellLayer
from ssn.models.checkpoint import DEFAULT_CHECKPOINT, load_model
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.models.packed import ReadyNetworks

AT_ONCE = 8
"""Faces that go through the network together on a processor: of more, its caches no longer hold what lies between two
layers, and a face takes a tenth longer."""


@dataclass(frozen=True)
class Template:
    """A face as numbers: ``vector`` (256,) float32 of unit length, and the model it belongs to. Of a face that was just
    looked at ``last_map`` (C, 8, 8) float32 is the map that the vector was read from."""

    vector: np.ndarray
    model_id: str
    spectrum: Spectrum = "vis"
    last_map: Tensor | None = field(default=None, repr=False, compare=False)

    def similarity(self, other: Template) -> float:
        """Cosine score in [−1, 1]. Raises TemplateMismatchError for templates of different models."""
        if self.model_id != other.model_id:
            raise TemplateMismatchError(
                f"The templates come from {self.model_id} and {other.model_id}.",
                "Enrol the faces again with one model.",
            )
        return float(self.vector @ other.vector)


def gray_batch(faces: list[AlignedFace]) -> Tensor:
    """Aligned faces → (N, 1, 128, 128) float32 in [0, 1], what the network reads."""
    return torch.from_numpy(luma(np.stack([face.pixels for face in faces]))).unsqueeze(1)


def masks_of(faces: Sequence[AlignedFace]) -> Tensor:
    """What is hidden of each face → (N, 1, 128, 128) float32, 1 where hidden."""
    return torch.from_numpy(np.stack([face.mask for face in faces])).unsqueeze(1).float()


def told_masks(faces: Sequence[AlignedFace]) -> Tensor:
    """What an adaptive network is told of each face: its mask, or −1 throughout where nothing is known to be hidden."""
    masks = masks_of(faces)
    return torch.where(masks.amax(dim=(1, 2, 3), keepdim=True) > 0, masks, -1.0)


def _and_mirrored(pictures: Tensor) -> Tensor:
    """(N, 1, H, W) → (2 N, 1, H, W): all of them, and behind them their mirror images."""
    return torch.cat([pictures, pictures.flip(3)])


class Recognizer:
    """The network, loaded once and shared by all requests of a process.

    An adaptive network is told which pixels of a face are hidden, where that is known. ``precision`` is what probes are
    looked at in. What is enrolled is in float32 whatever it says, so that a gallery is the same wherever it was made;
    how little a probe in bfloat16 differs is measured by ``benchmarks.precision``.
    """

    precision: Precision = "float32"
    cells: CellLayer | None = None
    """The last layer by the cells of a face; None where it cannot be taken apart."""
    engine = "PyTorch"
    """What computes, in words."""

    def __init__(
        self,
        network: SaliencySearchNetwork,
        card: ModelCard,
        device: str | torch.device = "auto",
        precision: str = "float32",
    ):
        """``precision`` is one of ``PRECISIONS``. Raises DeviceError, OptionError."""
        self.device = device if isinstance(device, torch.device) else choose_device(device)
        self.network = network.to(self.device).to(memory_format=torch.channels_last).eval()
        self.card = card
        self.half = has_fast_bfloat16(self.device)
        self.precision = choose_precision(precision, self.device)
        self.cells = CellLayer.of(self.network.backbone)

    @classmethod
    def load(
        cls, checkpoint: str | Path = DEFAULT_CHECKPOINT, device: str = "auto", precision: str = "float32"
    ) -> Self:
        """From a checkpoint file. Raises CheckpointError, DeviceError or OptionError."""
        chosen = choose_device(device)
        return cls(*load_model(checkpoint), chosen, precision)

    @property
    def model_id(self) -> str:
        return self.card.model_id

    @property
    def adaptive(self) -> bool:
        """Is the network told which pixels are hidden?"""
        return self.network.adaptive

    @property
    def width(self) -> int:
        """Values of a template."""
        return self.network.width

    def embed_batch(
        self, faces: list[AlignedFace], batch: int = 16, fast: bool | None = None, enrolled: bool = False
    ) -> np.ndarray:
        """Aligned faces → (N, 256) float32 rows of unit length. ``fast`` and ``enrolled`` as in ``embed_gray``."""
        if not faces:
            return np.zeros((0, self.width), np.float32)
        told = told_masks(faces) if self.adaptive else None
        return self.embed_gray(gray_batch(faces), [face.branch for face in faces], told, batch, fast, enrolled)

    @torch.inference_mode()
    def embed_gray(
        self,
        gray: Tensor,
        branches: Sequence[str],
        told: Tensor | None = None,
        batch: int = 16,
        fast: bool | None = None,
        enrolled: bool = False,
    ) -> np.ndarray:
        """Gray faces (N, 1, 128, 128) in [0, 1] and their branches → (N, 256) float32 rows of unit length. ``told``
        (N, 1, 128, 128), as ``told_masks`` gives it, is for an adaptive network; no other reads it.

        ``enrolled``: the mean direction of each face and its mirror image. Which way a person was turned when enrolled
        should not decide how they are found. ``fast`` computes in bfloat16 where the device has it, which moves a score
        by some thousandths; where it is not said, probes are computed in this recognizer's precision and what is
        enrolled in float32. Where memory is short the batches become smaller. Raises MemoryShortError.
        """
        fast = self.in_bfloat16(fast, enrolled)
        batch = min(batch, AT_ONCE) if self.device.type == "cpu" else batch
        branch = branch_indices(list(branches), self.device)

        def embedded(part: slice) -> np.ndarray:
            known = None if told is None else told[part]
            if not enrolled:
                return self._units(gray[part], branch[part], known, fast).cpu().numpy()
            units = self._units(
                _and_mirrored(gray[part]),
                branch[part].repeat(2),
                None if known is None else _and_mirrored(known),
                fast,
            )
            return F.normalize(torch.stack(units.chunk(2)).sum(dim=0), dim=1).cpu().numpy()

        rows = in_batches(len(gray), max(1, batch // 2) if enrolled else batch, embedded)
        return np.concatenate(rows) if rows else np.zeros((0, self.width), np.float32)

    def in_bfloat16(self, fast: bool | None, enrolled: bool) -> bool:
        """What ``fast`` means where it is not said."""
        return not enrolled and self.precision == "bfloat16" if fast is None else fast

    def _units(self, gray: Tensor, branch: Tensor, told: Tensor | None, fast: bool) -> Tensor:
        told = None if told is None else told.to(self.device)
        with autocast(self.device, fast and self.half):
            out = self._ready(fast)(gray.to(self.device, memory_format=torch.channels_last), branch, told)
        return F.normalize(out.float(), dim=1)

    @torch.inference_mode()
    def last_maps(
        self, faces: Sequence[AlignedFace], mirrored: bool = False, batch: int = 16, fast: bool | None = False
    ) -> tuple[np.ndarray, Tensor]:
        """Aligned faces, or their mirror images → (N, 256) float32 rows of unit length, and the maps (N, C, 8, 8)
        float32 they were read from, on the device. ``batch`` and ``fast`` as in ``embed_gray``. Raises
        MemoryShortError."""
        faces, fast = list(faces), self.in_bfloat16(fast, enrolled=False)
        told = told_masks(faces) if self.network.adaptive and faces else None

        def looked(part: slice) -> tuple[Tensor, Tensor]:
            gray, known = self._pixels(faces[part]), None if told is None else told[part].to(self.device)
            if mirrored:
                gray, known = gray.flip(3), None if known is None else known.flip(3)
            with autocast(self.device, fast and self.half):
                network = self._ready(fast)
                maps = network.last_map(gray, self._branch(faces[part]), known)
                out = network.backbone.embed(maps)
            return F.normalize(out.float(), dim=1), maps.float()

        found = in_batches(len(faces), batch, looked)
        if not found:
            return np.zeros((0, self.network.width), np.float32), torch.zeros(0, device=self.device)
        units, maps = (torch.cat(rows) for rows in zip(*found, strict=True))
        return units.cpu().numpy(), maps

    def embed(self, face: AlignedFace) -> Template:
        """As a probe."""
        return Template(self.embed_batch([face])[0], self.model_id, face.spectrum)

    def enrolment(self, face: AlignedFace) -> Template:
        """As somebody to be found: the mean direction of the face and its mirror image."""
        return Template(self.embed_batch([face], enrolled=True)[0], self.model_id, face.spectrum)

    def look(self, face: AlignedFace) -> tuple[Template, list[BlockMap]]:
        """A face → its template and the maps of the four blocks, from one pass."""
        return self.looks([face])[0]

    @torch.inference_mode()
    def looks(self, faces: list[AlignedFace]) -> list[tuple[Template, list[BlockMap]]]:
        """A few faces, such as a complete one and the same behind a mask → what ``look`` says of each, from one pass of
        all of them in this recognizer's precision."""
        if not faces:
            return []
        fast = self.precision == "bfloat16"
        with memory_in_words(), autocast(self.device, fast and self.half):
            network = self._ready(fast)
            last, traces = network.traced_map(self._pixels(faces), self._branch(faces), self._told(faces))
            embedding = network.backbone.embed(last)
        vectors = F.normalize(embedding.float(), dim=1).cpu().numpy()
        return [
            (Template(vectors[number], self.model_id, face.spectrum, last[number].float()), block_maps(traces, number))
            for number, face in enumerate(faces)
        ]

    @cached_property
    def _copies(self) -> ReadyNetworks:
        return ReadyNetworks(self.network)

    def _ready(self, fast: bool) -> SaliencySearchNetwork:
        """The network to be run: on a processor a copy that was made ready for it."""
        if self.device.type != "cpu":
            return self.network
        return self._copies.of(torch.bfloat16 if fast and self.half else torch.float32)

    def _pixels(self, faces: list[AlignedFace]) -> Tensor:
        return gray_batch(faces).to(self.device, memory_format=torch.channels_last)

    def _branch(self, faces: list[AlignedFace]) -> Tensor:
        return branch_indices([face.branch for face in faces], self.device)

    def _told(self, faces: list[AlignedFace]) -> Tensor | None:
        return told_masks(faces).to(self.device) if self.adaptive else None
