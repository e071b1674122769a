"""The networks as other programs get them: named inputs and outputs, any number of faces at once, no branching on data.

*Embedder*: ``face`` (N, 1, 128, 128) float32 in [0, 1] and ``spectrum`` (N,) int64, an index into ``BRANCHES``
(0 NIR, 1 VIS), so that one file holds both spectra; an adaptive network is told a ``mask`` (N, 1, 128, 128) float32
too, 1 where hidden, −1 throughout where that is not known. Answers ``embedding`` (N, 256) of unit length, so that a
dot product is the score, and on request of each block (N, H, W) ``response_1`` … ``response_4`` and ``indicator_1`` …
``indicator_4``.

*Visibility*: ``face`` → ``visibility`` (N, 1, 128, 128) in [0, 1], 1 where the face is seen.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssn.faces.types import FACE_SIZE
from ssn.models.adaptive_selection import AdaptiveSelection
from ssn.models.card import ModelCard
from ssn.models.checkpoint import load_model, save_model
from ssn.models.network import SaliencySearchNetwork
from ssn.models.pixel_selection import PixelSelection
from ssn.models.visibility import VisibilityNetwork
from ssn.models.visibility_file import VisibilityCard, load_visibility, save_visibility

MEANINGS = {
    "face": "gray aligned faces (N, 1, 128, 128) float32 in [0, 1]: luma, ITU-R BT.601, of 128×128 crops in "
    "Light CNN's frame, no mean or deviation taken off",
    "spectrum": "(N,) int64, the light each face was seen in: 0 near-infrared, 1 visible",
    "mask": "(N, 1, 128, 128) float32, 1 where the face is known to be hidden, 0 elsewhere; -1 throughout: not known",
    "embedding": "(N, 256) float32 of unit length; the dot product of two is their score. For a face to be found later "
    "take the mean direction of the face and its mirror image",
    "response": "(N, H, W) float32, channel mean of the selected response of this block, |σ(M) ⊙ Y|",
    "indicator": "(N, H, W) float32 in (0, 1), channel mean of the saliency indicator σ(M) of this block",
    "visibility": "(N, 1, 128, 128) float32 in [0, 1], 1 where the face is seen",
}
"""What an input or output is, by its name without a number."""


class Portable(nn.Module):
    """A network to be exported: its ``card``, and the names of what goes in and comes out, in order."""

    card: ModelCard | VisibilityCard
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @abstractmethod
    def expected(self, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the network answers in the library's own way, which the exported file has to answer too."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Its weights in single precision, as a checkpoint of this project. Raises CheckpointError."""

    @abstractmethod
    def reopened(self, path: Path) -> Portable:
        """The same with the weights of such a file. Raises CheckpointError."""

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a program that runs the file has to know besides the card."""

    def example(self, count: int = 2) -> tuple[Tensor, ...]:
        """Inputs for ``count`` faces, of the right shapes and types."""
        made = {
            "face": torch.full((count, 1, FACE_SIZE, FACE_SIZE), 0.5),
            "spectrum": torch.arange(count) % 2,
            "mask": torch.full((count, 1, FACE_SIZE, FACE_SIZE), -1.0),
        }
        return tuple(made[name] for name in self.inputs)


class PortableEmbedder(Portable):
    """A recognising network, with the maps of its blocks where ``maps`` asks for them."""

    card: ModelCard

    def __init__(self, network: SaliencySearchNetwork, card: ModelCard, maps: bool = False):
        super().__init__()
        self.network, self.card, self.maps = network, card, maps
        self.inputs = ("face", "spectrum", "mask") if network.adaptive else ("face", "spectrum")
        blocks = range(1, len(network.selections()) + 1)
        named = [f"{kind}_{number}" for number in blocks for kind in ("response", "indicator")]
        self.outputs = ("embedding", *named) if maps else ("embedding",)
        self.eval()

    def forward(self, face: Tensor, spectrum: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """→ the outputs, in order."""
        backbone, maps = self.network.backbone, []
        x = backbone.stem(face)
        for (block, group, pooled), selection in zip(backbone.stages(), self.network.selections(), strict=True):
            output = block(x)
            saliency = _saliency(selection, output, spectrum, mask)
            selected = output * saliency
            if self.maps:
                maps += [selected.abs().mean(dim=1), saliency.mean(dim=1)]
            x = group(selected)
            if pooled:
                x = backbone.pool(x)
        return F.normalize(backbone.embed(x), dim=1), *maps

    @torch.no_grad()
    def expected(self, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        mask = torch.from_numpy(given["mask"]) if "mask" in given else None
        embedding, traces = self.network.trace(
            torch.from_numpy(given["face"]), torch.from_numpy(given["spectrum"]), mask
        )
        answer = {"embedding": F.normalize(embedding, dim=1)}
        for number, trace in enumerate(traces, start=1):
            assert trace.indicator is not None
            answer[f"response_{number}"] = trace.selected.abs().mean(dim=1)
            answer[f"indicator_{number}"] = trace.indicator.mean(dim=1)
        return {name: answer[name].numpy() for name in self.outputs}

    def save(self, path: Path) -> None:
        save_model(path, self.network.state_dict(), self.card, half=False)

    def reopened(self, path: Path) -> PortableEmbedder:
        return PortableEmbedder(*load_model(path), self.maps)

    @property
    def facts(self) -> dict[str, Any]:
        channels = [channels for channels, _, _ in self.network.shapes]
        return {"kind": "embedder", "maps": self.maps, "channels": channels, "width": self.network.width}


def _saliency(selection: PixelSelection, output: Tensor, spectrum: Tensor, mask: Tensor | None) -> Tensor:
    """σ(M), or σ(M + δ), of each face (N, C, H, W), whatever their spectra: without a look at the values."""
    if isinstance(selection, AdaptiveSelection):
        return torch.sigmoid(selection.indicators[spectrum] + selection.correction(output, mask))
    return selection.saliency(spectrum)


class PortableVisibility(Portable):
    """The visibility network."""

    card: VisibilityCard
    inputs = ("face",)
    outputs = ("visibility",)

    def __init__(self, network: VisibilityNetwork, card: VisibilityCard):
        super().__init__()
        self.network, self.card = network, card
        self.eval()

    def forward(self, face: Tensor) -> tuple[Tensor, ...]:
        """→ visibility."""
        return (self.network.visibility(face),)

    @torch.no_grad()
    def expected(self, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"visibility": self.network.visibility(torch.from_numpy(given["face"])).numpy()}

    def save(self, path: Path) -> None:
        save_visibility(path, self.network, self.card.name, self.card.training, self.card.measures)

    def reopened(self, path: Path) -> PortableVisibility:
        return PortableVisibility(*load_visibility(path))

    @property
    def facts(self) -> dict[str, Any]:
        return {"kind": "visibility"}
