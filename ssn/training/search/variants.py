"""The rows of the ablation: which of the paper's parts a network has, and how it starts from the base weights."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch

from ssn.errors import DataError
from ssn.models.network import SaliencySearchNetwork


@dataclass(frozen=True)
class Variant:
    """``selection``: none, the paper's (4), or our image-dependent one. ``split``: an indicator for each spectrum, or
    one for both. ``bottleneck``: L_ib in the loss. ``search``: M by Algorithm 1 on its own half of the data; without it
    M and θ learn side by side, on all of it."""

    name: str
    selection: Literal["none", "pixel", "adaptive"]
    split: bool = False
    bottleneck: bool = False
    search: bool = False


VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("light-cnn", "none"),
        Variant("si", "pixel"),
        Variant("si-split", "pixel", split=True),
        Variant("si-split+ib", "pixel", split=True, bottleneck=True),
        Variant("ssn", "pixel", split=True, bottleneck=True, search=True),
        Variant("ssn-adaptive", "adaptive", split=True, bottleneck=True, search=True),
    )
}


def variant_named(name: str) -> Variant:
    """One of ``VARIANTS``. Raises DataError for another name."""
    if name not in VARIANTS:
        raise DataError(f"There is no variant {name!r}.", f"Use one of {', '.join(VARIANTS)}.")
    return VARIANTS[name]


def start_network(base: SaliencySearchNetwork, variant: Variant, seed: int = 0) -> SaliencySearchNetwork:
    """A base with unsearched paper's selection → the variant's network, on the base's device, which answers as the base
    does. ``seed`` draws the first weights of δ. Raises DataError for a base of another kind."""
    searched = base.selection is None or any(bool((b.indicators != 1).any()) for b in base.selections())
    if base.adaptive or searched:
        raise DataError("The base has been through a search already.", "Start from base weights.")
    backbone = copy.deepcopy(base.backbone)
    if variant.selection == "none":
        for name, block in zip(backbone.readers, base.selections(), strict=True):
            with torch.no_grad():  # what the selection took away, the weights behind it must take now
                backbone.get_parameter(name).mul_(torch.sigmoid(block.indicators.flatten()[0]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adaptive = variant.selection == "adaptive"
        network = SaliencySearchNetwork(backbone, variant.selection != "none", adaptive, base.shapes)
    device = next(base.parameters()).device
    return network.to(device).to(memory_format=torch.channels_last)
