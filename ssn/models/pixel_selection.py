"""The pixel selection block: Ŷ = σ(M) ⊙ Y, the paper's equation (4).

One indicator M per block and spectrum, of the full shape C×H×W, initialised to 1. It is a parameter: after the search
it is the same for every image of its spectrum. (The paper calls it "self-adaptive"; equation (4) is not.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BRANCHES = ("nir", "vis")
"""Order of the two sets of indicators; a face's branch is its index here."""


def alike(branch: Tensor) -> bool:
    """Are faces of these branches (N,) known to be of one? A GPU is not asked: the answer would have to be waited
    for."""
    return not branch.is_cuda and bool((branch == branch[0]).all())


class PixelSelection(nn.Module):
    """Indicators of one block: ``indicators`` (2, C, H, W), one slice a branch, any real value; σ of it in (0, 1)."""

    def __init__(self, shape: tuple[int, int, int]):
        super().__init__()
        self.indicators = nn.Parameter(torch.ones(len(BRANCHES), *shape))

    def saliency(self, branch: Tensor) -> Tensor:
        """Branches (N,) int64 → σ(M) (N, C, H, W), values in (0, 1)."""
        return torch.sigmoid(self.indicators)[branch]

    def forward(self, response: Tensor, branch: Tensor) -> Tensor:
        """Block output Y (N, C, H, W) and branches (N,) → Ŷ of the same shape.

        A map of another size than the indicator's (a smaller crop in training) is refused by the multiplication.
        """
        if alike(branch):
            return response * torch.sigmoid(self.indicators[branch[0]])
        return response * self.saliency(branch)
