"""What is kept of an enrolled face beside its template, so that it can be compared behind any cover: what each cell of
the last map adds, in half precision. How the numbers come about stands in ``ssn.models.cells``.

The parts belong to a photo and its mirror image, each divided by the length of its embedding: with everything seen they
add up to the enrolled template. They need no cover and no mean face, so nothing but the weights can make them stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.faces.types import AlignedFace
from ssn.models.cells import CELLS, CellLayer
from ssn.recognizer import Recognizer


@runtime_checkable
class KeepsParts(Protocol):
    """A gallery that keeps the parts of its templates' faces, as bytes it need not understand. What is deleted is gone
    from there too."""

    def parts_of(self, template_ids: Sequence[int]) -> dict[int, bytes]:
        """By template id; those without parts are missing. Raises GalleryError."""
        ...

    def keep_parts(self, parts: Mapping[int, bytes]) -> None:
        """In place of what was there; parts of templates that are gone are passed over. Raises GalleryError."""
        ...


@dataclass(frozen=True)
class FaceParts:
    """Of N faces and their views (1, or 2 where a maximum follows the sum): ``cells`` (N, V, 64, D), what every cell
    adds to the embedding, and ``scales`` (N, V), how much of the rest goes with it."""

    cells: Tensor
    scales: Tensor

    def __len__(self) -> int:
        return len(self.cells)

    def packed(self) -> list[bytes]:
        """Each as bytes: scales in float32, then cells in float16, little-endian."""
        cells, scales = self.cells.half().cpu().numpy(), self.scales.float().cpu().numpy()
        return [s.astype("<f4").tobytes() + c.astype("<f2").tobytes() for c, s in zip(cells, scales, strict=True)]


def packed_size(layer: CellLayer) -> int:
    """Bytes of one face."""
    return layer.views * (4 + 2 * CELLS * len(layer.bias))


def unpacked(packed: Sequence[bytes], layer: CellLayer) -> FaceParts:
    """What :meth:`FaceParts.packed` wrote, in half precision; each of :func:`packed_size` bytes."""
    views, width = layer.views, len(layer.bias)
    rows = np.frombuffer(b"".join(packed), np.uint8).reshape(len(packed), packed_size(layer))
    scales = np.ascontiguousarray(rows[:, : 4 * views]).view("<f4").astype(np.float32)
    cells = np.ascontiguousarray(rows[:, 4 * views :]).view("<f2").astype(np.float16)
    return FaceParts(torch.from_numpy(cells.reshape(-1, views, CELLS, width)), torch.from_numpy(scales))


def parts_of_maps(layer: CellLayer, views: Sequence[Tensor]) -> FaceParts:
    """The last maps (N, C, 8, 8) of the same faces, a photo's or also its mirror image's → their parts."""
    cells, scales = [], []
    for maps in views:
        parts = layer.parts(maps)
        scale = 1 / layer.embedding(parts.sum(dim=1) + layer.bias).norm(dim=1).clamp_min(1e-12)
        cells.append(parts * scale[:, None, None])
        scales.append(scale)
    if layer.views == 1:
        return FaceParts(torch.stack(cells).mean(dim=0)[:, None], torch.stack(scales).mean(dim=0)[:, None])
    return FaceParts(torch.stack(cells, dim=1), torch.stack(scales, dim=1))


@torch.inference_mode()
def enrolled_parts(
    recognizer: Recognizer, faces: Sequence[AlignedFace], fast: bool = False
) -> tuple[np.ndarray, FaceParts]:
    """Faces to be found → their templates (N, 256), as ``embed_batch`` gives them with ``enrolled``, and their parts,
    from the same passes; ``fast`` as there. The network must be one that can be taken apart."""
    if recognizer.cells is None:
        raise ValueError(f"{recognizer.model_id} cannot be taken apart by cells")
    (straight, first), (turned, second) = (
        recognizer.last_maps(faces, mirrored, fast=fast) for mirrored in (False, True)
    )
    units = F.normalize(torch.from_numpy(straight + turned), dim=1).numpy()
    return units, parts_of_maps(recognizer.cells, [first, second])
