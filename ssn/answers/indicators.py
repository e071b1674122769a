"""What a model's indicators have learned: σ(M) of the four blocks for each spectrum, by the parts of the mean face, how
M is tied, how far it moved from where it began, and what the search did to recognition, from the two cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F

from ssn.explanation.methods.mean_face import mean_face_landmarks
from ssn.faces.parts import REGIONS, region_labels
from ssn.models.block_maps import inside_and_outside
from ssn.models.card import ModelCard
from ssn.models.checkpoint import BASE_CHECKPOINT, read_card
from ssn.models.pixel_selection import BRANCHES
from ssn.recognizer import Recognizer

FIRST = float(torch.sigmoid(torch.tensor(1.0)))
"""σ(M) where no search has been: M begins at 1."""
ROUNDED = 0.004
"""By how much M may be off what it was made of: files keep it in half precision."""


@dataclass(frozen=True)
class Learned:
    """σ(M) of a block for one spectrum: ``places`` (H, W), its mean over the channels, and ``parts``, the mean of that
    over each part of the mean face, named as in ``REGIONS``. ``low`` and ``high``: 5 % and 95 % of the single values,
    those of a channel at a place."""

    places: np.ndarray
    parts: dict[str, float]
    low: float
    high: float

    @property
    def mean(self) -> float:
        return float(self.places.mean())


@dataclass(frozen=True)
class BlockIndicators:
    """Of block ``number`` (1…4) with so many channels."""

    number: int
    channels: int
    nir: Learned
    vis: Learned

    @property
    def difference(self) -> np.ndarray:
        """NIR − VIS by place, (H, W)."""
        return self.nir.places - self.vis.places


@dataclass(frozen=True)
class Indicators:
    """``moved``: the mean of |σ(M) − σ(1)| over all values. ``tied``: where M of every block and spectrum is a number
    for each channel plus a map of so many by so many places for all channels, the side of that map, 1 where it is flat;
    0 where M is free."""

    blocks: tuple[BlockIndicators, ...]
    moved: float
    tied: int

    def part(self, name: str) -> tuple[float, float]:
        """σ(M) for NIR and VIS over a part of the mean face, the mean of the blocks."""
        nir, vis = ([getattr(block, branch).parts[name] for block in self.blocks] for branch in BRANCHES)
        return float(np.mean(nir)), float(np.mean(vis))


def learned_indicators(recognizer: Recognizer) -> Indicators | None:
    """The indicators of a model, of an adaptive one without the correction for each face; None where it has none or
    they still have their first value. Raises CheckpointError where the appearance model is missing, and ExportError
    for an exported file whose checkpoint is not known."""
    found = [block.indicators.detach().float().cpu() for block in recognizer.network.selections()]
    if not found or all(bool((m == 1).all()) for m in found):
        return None
    labels = region_labels(mean_face_landmarks())
    blocks, sides = [], set()
    for number, m in enumerate(found, start=1):
        nir, vis = (_learned(torch.sigmoid(m[branch]).numpy(), labels) for branch in range(len(BRANCHES)))
        blocks.append(BlockIndicators(number, m.shape[1], nir, vis))
        sides |= {shared_places(one.numpy()) for one in m}
    moved = sum(float((torch.sigmoid(m) - FIRST).abs().sum()) for m in found) / sum(m.numel() for m in found)
    return Indicators(tuple(blocks), moved, sides.pop() if len(sides) == 1 else 0)


def _learned(saliency: np.ndarray, labels: np.ndarray) -> Learned:
    places = saliency.mean(axis=0)
    present = (REGIONS[label] for label in np.unique(labels))
    parts = {name: inside_and_outside(places, labels == REGIONS.index(name))[0] for name in present}
    low, high = np.percentile(saliency, [5, 95])
    return Learned(places, parts, float(low), float(high))


def shared_places(m: np.ndarray) -> int:
    """M (C, H, H) of one block and spectrum → the side of the smallest square map of places which, bilinearly enlarged
    and added to a number for each channel, gives M but for ``ROUNDED``; 1 where the numbers alone do. 0 where M is no
    such sum, or the map would be as large as M's."""
    places = m.mean(axis=0)
    total = m.mean(axis=(1, 2), keepdims=True) + places - places.mean()
    if np.abs(m - total).max() > ROUNDED:
        return 0
    if np.ptp(places) <= ROUNDED:
        return 1
    side = 2
    while side < len(places):
        grown = F.interpolate(torch.eye(side)[None], len(places), mode="linear", align_corners=False)[0].T.numpy()
        nearest = grown @ np.linalg.pinv(grown)  # onto what an enlarged map can be
        if np.abs(nearest @ places @ nearest.T - places).max() <= ROUNDED:
            return side
        side *= 2
    return 0


@dataclass(frozen=True)
class Gain:
    """Rank-1 of one kind of probe with a searched network and with its base, in [0, 1]. ``clear``: is the difference
    more than two standard errors of two independent shares of so many probes? (Both saw the same probes, so that this
    asks for more than a paired test would.)"""

    spectrum: str
    occlusion: str
    own: float
    base: float
    clear: bool


def base_of(card: ModelCard) -> ModelCard | None:
    """The card of the network that a search started from, where that is the one shipped beside it; None where the file
    does not say what it started from, or it is another. Raises CheckpointError where that file is damaged."""
    recipe = card.training.get("recipe")
    if not isinstance(recipe, Mapping) or not recipe.get("base") or not BASE_CHECKPOINT.is_file():
        return None
    base = read_card(BASE_CHECKPOINT)
    return base if base.model_id == recipe["base"] else None


def gains(card: ModelCard, base: ModelCard, protocol: str) -> list[Gain]:
    """What two cards say of the same kinds of probe under a protocol; nothing where one of them was not measured."""
    mine, others = (_ranked(of.measures.get(protocol)) for of in (card, base))
    found = []
    for key in mine.keys() & others.keys():
        (own, probes), (before, probes_before) = mine[key], others[key]
        spread = sqrt(own * (1 - own) / probes + before * (1 - before) / probes_before)
        found.append(Gain(*key, own, before, abs(own - before) > 2 * spread))
    return sorted(found, key=lambda gain: list(mine).index((gain.spectrum, gain.occlusion)))


def _ranked(measured: object) -> dict[tuple[str, str], tuple[float, int]]:
    """Rank-1 and the number of probes by spectrum and occlusion, of what ``evaluate`` wrote into a card."""
    rows = measured.get("rows", []) if isinstance(measured, Mapping) else []
    return {
        (row["probe_spectrum"], row["occlusion"]): (row["rank"][0], row["counts"]["probes"])
        for row in rows
        if row.get("rank") and row.get("counts", {}).get("probes")
    }
