"""A network made ready to be run many times: its weights in the precision it computes in and, on a processor, in the
order in which oneDNN reads them. Left as they are, they are converted again with every pass, which for a single face
takes a seventh of it.

The copy shares whatever it need not convert, answers as its original does, and has no gradients. In bfloat16, layers
that read a single channel read it as two, what bfloat16 holds of it and what that leaves: the channel is the face
itself, whose bright pixels would be rounded by up to half a gray level, which was most of what a template lost.
"""

from __future__ import annotations

import copy
import threading

import torch
from torch import Tensor, nn

from ssn.models.network import SaliencySearchNetwork


class ReadyNetworks:
    """The copies of one network, made when first asked for, and again where its weights have changed since. Safe to
    share between threads."""

    def __init__(self, network: SaliencySearchNetwork):
        self._network = network
        self._lock = threading.Lock()
        self._made: dict[torch.dtype, tuple[tuple, SaliencySearchNetwork]] = {}

    def of(self, dtype: torch.dtype) -> SaliencySearchNetwork:
        """The copy that computes in float32 or bfloat16; the latter within autocast."""
        with self._lock:
            now = tuple((tensor.data_ptr(), tensor._version) for tensor in self._network.parameters())
            known = self._made.get(dtype)
            if known is None or known[0] != now:
                known = self._made[dtype] = now, ready(self._network, dtype)
            return known[1]


def ready(network: SaliencySearchNetwork, dtype: torch.dtype) -> SaliencySearchNetwork:
    """A copy of ``network``, on the processor, whose layers compute in ``dtype``."""
    shared = {id(parameter): parameter for parameter in network.parameters()}
    made = copy.deepcopy(network, shared)
    for module in list(made.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.Conv2d) and PackedConvolution.possible(layer):
                setattr(module, name, PackedConvolution(layer, dtype))
            elif isinstance(layer, nn.Conv2d | nn.Linear) and dtype != torch.float32:
                setattr(module, name, copy.deepcopy(layer).to(dtype))
    return made.eval()


class PackedConvolution(nn.Module):
    """A convolution for inference. Its weights are packed when the first input comes, for inputs of that size; in any
    other order oneDNN would ask for, it converts them as ever."""

    def __init__(self, layer: nn.Conv2d, dtype: torch.dtype):
        super().__init__()
        self._dtype, self._weight = dtype, layer.weight.detach()
        self._in_two = dtype == torch.bfloat16 and layer.in_channels == 1
        self._packed: Tensor | None = None
        self._bias = None if layer.bias is None else layer.bias.detach().to(dtype)
        assert not isinstance(layer.padding, str)
        self._manner = list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups

    @staticmethod
    def possible(layer: nn.Conv2d) -> bool:
        """Can this PyTorch, on this processor, pack the layer?"""
        able = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        plain = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        return able and plain and layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) → (N, out, H, W) in this layer's precision."""
        whole, x = x, x.to(self._dtype)
        if self._in_two:
            x = torch.cat([x, (whole - x).to(self._dtype)], dim=1).contiguous(memory_format=torch.channels_last)
        if self._packed is None:
            weight = self._weight.repeat(1, 2, 1, 1) if self._in_two else self._weight
            packed = weight.to(self._dtype).to_mkldnn()
            self._packed = torch.ops.aten.mkldnn_reorder_conv2d_weight(packed, *self._manner, list(x.shape))
        return torch.ops.mkldnn._convolution_pointwise(x, self._packed, self._bias, *self._manner, "none", [], "")
