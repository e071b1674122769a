"""Light CNN-29 (Wu et al., "A Light CNN for Deep Face Representation with Noisy Labels", TIFS 2018).

The backbone of SSN. Parameter names are those of the released checkpoints (without their ``module.`` prefix), so
released weights load strictly. Input: gray faces (N, 1, 128, 128) in [0, 1], no mean or deviation taken off.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK_SHAPES = ((48, 64, 64), (96, 32, 32), (192, 16, 16), (128, 16, 16))
"""Shape C×H×W of the four residual-block outputs Y1…Y4 for a 128×128 face."""

EMBEDDING_SIZE = 256


class _MaxOfHalves(torch.autograd.Function):
    """max(a, b) of the channel halves. Keeps one bool per output and writes both halves of the gradient in place;
    autograd's own ``maximum`` keeps both inputs and makes eight passes over them. A tie gives its gradient to a."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        first = torch.ge(a, b)
        ctx.save_for_backward(first)
        return torch.maximum(a, b)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        (first,) = ctx.saved_tensors
        shape = list(gradient.shape)
        channels = shape[1]
        shape[1] *= 2
        layout = torch.channels_last if gradient.dim() == 4 else torch.contiguous_format
        both = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=layout)
        torch.mul(gradient, first, out=both[:, :channels])
        torch.sub(gradient, both[:, :channels], out=both[:, channels:])
        return both


class MaxFeatureMap(nn.Module):
    """Max feature map: (N, 2C, …) → (N, C, …), the elementwise maximum of the two channel halves."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and x.requires_grad and not torch.compiler.is_compiling():
            return _MaxOfHalves.apply(x)
        a, b = x.chunk(2, dim=1)
        return torch.maximum(a, b)


class MFMConv(nn.Module):
    """Convolution to 2·out channels, then MFM: (N, in, H, W) → (N, out, H, W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, padding: int):
        super().__init__()
        self.filter = nn.Conv2d(inputs, 2 * outputs, kernel, padding=padding)
        self.mfm = MaxFeatureMap()

    def forward(self, x: Tensor) -> Tensor:
        return self.mfm(self.filter(x))


class MFMLinear(nn.Module):
    """Linear layer to 2·out values, then MFM: (N, in) → (N, out)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.filter = nn.Linear(inputs, 2 * outputs)
        self.mfm = MaxFeatureMap()

    def forward(self, x: Tensor) -> Tensor:
        return self.mfm(self.filter(x))


class ResidualBlock(nn.Module):
    """Two 3×3 MFM convolutions plus the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = MFMConv(channels, channels, 3, 1)
        self.conv2 = MFMConv(channels, channels, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x)) + x


class Group(nn.Module):
    """1×1 MFM convolution (in → in), then 3×3 (in → out)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv_a = MFMConv(inputs, inputs, 1, 0)
        self.conv = MFMConv(inputs, outputs, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv_a(x))


def _residual_blocks(count: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


class LightCNN29(nn.Module):
    """What both versions share: a ``Backbone``. The released files hold an identity classifier ``fc2`` too, which is
    left aside when loading."""

    width = EMBEDDING_SIZE
    block_shapes = BLOCK_SHAPES
    readers = tuple(f"group{number}.conv_a.filter.weight" for number in (1, 2, 3, 4))

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = MFMConv(1, 48, 5, 2)
        self.block1, self.group1 = _residual_blocks(1, 48), Group(48, 96)
        self.block2, self.group2 = _residual_blocks(2, 96), Group(96, 192)
        self.block3, self.group3 = _residual_blocks(3, 192), Group(192, 128)
        self.block4, self.group4 = _residual_blocks(4, 128), Group(128, 128)
        self.fc = self._embedding_layer()
        self.register_load_state_dict_pre_hook(_leave_classifier_aside)

    def _embedding_layer(self) -> nn.Module:
        raise TypeError("use LightCNN29V1 or LightCNN29V2")

    def pool(self, x: Tensor) -> Tensor:
        raise TypeError("use LightCNN29V1 or LightCNN29V2")

    def stages(self) -> tuple[tuple[nn.Module, nn.Module, bool], ...]:
        """The four (block, group, whether a pool follows), in order; the selection sits between block and group."""
        return (
            (self.block1, self.group1, True),
            (self.block2, self.group2, True),
            (self.block3, self.group3, False),
            (self.block4, self.group4, True),
        )

    def stem(self, x: Tensor) -> Tensor:
        return self.pool(self.conv1(x))  # (N, 48, 64, 64)

    def embed(self, x: Tensor) -> Tensor:
        """Last feature map (N, 128, h, w) → embedding (N, 256). A smaller map, from a smaller crop in training, is
        stretched to the 8×8 the layer was made for."""
        if x.shape[-2:] != (8, 8):
            x = F.interpolate(x, size=(8, 8), mode="bilinear", align_corners=False)
        return self.fc(x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Gray faces (N, 1, 128, 128) in [0, 1] → embeddings (N, 256), not normalised."""
        x = self.stem(x)
        for block, group, pooled in self.stages():
            x = group(block(x))
            if pooled:
                x = self.pool(x)
        return self.embed(x)


class LightCNN29V2(LightCNN29):
    """Light CNN-29 v2: pools by max + average, linear embedding. 10,475,872 parameters."""

    def _embedding_layer(self) -> nn.Module:
        return nn.Linear(128 * 8 * 8, EMBEDDING_SIZE)

    def pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)


class LightCNN29V1(LightCNN29):
    """Light CNN-29: max pooling, MFM embedding. 12,573,280 parameters."""

    def _embedding_layer(self) -> nn.Module:
        return MFMLinear(128 * 8 * 8, EMBEDDING_SIZE)

    def pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2, ceil_mode=True)


def _leave_classifier_aside(module, state, prefix, *_):
    state.pop(prefix + "fc2.weight", None)
    state.pop(prefix + "fc2.bias", None)
