"""The score like with like by cells: what is hidden of the probe is left out of an enrolled face too, from its parts
and without a pass of the network, and the cosine of what both still show is mixed with the ordinary one.

    s = (1 − MIX) ⟨p, g⟩ + MIX ⟨p(w), g(w)⟩,   x(w) = e(w) / |e(w)| as in ``ssn.models.cells``;

w is the probe's visibility.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.faces.types import AlignedFace, Branch
from ssn.gallery.parts import FaceParts
from ssn.models.cells import CELLS, GRID, cell_weights
from ssn.recognizer import Recognizer, Template

MIX = 0.5
"""Share of what both show. Chosen on held-out people; what is hidden still tells a little, by what surrounds it."""
BLOCK = 256
"""Faces whose parts are in single precision at a time."""
MeanMaps = Mapping[Branch, np.ndarray]
"""Mean last map (C, 8, 8) of many complete faces, by branch."""


@dataclass(frozen=True)
class CellProbe:
    """A face to be searched: ``weights`` (64,) say how much of each cell is seen; ``whole`` and ``seen`` (E,) are its
    templates, of all of it and of what is seen, of unit length."""

    weights: Tensor
    whole: Tensor
    seen: Tensor


@dataclass(frozen=True)
class CellShares:
    """A score taken apart: ``cells`` (8, 8) say what each cell of the enrolled face gives to it, by being other than
    the mean face; ``rest`` is what the mean face would score. Together they are the score."""

    cells: np.ndarray
    rest: float

    @property
    def score(self) -> float:
        """The sum."""
        return float(self.cells.sum()) + self.rest


class CellScorer:
    """Compares probes with parts. Raises ValueError for a network that cannot be taken apart."""

    def __init__(self, recognizer: Recognizer, means: MeanMaps):
        if recognizer.cells is None:
            raise ValueError(f"{recognizer.model_id} cannot be taken apart by cells")
        self.recognizer, self.device, self.layer = recognizer, recognizer.device, recognizer.cells
        self.means = {
            branch: self.layer.parts(torch.from_numpy(np.asarray(mean, np.float32)).to(self.device))
            for branch, mean in means.items()
        }

    @torch.inference_mode()
    def probe(self, face: AlignedFace, visibility: np.ndarray, known: Template | None = None) -> CellProbe:
        """``visibility`` (128, 128) in [0, 1], 1 where the face is seen. In the recognizer's precision for probes; what
        it made of this face already is ``known``, and then no pass is needed."""
        if known is not None and known.last_map is not None:
            units, maps = known.vector[None], known.last_map[None].to(self.device)
        else:
            units, maps = self.recognizer.last_maps([face], fast=None)
        weights = cell_weights(torch.from_numpy(np.asarray(visibility, np.float32))).to(self.device)
        seen = self.seen_of_maps(maps, weights, face.branch)
        return CellProbe(weights, torch.from_numpy(units[0]).to(self.device), seen[0])

    def seen_of_maps(self, maps: Tensor, weights: Tensor, branch: Branch) -> Tensor:
        """Last maps (N, C, 8, 8) of probes → their templates (N, E) where ``weights`` (64,) of each cell are seen."""
        sums = self.layer.weighted(maps, weights)
        return F.normalize(self.layer.embedding(sums + self.layer.rest(weights, self.means[branch])), dim=1)

    @torch.inference_mode()
    def seen(self, parts: FaceParts, branches: Sequence[Branch], weights: Tensor | None = None) -> Tensor:
        """Enrolled faces → their templates (N, E) where ``weights`` (64,) of each cell are seen; all by default."""
        weights = torch.ones(CELLS, device=self.device) if weights is None else weights
        rows = [torch.zeros((0, self.recognizer.network.width), device=self.device)]
        rest = {branch: self.layer.rest(weights, self.means[branch]) for branch in set(branches)}
        for start in range(0, len(parts), BLOCK):
            block = slice(start, start + BLOCK)
            others = torch.stack([rest[branch] for branch in branches[block]])
            sums = self._sums(parts.cells[block], parts.scales[block], weights, others)
            rows.append(F.normalize(self.layer.embedding(sums).sum(dim=1), dim=1))
        return torch.cat(rows)

    def _sums(self, cells: Tensor, scales: Tensor, weights: Tensor, rest: Tensor) -> Tensor:
        """(n, V, 64, D), (n, V), (64,) and (n, D) → (n, V, D) float32."""
        seen = torch.matmul(weights, cells.to(self.device).float())
        return seen + scales.to(self.device)[..., None] * rest[:, None]

    @torch.inference_mode()
    def shares(self, probe: CellProbe, parts: FaceParts, branch: Branch) -> CellShares:
        """The score of one enrolled face (``parts`` of it alone) by its cells."""
        cells, scales, mean = (
            parts.cells[0].to(self.device).float(),
            parts.scales[0].to(self.device),
            self.means[branch],
        )
        ones = torch.ones_like(probe.weights)
        by_cell, rest = torch.zeros(CELLS, device=self.device), torch.zeros((), device=self.device)
        for weights, vector, factor in ((ones, probe.whole, 1 - MIX), (probe.weights, probe.seen, MIX)):
            sums = torch.matmul(weights, cells) + scales[:, None] * self.layer.rest(weights, mean)  # (V, D)
            length = self.layer.embedding(sums).sum(dim=0).norm()
            own = weights[:, None] * (cells - scales[:, None, None] * mean)  # (V, 64, D)
            common = scales[:, None] * self.layer.rest(torch.zeros_like(weights), mean)  # (V, D)
            counted = self.layer.counted(own, sums[:, None].expand_as(own))
            by_cell += factor / length * (counted @ vector).sum(dim=0)
            rest += factor / length * (self.layer.counted(common, sums) @ vector).sum()
        return CellShares(by_cell.reshape(GRID, GRID).cpu().numpy(), float(rest))


def mixed_scores(whole: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Cosines of the templates and of what both sides show → scores, in [−1, 1]."""
    return (1 - MIX) * whole + MIX * seen
