"""The rows of the ablation: which of the paper's parts a network has, and how it starts from the base weights."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal

import torch

from ssn.errors import DataError
from ssn.models.network import SaliencySearchNetwork


@dataclass(frozen=True)
class Variant:
    """``selection``: none, the paper's (4), or our image-dependent one. ``split``: an indicator for each spectrum, or
    one for both. ``bottleneck``: L_ib in the loss. ``search``: M by Algorithm 1 on its own half of the data; without it
    M and θ learn side by side, on all of it. ``masks``: whether partial mode masks its NIR faces. ``frozen``: the
    backbone stays, M learns alone. ``tied``: M is a number for each channel, and a map of 8×8 places for all of them or
    none. ``slow``: the rate that the paper states, 1e-4 for everything, and a classifier from random weights.

    ``meaning`` says what a row of the table is, ``over`` names the one it differs from by a single part."""

    name: str
    selection: Literal["none", "pixel", "adaptive"]
    meaning: str
    over: str = ""
    split: bool = False
    bottleneck: bool = False
    search: bool = False
    masks: bool = True
    frozen: bool = False
    tied: Literal["", "channel", "place"] = ""
    slow: bool = False


_SSN: dict[str, Any] = {"split": True, "bottleneck": True, "search": True}

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("light-cnn-unmasked", "none", "Light CNN, fine-tuned on complete faces", masks=False),
        Variant("light-cnn", "none", "Light CNN, fine-tuned", "light-cnn-unmasked"),
        Variant("light-cnn-slow", "none", "the same at the paper's rate, classifier cold", "light-cnn", slow=True),
        Variant(
            "m-alone-unmasked", "pixel", "weights as they were, one indicator, complete faces", masks=False, frozen=True
        ),
        Variant("m-alone", "pixel", "weights as they were, one indicator", "m-alone-unmasked", frozen=True),
        Variant("si-unmasked", "pixel", "+ indicator, on complete faces", "light-cnn-unmasked", masks=False),
        Variant("si", "pixel", "+ indicator, one for both spectra", "light-cnn"),
        Variant(
            "si-channel", "pixel", "a number for each channel in place of the indicator", "light-cnn", tied="channel"
        ),
        Variant("si-tied", "pixel", "a number for each channel and for each of 8×8 places", "si", tied="place"),
        Variant("si-split", "pixel", "+ an indicator for each spectrum", "si", split=True),
        Variant("si-split+ib", "pixel", "+ information bottleneck", "si-split", split=True, bottleneck=True),
        Variant("ssn", "pixel", "+ automatic feature search: the paper's SSN", "si-split+ib", **_SSN),
        Variant("ssn-tied", "pixel", "the same, searched by channel and 8×8 places", "ssn", tied="place", **_SSN),
        Variant("ssn-adaptive", "adaptive", "our extension: a saliency for each image", "ssn", **_SSN),
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
