"""The three pictures of a block, never to be mixed up, and what can be read off them.

*Indicator*: σ(M), channel mean; belongs to the model and the spectrum, the same for every face, but for an adaptive
model, whose σ(M + δ) is this face's. *Selected response*:
channel mean of |Ŷ|; changes with the face and with every brush stroke. *Shift*: selected response of the occluded
face minus that of the complete one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ssn.errors import ExplanationError
from ssn.faces.parts import REGIONS
from ssn.models.network import BlockTrace, SaliencySearchNetwork
from ssn.models.pixel_selection import BRANCHES


@dataclass(frozen=True)
class BlockMap:
    """Block ``number`` (1…4): ``indicator`` (H, W) in (0, 1) or None without selection, ``response`` (H, W) ≥ 0,
    float32."""

    number: int
    channels: int
    indicator: np.ndarray | None
    response: np.ndarray


@dataclass(frozen=True)
class ChannelMap:
    """One channel of a block for one face: ``selected`` Ŷ (H, W) float32, of either sign; ``indicator`` (H, W) or None;
    ``share`` of the block's energy that lies in it."""

    channel: int
    selected: np.ndarray
    indicator: np.ndarray | None
    share: float


@dataclass(frozen=True)
class IndicatorPair:
    """Block ``number``: channel means of σ(M) for ``nir`` and ``vis``, (H, W) in (0, 1), and ``distance``: the mean
    over all C·H·W elements of |σ(M_nir) − σ(M_vis)|, which the means can hide."""

    number: int
    nir: np.ndarray
    vis: np.ndarray
    distance: float

    @property
    def difference(self) -> np.ndarray:
        """NIR minus VIS, (H, W)."""
        return self.nir - self.vis


def block_maps(traces: list[BlockTrace], face: int = 0) -> list[BlockMap]:
    """The traces of a batch → the maps of one face of it."""
    maps = []
    for number, trace in enumerate(traces, start=1):
        selected = trace.selected[face].float()
        indicator = None if trace.indicator is None else trace.indicator[face].float().mean(dim=0).cpu().numpy()
        maps.append(BlockMap(number, selected.shape[0], indicator, selected.abs().mean(dim=0).cpu().numpy()))
    return maps


def shift(occluded: BlockMap, complete: BlockMap) -> np.ndarray:
    """Selected response with the occlusion minus without it, (H, W), any sign."""
    return occluded.response - complete.response


def strongest_channels(trace: BlockTrace, count: int = 8, face: int = 0) -> list[ChannelMap]:
    """The channels that hold most of the block's energy, most first. Energy is Σ|Ŷ|."""
    selected = trace.selected[face].detach().float()
    energy = selected.abs().sum(dim=(1, 2))
    total = max(float(energy.sum()), 1e-12)
    found = []
    for channel in torch.argsort(energy, descending=True, stable=True)[:count].tolist():
        indicator = None if trace.indicator is None else trace.indicator[face, channel].detach().float().cpu().numpy()
        found.append(ChannelMap(channel, selected[channel].cpu().numpy(), indicator, float(energy[channel]) / total))
    return found


def energy_share(block: BlockMap, mask: np.ndarray) -> float:
    """What share of a block's energy Σ|Ŷ| lies within ``mask`` (H, W of the face, bool or [0, 1]), in [0, 1].

    A place of the block counts by how much of the pixels it stands for the mask covers.
    """
    covered = _covered(mask, block.response.shape)
    total = float(block.response.sum(dtype=np.float64))
    return float((block.response * covered).sum(dtype=np.float64)) / total if total > 0 else 0.0


def inside_and_outside(values: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Means of a block's map (H, W) over the places within ``mask`` and over the others, each counted as in
    ``energy_share``. Raises ExplanationError for a mask that hides nothing, or everything."""
    covered = _covered(mask, values.shape)
    if not 0 < covered.sum(dtype=np.float64) < covered.size:
        raise ExplanationError("There is no inside and outside of this mask.", "Hide a part of the face.")
    return float(np.average(values, weights=covered)), float(np.average(values, weights=1 - covered))


def _covered(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    if mask.ndim != 2:
        raise ExplanationError(f"A mask has two dimensions, not {mask.ndim}.", "Pass (128, 128).")
    return cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)


def energy_by_region(block: BlockMap, labels: np.ndarray) -> dict[str, float]:
    """Region names → their shares of the block's energy, which add up to 1. ``labels`` as from ``region_labels``."""
    return {REGIONS[i]: energy_share(block, labels == i) for i in np.unique(labels)}


@torch.no_grad()
def indicator_pairs(network: SaliencySearchNetwork) -> list[IndicatorPair]:
    """The indicators of the four blocks, NIR beside VIS. Raises ExplanationError for a network without selection."""
    if network.selection is None:
        raise ExplanationError("This network has no pixel selection.", "Load a model with indicators.")
    pairs = []
    for number, block in enumerate(network.selection, start=1):
        saliency = torch.sigmoid(block.indicators.float())
        means = dict(zip(BRANCHES, saliency.mean(dim=1).cpu().numpy(), strict=True))
        distance = float((saliency[0] - saliency[1]).abs().mean())
        pairs.append(IndicatorPair(number, means["nir"], means["vis"], distance))
    return pairs
