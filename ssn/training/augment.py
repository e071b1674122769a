"""Random views of a batch of crops, drawn on tensors in one go: geometry, spectrum, light, sensor, occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.data.face_store import StoredFaces
from ssn.errors import DataError
from ssn.faces.gray import to_gray
from ssn.faces.simulated_nir import NirLook, simulate_nir
from ssn.faces.types import FACE_SIZE
from ssn.training.occluders import OCCLUDERS, OccluderMix, hide
from ssn.training.option import option


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
    occluded: float = option(0.5, low=0, high=1)
    """Share of the views that are hidden in part."""
    occlusion_low: float = option(0.15, low=0, high=1)
    """Shortest side of an occluding rectangle, as a share of the face's."""
    occlusion_high: float = option(0.65, low=0, high=1)
    """Longest side of an occluding rectangle, as a share of the face's."""
    occluders: str = option("rectangle")
    """What hides a part of a view: none, one black rectangle, or many kinds of occluders."""

    def __post_init__(self) -> None:
        if self.occluders not in OCCLUDERS:
            raise DataError(f"There are no occluders {self.occluders!r}.", f"Use one of {', '.join(OCCLUDERS)}.")
        if not 0 <= self.occlusion_low <= self.occlusion_high <= 1:
            raise DataError(
                f"{self.occlusion_low:g} and {self.occlusion_high:g} are no two sides between 0 and 1, in order.",
                "Use --occlusion-low and --occlusion-high like 0.15 and 0.65.",
            )


def pixels_at(faces: StoredFaces, rows: np.ndarray) -> Tensor:
    """The crops at ``rows`` (n,), and no others, from memory or disk → (n, S, S, 3) uint8."""
    return torch.from_numpy(np.array(faces.pixels[rows], dtype=np.uint8))


def _uniform(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)


def _chance(p: float | Tensor, count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator, device=generator.device) < p


def sample_geometry(crops: Tensor, size: int, ranges: ViewRanges, generator: torch.Generator) -> Tensor:
    """Crops (N, 3, C, C) float with margin → views (N, 3, size, size): shift, rotation, scale and mirror in one
    resampling."""
    count, _, crop, _ = crops.shape
    angle = torch.deg2rad(_uniform(-ranges.rotation, ranges.rotation, count, generator))
    zoom = FACE_SIZE / crop * (1 + _uniform(-ranges.scale, ranges.scale, count, generator))
    mirror = torch.where(_chance(ranges.flip, count, generator), -1.0, 1.0)
    shift = 2 * ranges.shift / crop * (2 * torch.rand(2, count, generator=generator, device=generator.device) - 1)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    theta = torch.stack(
        [torch.stack([mirror * cos, -sin, shift[0]], 1), torch.stack([mirror * sin, cos, shift[1]], 1)], 1
    )
    if size <= crop // 2:
        crops = F.avg_pool2d(crops, 2)
    grid = F.affine_grid(theta, [count, 3, size, size], align_corners=False)
    return F.grid_sample(crops, grid, mode="bilinear", padding_mode="border", align_corners=False)


STILL = ViewRanges(shift=0.0, rotation=0.0, scale=0.0, flip=0.0)


def still_views(faces: StoredFaces, rows: np.ndarray, size: int) -> Tensor:
    """Faces at ``rows`` (n,) as they are, in the spectrum they were taken in → gray (n, 1, size, size) in [0, 1]."""
    return as_they_are(pixels_at(faces, rows), size)


def as_they_are(crops: Tensor, size: int) -> Tensor:
    """Crops (N, 144, 144, 3) uint8 → gray (N, 1, size, size) in [0, 1], neither moved nor changed, on their device."""
    generator = torch.Generator(crops.device).manual_seed(0)
    return to_gray(sample_geometry(crops.permute(0, 3, 1, 2).float() / 255, size, STILL, generator))


def random_rectangles(
    count: int,
    size: int,
    generator: torch.Generator,
    chance: float | Tensor = 1.0,
    low: float = 0.15,
    high: float = 0.65,
) -> Tensor:
    """Training occlusions → (count, 1, size, size) bool, True where black. Width and height are drawn apart as shares
    ``low`` … ``high`` of the side, the place anywhere in the picture; a share 1 − ``chance`` of the faces, or with the
    chance 1 − ``chance[i]`` face i, has none."""
    width, height = (_uniform(low, high, count, generator) for _ in range(2))
    left, top = (
        torch.rand(count, generator=generator, device=generator.device) * (1 - side) for side in (width, height)
    )
    axis = (torch.arange(size, device=generator.device) + 0.5) / size
    x, y = axis.view(1, 1, -1), axis.view(1, -1, 1)
    left, top, width, height = (v.view(-1, 1, 1) for v in (left, top, width, height))
    inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
    return (inside & _chance(chance, count, generator).view(-1, 1, 1)).unsqueeze(1)


def random_views(
    crops: Tensor, simulated: Tensor, size: int, generator: torch.Generator, ranges: ViewRanges | None = None
) -> tuple[Tensor, Tensor]:
    """Crops (N, 144, 144, 3) uint8 and ``simulated`` (N,) bool → gray views (N, 1, size, size) in [0, 1] and their
    occlusions (N, 1, size, size) bool. Where ``simulated`` is set the view is simulated NIR of a random look; elsewhere
    it is the photo's own gray, be it VIS or real NIR."""
    ranges = ranges or ViewRanges()
    rgb = sample_geometry(crops.permute(0, 3, 1, 2).float() / 255, size, ranges, generator)
    gray = to_gray(rgb)
    if simulated.any():
        look = NirLook.random(int(simulated.sum()), generator)
        gray[simulated] = simulate_nir(rgb[simulated], look, generator)
    gray = _camera(gray, ranges, generator)
    if ranges.occluders == "many":
        mix = OccluderMix().sharing(ranges.occluded)
        return hide(gray, generator, mix, ranges.occlusion_low, ranges.occlusion_high)
    chance = ranges.occluded if ranges.occluders == "rectangle" else 0.0
    mask = random_rectangles(len(crops), size, generator, chance, ranges.occlusion_low, ranges.occlusion_high)
    return gray.masked_fill(mask, 0.0), mask


def _camera(gray: Tensor, ranges: ViewRanges, generator: torch.Generator) -> Tensor:
    """Random contrast, brightness, gamma, blur and noise of gray views (N, 1, S, S)."""
    count, size, column = len(gray), gray.shape[-1], (-1, 1, 1, 1)
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
    return (gray + noisy * torch.randn(gray.shape, generator=generator, device=generator.device)).clamp(0, 1)
