"""Our extension ``ssn-adaptive``: a saliency of each image's own, Ŷ = σ(M + δ(Y, mask)) ⊙ Y.

Not in the paper, whose M is one map for all images of a spectrum. δ is a small network on the block's own response,
zero at the start, so that a fresh block *is* the paper's. Where it is known which pixels are hidden, the mask is read
too. δ is bounded, so that a pixel can be switched off or fully on, but M stays what most of the saliency is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssn.models.pixel_selection import PixelSelection, alike

REACH = 6.0
"""Largest |δ|: from the first value M = 1 down to σ(−5) = 0.007."""
DIMMED = 2.0
"""How far below M the saliency of a hidden pixel is asked to lie: σ(1 − 2) = 0.27 where M says σ(1) = 0.73."""
SMALLEST = 1e-6
"""Added to a response's mean square before it is divided by its root."""


class AdaptiveSelection(PixelSelection):
    """Pixel selection with a correction for the image at hand. About 2 % of its block's multiplications.

    The response is divided by its own root mean square before it is read; ``around`` sees 5×5 pixels.
    """

    def __init__(self, shape: tuple[int, int, int], hidden: int = 8):
        super().__init__(shape)
        self.look = nn.Conv2d(shape[0], hidden, 1)
        self.told = nn.Conv2d(1, hidden, 1)
        self.around = nn.Conv2d(hidden, hidden, 3, padding=2, dilation=2)
        self.answer = nn.Conv2d(hidden, shape[0], 1)
        for parameter in self.answer.parameters():
            nn.init.zeros_(parameter)

    def correction(self, response: Tensor, mask: Tensor | None = None) -> Tensor:
        """Y (N, C, H, W) and perhaps the hidden pixels (N, 1, S, S), 1 where hidden, a face of −1 throughout where that
        is not known → δ (N, C, H, W) in (−``REACH``, ``REACH``)."""
        size = response.float().square().mean(dim=(1, 2, 3), keepdim=True)
        x = F.relu(self.seen(response * torch.rsqrt(size + SMALLEST).to(response.dtype), mask))
        x = F.relu(x + self.around(x))
        return REACH * torch.tanh(self.answer(x).float() / REACH)

    def seen(self, normed: Tensor, mask: Tensor | None = None) -> Tensor:
        """A response (N, C, H, W) of mean square 1 and perhaps the hidden pixels → the first features (N, hidden, H, W)
        of both, before their rectifier."""
        x = self.look(normed)
        if mask is None:
            return x
        known = mask.amin(dim=(1, 2, 3), keepdim=True) >= 0
        return x + known * self.told(_by_place(mask, normed))

    def image_saliency(self, branch: Tensor, correction: Tensor) -> Tensor:
        """Branches (N,) int64 and δ (N, C, H, W) → σ(M + δ) of each face, (N, C, H, W) in (0, 1)."""
        own = self.indicators[branch[0]] if alike(branch) else self.indicators[branch]
        return torch.sigmoid(own + correction)

    def forward(self, response: Tensor, branch: Tensor, mask: Tensor | None = None) -> Tensor:
        """Y (N, C, H, W), branches (N,) and perhaps hidden pixels (N, 1, S, S) → Ŷ of Y's shape."""
        selected = response * self.image_saliency(branch, self.correction(response, mask))
        return selected.to(response.dtype)  # σ is of full precision also where the network is not


def _by_place(mask: Tensor, maps: Tensor) -> Tensor:
    """A mask (N, 1, S, S) → its mean over the pixels behind each place of ``maps`` (N, C, H, W), (N, 1, H, W)."""
    return F.adaptive_avg_pool2d(mask.to(maps.dtype), (maps.shape[-2], maps.shape[-1]))


def undimmed(correction: Tensor, hidden: Tensor) -> Tensor:
    """δ (N, C, H, W) and hidden pixels (N, 1, S, S), 1 where hidden → how far δ is from dimming them, a scalar ≥ 0: the
    mean square of what δ lacks to −``DIMMED`` there. Black pixels show nothing of the person, so saliency on them is
    spent for nothing; 0 where nothing is hidden."""
    weight = _by_place(hidden, correction)
    lacking = F.relu(correction + DIMMED).square().mean(dim=1, keepdim=True)
    return (weight * lacking).sum() / weight.sum().clamp_min(1.0)


def disturbed(correction: Tensor, hidden: Tensor) -> Tensor:
    """δ (N, C, H, W) and hidden pixels (N, 1, S, S), 1 where hidden → how far δ is from leaving shown pixels alone, a
    scalar ≥ 0: its mean square there. What M says of them is what the search found; 0 where nothing is shown."""
    weight = 1 - _by_place(hidden, correction)
    return (weight * correction.square().mean(dim=1, keepdim=True)).sum() / weight.sum().clamp_min(1.0)


def roughness(correction: Tensor) -> Tensor:
    """δ (N, C, H, W) → what keeps σ(M + δ) readable, a scalar ≥ 0: its mean square, so that M says what is true of all
    images, and the mean square of its steps from pixel to pixel, so that it draws areas."""
    across = (correction[..., 1:] - correction[..., :-1]).square().mean()
    down = (correction[..., 1:, :] - correction[..., :-1, :]).square().mean()
    return correction.square().mean() + across + down
