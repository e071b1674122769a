"""Indicators of few numbers. The maps of a spectrum have 376,832 values and a search takes hundreds of noisy steps, so
that most of what a free M learns is noise. Tied, M is a number for each channel plus a small map of places that all
channels share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PLACES = 8
"""Side of the map of places."""


class TiedIndicators(nn.Module):
    """M = M₀ + channel + enlarged(places) for each block and spectrum: ``channels`` (2, C, 1, 1) and ``places``
    (2, 1, 8, 8) for each of the blocks, bilinearly enlarged to its size; without ``place`` the channels alone. What is
    learned starts at 0, where M is what it was."""

    def __init__(self, indicators: Sequence[nn.Parameter], place: bool = True):
        super().__init__()
        self.starts = [float(m.detach().flatten()[0]) for m in indicators]
        self.sizes = [m.shape for m in indicators]
        device = indicators[0].device
        self.channels = nn.ParameterList(torch.zeros(*size[:2], 1, 1, device=device) for size in self.sizes)
        blocks = self.sizes if place else []
        self.places = nn.ParameterList(torch.zeros(size[0], 1, PLACES, PLACES, device=device) for size in blocks)

    def maps(self) -> list[Tensor]:
        """M of every block, (2, C, H, W), with a graph to what is learned."""
        found = []
        for number, (start, size) in enumerate(zip(self.starts, self.sizes, strict=True)):
            m = (start + self.channels[number]).expand(size)
            if len(self.places):
                enlarged = F.interpolate(self.places[number], size[2:], mode="bilinear", align_corners=False)
                m = m + enlarged
            found.append(m)
        return found

    def pulled_back(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """Gradients of M → those of ``parameters()``, by the chain rule."""
        with torch.enable_grad():
            return list(torch.autograd.grad(self.maps(), list(self.parameters()), list(gradients)))

    @torch.no_grad()
    def write(self, indicators: Sequence[nn.Parameter]) -> None:
        """Make M what it is the sum of."""
        for parameter, m in zip(indicators, self.maps(), strict=True):
            parameter.copy_(m)
