"""The last layer taken apart by the cells of the map it reads, so that any part of a face can be left out afterwards.

With F (C, 8, 8) the last map, W_c the columns of the layer that read cell c, and F̄ the mean map of many faces,

    e(w) = fc(F̄) + Σ_c w_c W_c (F_c − F̄_c) = b + Σ_c w_c Q_c + Σ_c (1 − w_c) M_c,   Q_c = W_c F_c,  M_c = W_c F̄_c:

the embedding of a face of which a share w_c of cell c is seen, the rest being the mean face. w = 1 is the plain
network. The 64 parts Q_c are all that has to be kept of a face. Where a max feature map follows the layer, it follows
the sum.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssn.models.backbone import Backbone
from ssn.models.light_cnn import LightCNN29, MFMLinear

GRID = 8
"""Side of the last map in cells; a cell stands for 16×16 pixels of a face."""
CELLS = GRID * GRID


def cell_weights(visibility: Tensor) -> Tensor:
    """Visibility maps (…, H, W) in [0, 1] → how much of each cell is seen (…, 64), row by row."""
    lead = visibility.shape[:-2]
    pooled = F.adaptive_avg_pool2d(visibility.reshape(-1, 1, *visibility.shape[-2:]).float(), GRID)
    return pooled.reshape(*lead, CELLS)


class CellLayer:
    """``weight`` (D, C, 64) and ``bias`` (D,) of a layer that reads a map of C channels; ``fold`` says that the max of
    the halves of what it gives is the embedding of D / 2 values."""

    def __init__(self, layer: nn.Linear, fold: bool):
        self.weight = layer.weight.detach().unflatten(1, (-1, CELLS))
        self.bias, self.fold = layer.bias.detach(), fold

    @classmethod
    def of(cls, backbone: Backbone) -> CellLayer | None:
        """Of a backbone whose last layer reads an 8×8 map; None of one we cannot take apart."""
        if not isinstance(backbone, LightCNN29):
            return None
        if isinstance(backbone.fc, MFMLinear):
            return cls(backbone.fc.filter, True)
        return cls(backbone.fc, False) if isinstance(backbone.fc, nn.Linear) else None

    @property
    def views(self) -> int:
        """How many views of a face have to be kept for the mean of a photo and its mirror image: parts of a linear
        layer can be averaged, a maximum comes after each."""
        return 2 if self.fold else 1

    def parts(self, maps: Tensor) -> Tensor:
        """Last maps (…, C, 8, 8) → what each cell adds (…, 64, D)."""
        return torch.einsum("...ck,dck->...kd", maps.flatten(-2).to(self.weight.dtype), self.weight)

    def weighted(self, maps: Tensor, weights: Tensor) -> Tensor:
        """Last maps (N, C, 8, 8) → the sum of their parts, each as far as ``weights`` (64,) say, (N, D);
        one product, without the parts themselves."""
        seen = maps.flatten(-2).to(self.weight.dtype) * weights
        return F.linear(seen.flatten(1), self.weight.flatten(1))

    def rest(self, weights: Tensor, mean: Tensor) -> Tensor:
        """What a face does not add itself, when of each cell ``weights`` (64,) is seen and ``mean`` (64, D) are the
        parts of the mean face: b + Σ_c (1 − w_c) M_c, (D,)."""
        return self.bias + (1 - weights) @ mean

    def embedding(self, sums: Tensor) -> Tensor:
        """Sums of parts and rest (…, D) → embeddings (…, D or D / 2), not normalised."""
        return torch.maximum(*sums.chunk(2, dim=-1)) if self.fold else sums

    def counted(self, parts: Tensor, sums: Tensor) -> Tensor:
        """Parts (…, D) of ``sums`` (…, D) → what of them is in the sums' embedding: where a maximum follows, the parts
        of the larger half. It adds up as the parts do."""
        if not self.fold:
            return parts
        first = torch.ge(*sums.chunk(2, dim=-1))
        a, b = parts.chunk(2, dim=-1)
        return torch.where(first, a, b)
