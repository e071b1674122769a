"""The network of stage 0: Light CNN with a batch normalisation behind every convolution, and a head, both of which are
folded away when it has learned.

MFM outputs share a large common part, which grows from layer to layer; without normalisation all embeddings point the
same way for the first thousands of views, and the network learns several times slower. A normalisation whose mean
and variance stand still is a part of the convolution before it, so what is written at the end is the plain network of
the published names.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from ssn.models.light_cnn import EMBEDDING_SIZE, LightCNN29, LightCNN29V2
from ssn.training.team import processes, sum_with_gradient


def batch_normalise(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    """``norm(x)``, with the mean and variance of the batch that all processes share between them.

    PyTorch's SyncBatchNorm does the same on GPUs only.
    """
    size = processes()[1]
    if not norm.training or size == 1:
        return norm(x)
    values = x.float()
    axes = [0, *range(2, x.dim())]
    count = size * values.numel() // values.shape[1]
    mean = sum_with_gradient(values.sum(dim=axes)) / count
    shape = (1, -1, *[1] * (x.dim() - 2))
    apart = values - mean.view(shape)
    variance = sum_with_gradient(apart.square().sum(dim=axes)) / count
    with torch.no_grad():
        seen, running_mean, running_var = statistics(norm)
        seen += 1
        share = 1 / seen.item() if norm.momentum is None else norm.momentum
        running_mean.lerp_(mean, share)
        running_var.lerp_(variance * count / (count - 1), share)
    y = apart * torch.rsqrt(variance + norm.eps).view(shape)
    if norm.affine:
        y = y * norm.weight.view(shape) + norm.bias.view(shape)
    return y.to(x.dtype)


def statistics(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor, Tensor]:
    """The batches a normalisation has seen (), its running mean and variance (C,), themselves. Raises ValueError for
    one that keeps none."""
    seen, mean, variance = norm.num_batches_tracked, norm.running_mean, norm.running_var
    if seen is None or mean is None or variance is None:
        raise ValueError("a normalisation that keeps its statistics is needed")
    return seen, mean, variance


class NormedConv(nn.Module):
    """A convolution and the batch normalisation of its output: (N, in, H, W) → (N, out, H, W).

    Made from a convolution that has learned already, it must be shown a batch with ``adopt`` set before it trains: it
    then starts with the scale and shift that leave the answer as it was.
    """

    shift: Tensor

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        kernel, stride = cast("tuple[int, int]", conv.kernel_size), cast("tuple[int, int]", conv.stride)
        padding = cast("tuple[int, int]", conv.padding)
        self.conv = nn.Conv2d(conv.in_channels, conv.out_channels, kernel, stride, padding, bias=False)
        self.conv.weight = conv.weight
        self.norm = nn.BatchNorm2d(conv.out_channels)
        self.adopt = False
        bias = conv.bias.detach().clone() if conv.bias is not None else torch.zeros(conv.out_channels)
        self.register_buffer("shift", bias, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        if self.adopt:
            self._adopt(y)
        return batch_normalise(self.norm, y)

    @torch.no_grad()
    def _adopt(self, y: Tensor) -> None:
        mean, variance = y.float().mean(dim=(0, 2, 3)), y.float().var(dim=(0, 2, 3), unbiased=False)
        self.norm.weight.copy_((variance + self.norm.eps).sqrt())
        self.norm.bias.copy_(mean + self.shift)
        self.adopt = False

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one convolution that answers as this does in evaluation."""
        _, mean, variance = statistics(self.norm)
        scale = self.norm.weight * torch.rsqrt(variance + self.norm.eps)
        return self.conv.weight * scale[:, None, None, None], self.norm.bias - mean * scale


class BatchNormalisedLightCNN(nn.Module):
    """Gray views (N, 1, S, S) → embeddings (N, 256), normalised over the batch; ``head`` brings them to the ``width``
    of the teacher's descriptors. The convolutions of ``backbone`` are replaced by normalised ones, which take over its
    weights."""

    def __init__(self, backbone: LightCNN29 | None = None, width: int = 128):
        super().__init__()
        self.backbone = backbone or LightCNN29V2()
        for parent in list(self.backbone.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, nn.Conv2d):
                    setattr(parent, name, NormedConv(child))
        self.norm = nn.BatchNorm1d(EMBEDDING_SIZE, affine=False)
        self.head = nn.Linear(EMBEDDING_SIZE, width)

    def forward(self, gray: Tensor) -> Tensor:
        return batch_normalise(self.norm, self.backbone(gray).float())

    def normed_convolutions(self) -> dict[str, NormedConv]:
        """By the name that the convolution has in the backbone."""
        return {name: m for name, m in self.backbone.named_modules() if isinstance(m, NormedConv)}

    def adopt(self, views: Tensor) -> None:
        """Let the normalisations start so that these views are answered as by the backbone that was given."""
        for layer in self.normed_convolutions().values():
            layer.adopt = True
        with torch.no_grad():
            self.backbone(views)

    @torch.no_grad()
    def folded(self) -> dict[str, Tensor]:
        """The backbone's weights under the released key names, every normalisation and the head folded in."""
        normed = self.normed_convolutions()
        inside = tuple(name + "." for name in normed)
        weights = {k: v.detach().clone() for k, v in self.backbone.state_dict().items() if not k.startswith(inside)}
        for name, layer in normed.items():
            weights[name + ".weight"], weights[name + ".bias"] = layer.folded()
        _, mean, variance = statistics(self.norm)
        weights = fold_normalisation(weights, mean, variance, self.norm.eps)
        return fold_head(weights, self.head)


def fold_head(backbone: dict[str, Tensor], head: nn.Linear, rest: float = 0.1) -> dict[str, Tensor]:
    """Backbone weights whose embedding's inner products are those of the head's answers, which is what the teacher was
    compared with, plus ``rest`` times an equal share of all 256 directions: the same names, another ``fc``.

    With H and b the head's, M² = HᵀH + rest · tr(HᵀH) / 256 · I, M symmetric, and c the shortest with least |H c − b|,
    it is M (e + c). Of a head wider than the embedding the part of b that no embedding reaches is left out.
    """
    weight = head.weight.double()
    inner = weight.T @ weight  # (256, 256)
    inner += rest * inner.diagonal().mean() * torch.eye(len(inner), dtype=inner.dtype, device=inner.device)
    values, vectors = torch.linalg.eigh(inner)
    root = ((vectors * values.clamp_min(0).sqrt()) @ vectors.T).float()
    shift = (torch.linalg.pinv(weight) @ head.bias.double()).float()
    return {
        **backbone,
        "fc.weight": root @ backbone["fc.weight"],
        "fc.bias": root @ (backbone["fc.bias"] + shift),
    }


def fold_normalisation(backbone: dict[str, Tensor], mean: Tensor, variance: Tensor, eps: float) -> dict[str, Tensor]:
    """Backbone weights whose embedding is (fc(x) − mean) / √(variance + eps): the same names, another ``fc``."""
    scale = torch.rsqrt(variance + eps)
    weight, bias = backbone["fc.weight"], backbone["fc.bias"]
    return {**backbone, "fc.weight": weight * scale[:, None], "fc.bias": (bias - mean) * scale}


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Weights N(0, 1 / fan-in), which keeps the second moment through MFM (the maximum of two N(0, s²) has second
    moment s²); every residual branch starts at half strength, by its last layer's scale."""
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                weight, strength = module.weight, 0.5 if ".conv2." in name else 1.0
                drawn = torch.randn(weight.shape, generator=generator)
                weight.copy_(drawn * strength / math.sqrt(weight[0].numel()))
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.fill_(0.5 if ".conv2." in name else 1.0)
                module.bias.zero_()
