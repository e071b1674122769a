"""Activations of order one, without another answer.

Light CNN has no normalisation, and every step in it is homogeneous but for the biases: what one weight is divided by, a
later one can be multiplied by. Training that normalises the embedding, as distillation does, never feels the scale of
what lies before it, and lets it grow without bounds. SGD at a fixed rate then meets gradients of any size, and in half
precision the embedding's tiny weights are rounded to nothing.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from ssn.models.backbone import Backbone
from ssn.models.light_cnn import MFMConv, MFMLinear
from ssn.models.network import SaliencySearchNetwork


class HomogeneousBackbone(Backbone, Protocol):
    """What can be balanced: Light CNN's plan, from the first layer to the embedding's, with ``MFMConv`` layers alone in
    its groups."""

    conv1: MFMConv
    fc: nn.Module


@torch.no_grad()
def balance(network: SaliencySearchNetwork, gray: Tensor, branch: Tensor) -> None:
    """Rescale the weights in place for activations of order one on these faces (N, 1, S, S) of these branches (N,).

    Root mean square 1: every group's first layer, and the last group's output; of a block the product of input (before
    pooling) and output, since what a block adds cannot be scaled apart. Embeddings stay, but for rounding.
    """
    backbone = cast(HomogeneousBackbone, network.backbone)
    before = backbone.conv1
    scale = _normalise(before, gray, 1.0)
    x = backbone.stem(gray)
    for number, (block, group, pooled) in enumerate(backbone.stages()):
        biases = [layer.bias for layer in block.modules() if isinstance(layer, nn.Conv2d) and layer.bias is not None]
        torch._foreach_mul_(biases, scale)
        size = _size(block(x)) ** 0.5
        torch._foreach_div_([*before.filter.parameters(), *biases], size)
        scale = scale / size
        x = block(x / size)
        x = x if network.selection is None else network.selection[number](x, branch)
        for layer in group.children():
            before = cast(MFMConv, layer)
            scale = _normalise(before, x, scale)
            x = before(x)
        x = backbone.pool(x) if pooled else x
    last = backbone.fc.filter if isinstance(backbone.fc, MFMLinear) else backbone.fc
    cast(nn.Linear, last).weight.div_(scale)


def _normalise(layer: MFMConv, x: Tensor, scale: float) -> float:
    """Bring an MFM convolution's output on x, which is ``scale`` times what it was, to root mean square 1 → how many
    times what it was the output is now."""
    weight, bias = layer.filter.parameters()
    bias.mul_(scale)
    size = _size(layer(x))
    weight.div_(size)
    bias.div_(size)
    return scale / size


def _size(x: Tensor) -> float:
    """Root mean square. Raises ValueError where there is none to divide by."""
    size = x.float().square().mean().sqrt().item()
    if not 0 < size < float("inf"):
        raise ValueError("a layer answers nothing, or no numbers, to these faces")
    return size
