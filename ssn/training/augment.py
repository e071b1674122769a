"""Random views of a batch of crops, drawn on tensors in one go: geometry, spectrum, light, sensor, occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.faces.gray import to_gray
from ssn.faces.simulated_nir import NirLook, simulate_nir
from ssn.faces.types import FACE_SIZE


@dataclass(frozen=True)
class ViewRanges:
    """How far a view may stray. Lengths in pixels of a 128-pixel face, angles in degrees, chances in [0, 1]."""

    shift: float = 5.0
    rotation: float = 8.0
    scale: float = 0.06
    flip: float = 0.5
    contrast: float = 0.35
    brightness: float = 0.15
    gamma: float = 0.35
    blurred: float = 0.25
    noisy: float = 0.25
    occluded: float = 0.5
    occlusion_low: float = 0.15
    occlusion_high: float = 0.65
    """Sides of the random rectangle, as shares of the face's side."""


def _uniform(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _chance(p: float, count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) < p


def sample_geometry(crops: Tensor, size: int, ranges: ViewRanges, generator: torch.Generator) -> Tensor:
    """Crops (N, 3, C, C) float with margin → views (N, 3, size, size): shift, rotation, scale and mirror in one
    resampling."""
    count, _, crop, _ = crops.shape
    angle = torch.deg2rad(_uniform(-ranges.rotation, ranges.rotation, count, generator))
    zoom = FACE_SIZE / crop * (1 + _uniform(-ranges.scale, ranges.scale, count, generator))
    mirror = torch.where(_chance(ranges.flip, count, generator), -1.0, 1.0)
    shift = 2 * ranges.shift / crop * (2 * torch.rand(2, count, generator=generator) - 1)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    theta = torch.stack(
        [torch.stack([mirror * cos, -sin, shift[0]], 1), torch.stack([mirror * sin, cos, shift[1]], 1)], 1
    )
    if size <= crop // 2:
        crops = F.avg_pool2d(crops, 2)
    grid = F.affine_grid(theta, [count, 3, size, size], align_corners=False)
    return F.grid_sample(crops, grid, mode="bilinear", padding_mode="border", align_corners=False)


def random_rectangles(
    count: int, size: int, generator: torch.Generator, chance: float = 1.0, low: float = 0.15, high: float = 0.65
) -> Tensor:
    """Training occlusions → (count, 1, size, size) bool, True where black. Width and height are drawn apart as shares
    ``low`` … ``high`` of the side, the place anywhere in the picture; a share 1 − ``chance`` of the faces has none."""
    width, height = (_uniform(low, high, count, generator) for _ in range(2))
    left, top = (torch.rand(count, generator=generator) * (1 - side) for side in (width, height))
    axis = (torch.arange(size) + 0.5) / size
    x, y = axis.view(1, 1, -1), axis.view(1, -1, 1)
    left, top, width, height = (v.view(-1, 1, 1) for v in (left, top, width, height))
    inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
    return (inside & _chance(chance, count, generator).view(-1, 1, 1)).unsqueeze(1)


def random_views(
    crops: Tensor, nir: Tensor, size: int, generator: torch.Generator, ranges: ViewRanges | None = None
) -> tuple[Tensor, Tensor]:
    """Crops (N, 144, 144, 3) uint8 and ``nir`` (N,) bool → gray views (N, 1, size, size) in [0, 1] and their
    occlusions (N, 1, size, size) bool. Where ``nir`` is set the view is simulated NIR of a random look."""
    ranges = ranges or ViewRanges()
    count = len(crops)
    rgb = sample_geometry(crops.permute(0, 3, 1, 2).float() / 255, size, ranges, generator)
    gray = to_gray(rgb)
    if nir.any():
        look = NirLook.random(int(nir.sum()), generator)
        gray[nir] = simulate_nir(rgb[nir], look, generator)

    column = (-1, 1, 1, 1)
    contrast = 1 + _uniform(-ranges.contrast, ranges.contrast, count, generator).view(column)
    bright = _uniform(-ranges.brightness, ranges.brightness, count, generator).view(column)
    gamma = torch.exp(_uniform(-ranges.gamma, ranges.gamma, count, generator)).view(column)
    mean = gray.mean(dim=(2, 3), keepdim=True)
    gray = ((gray - mean) * contrast + mean + bright).clamp(1e-4, 1) ** gamma

    coarse = _chance(ranges.blurred, count, generator)
    if coarse.any():
        small = F.interpolate(gray[coarse], scale_factor=0.4, mode="area")
        gray[coarse] = F.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)
    noisy = _chance(ranges.noisy, count, generator).view(column) * 0.04
    gray = (gray + noisy * torch.randn(gray.shape, generator=generator)).clamp(0, 1)

    mask = random_rectangles(count, size, generator, ranges.occluded, ranges.occlusion_low, ranges.occlusion_high)
    return gray.masked_fill(mask, 0.0), mask
