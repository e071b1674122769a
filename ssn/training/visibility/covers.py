"""Covers on views: a shape, a fill, how opaque it is, its rim and shadow, and the camera that sees all of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.training.visibility.fills import FILLS, lens_glass, level_of, random_fills, smoothed, tint
from ssn.training.visibility.shapes import SHAPES, between, chance, random_shapes


@dataclass(frozen=True)
class CoverMix:
    """Shares of all views. ``complete`` shows all of the face; the others get a cover with one of ``fills`` (weights in
    the order of FILLS) in one of the shapes (weights in the order of SHAPES: ``black_shapes`` for black ones,
    ``shapes`` for all others). ``veiled``: share of the covers, black ones apart, that let light through: half of these
    are dark glass, half have an opaque rim. ``glass``: share of the glasses whose lenses are of glass, and let light
    through; the others are filled as any cover."""

    complete: float = 0.25
    fills: tuple[float, ...] = (0.20, 0.08, 0.13, 0.13, 0.37, 0.09)
    black_shapes: tuple[float, ...] = (0.35, 0.33, 0.15, 0.03, 0.04, 0.03, 0.05, 0.02, 0.0)
    shapes: tuple[float, ...] = (0.05, 0.04, 0.12, 0.22, 0.10, 0.18, 0.04, 0.18, 0.07)
    veiled: float = 0.35
    glass: float = 0.8

    def __post_init__(self):
        known = {"fills": FILLS, "black_shapes": SHAPES, "shapes": SHAPES}
        for name, names in known.items():
            weights = getattr(self, name)
            if len(weights) != len(names) or min(weights) < 0 or sum(weights) <= 0:
                raise ValueError(f"{name} must be {len(names)} weights, one for each of {', '.join(names)}")
        if not all(0 <= share <= 1 for share in (self.complete, self.veiled, self.glass)):
            raise ValueError("complete, veiled and glass are shares in [0, 1]")


def softer(maps: Tensor) -> Tensor:
    """(N, S, S) → the mean of each pixel and its eight neighbours, edges repeated."""
    wide = F.pad(maps.unsqueeze(1), (1, 1, 1, 1), mode="replicate")[:, 0]
    rows = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9


def sensed(gray: Tensor, generator: torch.Generator) -> Tensor:
    """Views (N, S, S) as a camera sees face and cover together: a third softer, a third noisier."""
    count = len(gray)
    soft = between(0, 1, count, generator) * chance(0.33, count, generator)
    gray = gray + soft * (softer(gray) - gray)
    noise = between(0, 0.04, count, generator) * chance(0.33, count, generator)
    return (gray + noise * torch.randn(gray.shape, generator=generator, device=generator.device)).clamp(0, 1)


def _drawn(weights: tuple[float, ...], count: int, generator: torch.Generator) -> Tensor:
    shares = torch.tensor(weights, dtype=torch.float32, device=generator.device)
    return torch.multinomial(shares, count, replacement=True, generator=generator)


def veils(
    shape: Tensor, fill: Tensor, gray: Tensor, veiled: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Shapes, fills and views (N, S, S) and which covers let light through (N, 1, 1) → how opaque each pixel is, and
    what is seen of the cover. A rim is two or three pixels wide, of one level."""
    count = len(shape)
    through = torch.where(veiled, between(0.35, 0.95, count, generator), 1.0)
    fill = torch.where(veiled & chance(0.5, count, generator), tint(gray, generator), fill)
    thin, thick = (-F.max_pool2d(-shape.unsqueeze(1), side, 1, side // 2)[:, 0] for side in (3, 7))
    rim = shape - torch.where(chance(0.4, count, generator), thin, thick)
    rim = rim * (veiled & chance(0.5, count, generator))
    opacity = shape * through + rim * (1 - through)
    level = (level_of(gray) * between(0.1, 1.3, count, generator)).clamp(0, 1)
    return opacity, fill + rim * (level - fill)


def hidden_power(opacity: Tensor) -> Tensor:
    """How opaque a cover is, o in [0, 1] → the share of what is seen that is the cover's, in power:
    o² / (o² + (1 − o)²), which is what a Wiener filter takes away where face and cover vary alike."""
    through = (1 - opacity).square()
    return opacity.square() / (opacity.square() + through)


def cover(gray: Tensor, generator: torch.Generator, mix: CoverMix) -> tuple[Tensor, Tensor]:
    """Gray views (N, 1, S, S) in [0, 1] → the views with covers, and how much of each pixel is hidden as
    :func:`hidden_power` has it, both (N, 1, S, S) in [0, 1]. Black covers are exactly black, as a mask painted by hand
    is."""
    view, count = gray[:, 0], len(gray)
    fill_kind = _drawn(mix.fills, count, generator)
    black = (fill_kind == FILLS.index("black")).view(-1, 1, 1)
    shape_kind = torch.where(
        black.flatten(), _drawn(mix.black_shapes, count, generator), _drawn(mix.shapes, count, generator)
    )
    shape = random_shapes(shape_kind, gray.shape[-1], generator) * ~chance(mix.complete, count, generator)
    glass = (shape_kind == SHAPES.index("glasses")).view(-1, 1, 1) & chance(mix.glass, count, generator) & ~black
    fill = torch.where(glass, lens_glass(view, generator), random_fills(fill_kind, view, generator))
    veiled = (chance(mix.veiled, count, generator) | glass) & ~black
    opacity, fill = veils(shape, fill, view, veiled, generator)
    near = smoothed(shape, gray.shape[-1] // 4)
    edge = between(-0.5, 0.4, count, generator) * chance(0.5, count, generator) * (1 - near) * 2
    shadow = between(0, 0.6, count, generator) * chance(0.4, count, generator) * near * ~black
    seen = view * (1 - shadow)
    seen = (seen + opacity * (fill * (1 + edge) - seen)).clamp(0, 1)
    return torch.where(black, seen, sensed(seen, generator)).unsqueeze(1), hidden_power(opacity).unsqueeze(1)
