"""Which pixels of an aligned face show the face? A small network of its own, which knows no backbone.

A U-Net reads the gray face at 64×64 pixels with two coordinate channels, since in Light CNN's frame a place has a
meaning: a smooth patch is a cheek here and a cover there. It answers how much each pixel is hidden; visibility is the
rest: 1 where the face is seen, 0 behind an opaque cover, between the two behind one that lets light through.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 64
"""Side in pixels of the picture that the network reads and of the map that it answers."""
WIDTHS = (32, 64, 96, 128)
"""Channels at 32, 16, 8 and 4 pixels."""


class _Layer(nn.Sequential):
    """3×3 convolution, normalisation, rectifier; ``stride`` 2 halves the side."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )


class VisibilityNetwork(nn.Module):
    """Gray faces → how much of each pixel is hidden. ``widths``: channels at each side, from 32 down, halving.

    Four pixels of a 2×2 field enter as four channels and leave as four: no convolution is paid for at 64 pixels.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        self.widths = tuple(widths)
        self.stem = _Layer(6, widths[0])
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(_Layer(a, b, 2), _Layer(b, b)) for a, b in steps)
        self.narrow = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in reversed(steps))
        self.up = nn.ModuleList(_Layer(a, a) for a, _ in reversed(steps))
        self.answer = nn.Conv2d(widths[0], 4, 1)
        x = torch.linspace(-1, 1, SIDE // 2)
        self.register_buffer("place", torch.stack(torch.meshgrid(x, x, indexing="xy")).unsqueeze(0), persistent=False)

    def forward(self, gray: Tensor) -> Tensor:
        """Gray faces (N, 1, S, S) in [0, 1] → logits of being hidden (N, 1, 64, 64)."""
        if gray.shape[-1] != SIDE:
            gray = F.adaptive_avg_pool2d(gray, SIDE)
        fields = F.pixel_unshuffle(2 * gray - 1, 2)
        x = self.stem(torch.cat([fields, self.get_buffer("place").expand(gray.shape[0], -1, -1, -1)], dim=1))
        passed = [x]
        for step in self.down:
            passed.append(x := step(x))
        passed.pop()
        for narrow, step in zip(self.narrow, self.up, strict=True):
            x = step(F.interpolate(narrow(x), scale_factor=2, mode="nearest") + passed.pop())
        return F.pixel_shuffle(self.answer(x), 2)

    def visibility(self, gray: Tensor) -> Tensor:
        """Gray faces (N, 1, S, S) in [0, 1] → visibility (N, 1, S, S) float32 in [0, 1], 1 where the face is seen."""
        logits = F.interpolate(self(gray).float(), size=gray.shape[-2:], mode="bilinear", align_corners=False)
        return torch.sigmoid(-logits)
