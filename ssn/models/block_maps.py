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

from ssn.errors import ExplanationError
from ssn.models.network import BlockTrace


@dataclass(frozen=True)
class BlockMap:
    """Block ``number`` (1…4): ``indicator`` (H, W) in (0, 1) or None without selection, ``response`` (H, W) ≥ 0,
    float32."""

    number: int
    channels: int
    indicator: np.ndarray | None
    response: np.ndarray


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


def seen_through(indicator: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    """σ(M) of a block (H, W) times how visible the face is there: v (128, 128) in [0, 1], as mean over the pixels that
    each place stands for → (H, W)."""
    return indicator * _covered(visibility, indicator.shape)


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
