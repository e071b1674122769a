"""Outlines of training covers: where something lies on a view, softly edged, (N, S, S) in [0, 1].

Most are random geometry that knows nothing of a face's parts: closed curves, polygons, what lies to one side of a
curve, bands, and the blobs, boxes and strokes of ``ssn.training.occluders``. Two are worn where people wear them, since
both are common and look like a part of the face: glasses before the eyes, and whatever ends in a brim above them. None
follows a jaw, a nose or an eye of the face that it covers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssn.training.occluders import blobs, paper_boxes, random_boxes, strokes, upright_boxes


def axes(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixel centres as shares of the side: x (1, 1, S) and y (1, S, 1)."""
    axis = (torch.arange(size, device=device) + 0.5) / size
    return axis.view(1, 1, -1), axis.view(1, -1, 1)


def between(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    """``count`` even draws as (count, 1, 1)."""
    return low + (high - low) * torch.rand(count, 1, 1, generator=generator, device=generator.device)


def chance(share: float, count: int, generator: torch.Generator) -> Tensor:
    """(count, 1, 1) bool, True in about that share."""
    return torch.rand(count, 1, 1, generator=generator, device=generator.device) < share


def waves(along: Tensor, strength: float, orders: int, generator: torch.Generator) -> Tensor:
    """Angles (N, S, S) → a random periodic function of them with ``orders`` harmonics, weaker as they get finer."""
    count, total = len(along), torch.zeros_like(along)
    for order in range(1, orders + 1):
        size = between(-strength, strength, count, generator) / order
        total += size * torch.cos(order * along + between(0, 2 * math.pi, count, generator))
    return total


def _turned(count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Coordinates about a random place in a random direction: along and across, (N, S, S)."""
    x, y = axes(size, generator.device)
    angle = between(0, 2 * math.pi, count, generator)
    dx, dy = x - between(0.05, 0.95, count, generator), y - between(0.05, 0.95, count, generator)
    return angle.cos() * dx + angle.sin() * dy, angle.cos() * dy - angle.sin() * dx


def closed_curves(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Large smooth closed shapes: an ellipse whose radius waves around it. Distance inside, in shares of the side."""
    along, across = _turned(count, size, generator)
    along, across = along / between(0.15, 0.6, count, generator), across / between(0.15, 0.6, count, generator)
    radius = torch.exp(waves(torch.atan2(across, along), 0.35, 5, generator))
    return 0.25 * (radius - torch.hypot(along, across))


def polygons(count: int, size: int, generator: torch.Generator, most: int = 7) -> Tensor:
    """Convex polygons: what three to ``most`` random straight edges leave. Distance inside, in shares of the side."""
    along, across = _turned(count, size, generator)
    wanted = 3 + (between(0, 1, count, generator) * (most - 2)).long().clamp_max(most - 3)
    inside = torch.full((count, size, size), 9.0, device=generator.device)
    for number in range(most):
        angle = 2 * math.pi * number / wanted + between(-0.35, 0.35, count, generator)
        far = between(0.12, 0.5, count, generator) - angle.cos() * along - angle.sin() * across
        inside = torch.where(number < wanted, torch.minimum(inside, far), inside)
    return inside


def sides(count: int, size: int, generator: torch.Generator) -> Tensor:
    """All that lies to one side of a winding curve across the picture, or between two of them. Distance inside."""
    along, across = _turned(count, size, generator)
    first = across - waves(math.pi * along, 0.12, 4, generator)
    width = between(0.12, 0.55, count, generator)
    second = width + waves(math.pi * along, 0.08, 4, generator) - first
    return torch.where(chance(0.5, count, generator), torch.minimum(first, second), first)


EYES = (0.5, 0.3125)
"""The middle between the eyes of an aligned face, as shares of the side: right and down."""
APART = 0.182
"""From there to the middle of an eye."""


def _lens(along: Tensor, across: Tensor, wide: Tensor, high: Tensor, corners: Tensor) -> Tensor:
    """Distance inside of a superellipse with half axes ``wide`` and ``high``: round for ``corners`` 2, a box above."""
    away = (along / wide).abs() ** corners + (across / high).abs() ** corners
    return (1 - away.clamp_min(1e-6) ** (1 / corners)) * torch.minimum(wide, high)


def glasses(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Two lenses of one kind before the eyes, most with a bridge and half with temples. Distance inside, in shares of
    the side."""
    x, y = axes(size, generator.device)
    angle = between(-0.14, 0.14, count, generator)
    dx = x - EYES[0] - between(-0.04, 0.04, count, generator)
    dy = y - EYES[1] - between(-0.05, 0.07, count, generator)
    along, across = angle.cos() * dx + angle.sin() * dy, angle.cos() * dy - angle.sin() * dx
    apart, far = APART * between(0.9, 1.2, count, generator), along.abs()
    wide, high = apart * between(0.6, 1.02, count, generator), between(0.06, 0.17, count, generator)
    drop = between(-0.3, 0.6, count, generator) * (far - apart)  # lenses that hang outwards, or rise
    inside = _lens(far - apart, across - drop, wide, high, between(1.8, 5, count, generator))
    level, thin = between(-0.6, 0.2, count, generator) * high, between(0.006, 0.025, count, generator)
    band = thin - (across - level).abs()
    bridge = torch.minimum(band, apart - far)
    temple = torch.minimum(band, far - apart)
    inside = torch.where(chance(0.85, count, generator), torch.maximum(inside, bridge), inside)
    return torch.where(chance(0.5, count, generator), torch.maximum(inside, temple), inside)


def brims(count: int, size: int, generator: torch.Generator) -> Tensor:
    """All that lies above a bent line across the forehead, as a cap, a hat or a hood leaves the face. Distance inside,
    in shares of the side."""
    x, y = axes(size, generator.device)
    dx = x - between(0.35, 0.65, count, generator)
    bend, slope = between(-0.8, 1.6, count, generator), between(-0.25, 0.25, count, generator)
    line = between(0.0, 0.3, count, generator) + bend * dx.square() + slope * dx
    return line + waves(math.pi * dx + 0 * y, 0.03, 4, generator) - y


def edged(inside: Tensor, softness: Tensor) -> Tensor:
    """Distance inside (N, S, S) in shares of the side, and each edge's width (N, 1, 1) in pixels → (N, S, S) in
    [0, 1]."""
    return (0.5 + inside * inside.shape[-1] / softness).clamp(0, 1)


SHAPES = ("box", "paper", "blob", "curve", "polygon", "side", "strokes", "glasses", "brim")


def random_shapes(kind: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Numbers of SHAPES (N,) int64 → where each cover lies, (N, S, S) in [0, 1]."""
    count = len(kind)
    softness = 1 + 2.5 * between(0, 1, count, generator).square()
    drawn = (
        upright_boxes(random_boxes(count, generator, 0.2, 0.75), size).float(),
        upright_boxes(paper_boxes(count, generator), size).float(),
        blobs(count, size, generator).float(),
        edged(closed_curves(count, size, generator), softness),
        edged(polygons(count, size, generator), softness),
        edged(sides(count, size, generator), softness),
        strokes(count, size, generator).float(),
        edged(glasses(count, size, generator), softness),
        edged(brims(count, size, generator), softness),
    )
    shape = torch.zeros(count, size, size, device=generator.device)
    for number, each in enumerate(drawn):
        shape = torch.where((kind == number).view(-1, 1, 1), each, shape)
    return shape
