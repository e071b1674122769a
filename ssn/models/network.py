"""SSN: Light CNN-29 with a pixel selection between each residual block and its group (Fig. 3 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ssn.models.adaptive_selection import AdaptiveSelection
from ssn.models.backbone import ARCHITECTURES, DEFAULT_ARCHITECTURE, Backbone, Shape
from ssn.models.pixel_selection import BRANCHES, PixelSelection


@dataclass(frozen=True)
class BlockTrace:
    """What happened at one block, all (N, C, H, W): ``indicator`` σ(M) in (0, 1), or None for a network without
    selection; ``output`` Y; ``selected`` Ŷ = σ(M) ⊙ Y (Y itself without selection). Adaptive selection has another
    indicator for every image, σ(M + δ), and says its ``correction`` δ."""

    indicator: Tensor | None
    output: Tensor
    selected: Tensor
    correction: Tensor | None = None


class SaliencySearchNetwork(nn.Module):
    """Gray faces and their branch → embeddings; on request also what each block saw.

    ``selection=False`` leaves the plain backbone, so that a baseline is the same class with one part less;
    ``adaptive`` takes our extension in place of the paper's selection. ``shapes`` are those of the block outputs, where
    faces are not of 128×128.
    """

    def __init__(
        self,
        backbone: Backbone | None = None,
        selection: bool = True,
        adaptive: bool = False,
        shapes: tuple[Shape, ...] | None = None,
    ):
        super().__init__()
        self.backbone: Backbone = backbone or ARCHITECTURES[DEFAULT_ARCHITECTURE]()
        self.adaptive, self.shapes = adaptive, shapes or self.backbone.block_shapes
        kind = AdaptiveSelection if adaptive else PixelSelection
        self.selection = nn.ModuleList(kind(shape) for shape in self.shapes) if selection else None

    @property
    def width(self) -> int:
        """Values of an embedding."""
        return self.backbone.width

    def forward(self, gray: Tensor, branch: Tensor, mask: Tensor | None = None) -> Tensor:
        """(N, 1, 128, 128) in [0, 1] and (N,) int64 indices into ``BRANCHES`` → embeddings (N, width), not normalised.

        ``mask`` (N, 1, 128, 128), 1 where hidden, is used by adaptive selection alone; a face of −1 throughout is one
        whose mask is not known, None leaves all unknown.
        """
        return self.backbone.embed(self.last_map(gray, branch, mask))

    def last_map(self, gray: Tensor, branch: Tensor, mask: Tensor | None = None) -> Tensor:
        """As ``forward``, up to the map that the last layer reads."""
        return self._run(gray, branch, mask, None)

    def trace(self, gray: Tensor, branch: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[BlockTrace]]:
        """As ``forward``, and the four blocks' traces."""
        last, traces = self.traced_map(gray, branch, mask)
        return self.backbone.embed(last), traces

    def traced_map(self, gray: Tensor, branch: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[BlockTrace]]:
        """As ``last_map``, and the four blocks' traces."""
        traces: list[BlockTrace] = []
        return self._run(gray, branch, mask, traces), traces

    def _run(self, gray: Tensor, branch: Tensor, mask: Tensor | None, traces: list[BlockTrace] | None) -> Tensor:
        x = self.backbone.stem(gray)
        for number, (block, group, pooled) in enumerate(self.backbone.stages()):
            output = block(x)
            if traces is None:
                x = self._select(number, output, branch, mask)
            else:
                traces.append(self._traced(number, output, branch, mask))
                x = traces[-1].selected
            x = group(x)
            if pooled:
                x = self.backbone.pool(x)
        return x

    def _select(self, number: int, output: Tensor, branch: Tensor, mask: Tensor | None) -> Tensor:
        if self.selection is None:
            return output
        known = (mask,) if self.adaptive and mask is not None else ()
        return self.selection[number](output, branch, *known)

    def selections(self) -> list[PixelSelection]:
        """One a block, in order; none without selection."""
        return [cast(PixelSelection, block) for block in self.selection or ()]

    def _traced(self, number: int, output: Tensor, branch: Tensor, mask: Tensor | None) -> BlockTrace:
        if self.selection is None:
            return BlockTrace(None, output, output)
        block = cast(PixelSelection, self.selection[number])
        if not isinstance(block, AdaptiveSelection):
            return BlockTrace(block.saliency(branch), output, block(output, branch))
        correction = block.correction(output, mask)
        saliency = block.image_saliency(branch, correction)
        return BlockTrace(saliency, output, output * saliency, correction)

    def indicator_parameters(self) -> list[nn.Parameter]:
        """M, the upper-level variables of the search; of adaptive selection with the weights of δ."""
        return [] if self.selection is None else list(self.selection.parameters())

    def correction_parameters(self) -> list[nn.Parameter]:
        """The weights of δ, which belong to adaptive selection alone."""
        named = self.selection.named_parameters() if self.adaptive and self.selection is not None else ()
        return [parameter for name, parameter in named if not name.endswith("indicators")]

    def weight_parameters(self) -> list[nn.Parameter]:
        """θ, the lower-level variables."""
        return list(self.backbone.parameters())


def branch_indices(branches: list[str], device: torch.device | str = "cpu") -> Tensor:
    """Names from ``BRANCHES`` → (N,) int64."""
    return torch.tensor([BRANCHES.index(name) for name in branches], dtype=torch.int64, device=device)
