"""What training covers look like, (N, S, S) in [0, 1]: black, gray, texture, another face, cloth, the face's own blur.

Cloth is the hard one: pale, smooth, lit as the face is lit, and bent. Nothing in its brightness gives it away, only
that the face's parts are missing where they should be.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.training.occluders import other_faces, smooth_grays, textures
from ssn.training.visibility.shapes import EYES, axes, between, chance, waves


def smoothed(gray: Tensor, cells: int) -> Tensor:
    """(N, S, S) → its means over ``cells``² fields, smoothly joined, (N, S, S): the light on it without its parts."""
    coarse = F.adaptive_avg_pool2d(gray.unsqueeze(1), cells)
    return F.interpolate(coarse, size=gray.shape[-2:], mode="bicubic", align_corners=False)[:, 0].clamp(0, 1)


def level_of(gray: Tensor) -> Tensor:
    """Views (N, S, S) → the mean of the middle quarter of each, (N, 1, 1)."""
    q = gray.shape[-1] // 4
    return gray[:, q:-q, q:-q].mean(dim=(1, 2), keepdim=True).clamp_min(0.02)


def bent(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Shading of something bent about a random axis, (N, S, S), about 1: bright where it faces the light."""
    x, y = axes(size, generator.device)
    angle = between(0, math.pi, count, generator)
    dx, dy = x - between(0.25, 0.75, count, generator), y - between(0.2, 0.8, count, generator)
    along, across = angle.cos() * dx + angle.sin() * dy, angle.cos() * dy - angle.sin() * dx
    fall = (
        between(-0.4, 2.4, count, generator) * along.square() + between(-0.2, 1.0, count, generator) * across.square()
    )
    return (1.05 - fall).clamp(0.3, 1.3)


def folds(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Folds and creases, (N, S, S), about 1: waves across a random direction that wind, and up to three thin lines; a
    third of the covers have none."""
    x, y = axes(size, generator.device)
    angle = between(0, math.pi, count, generator)
    along, across = angle.cos() * x + angle.sin() * y, angle.cos() * y - angle.sin() * x
    wound = across + waves(math.pi * along + across, 0.06, 3, generator)
    wave = torch.sin(2 * math.pi * between(1, 9, count, generator) * wound)
    total = between(0, 0.22, count, generator) * wave * chance(0.5, count, generator)
    for _ in range(3):
        away = wound - between(-0.7, 1.2, count, generator)
        line = torch.exp(-0.5 * (away / between(0.006, 0.03, count, generator)).square())
        total += between(-0.3, 0.2, count, generator) * line * chance(0.5, count, generator)
    return 1 + total * chance(0.67, count, generator)


def striped(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Soft-edged stripes of two levels in a random direction, winding, (N, S, S), about 1; none on two of three."""
    x, y = axes(size, generator.device)
    angle = between(0, math.pi, count, generator)
    along, across = angle.cos() * x + angle.sin() * y, angle.cos() * y - angle.sin() * x
    wound = across + waves(math.pi * along, 0.05, 2, generator)
    wave = torch.sin(2 * math.pi * between(1.5, 8, count, generator) * wound) - between(-0.6, 0.6, count, generator)
    strength = between(-0.35, 0.35, count, generator) * chance(0.33, count, generator)
    return 1 + strength * torch.tanh(4 * wave)


def tint(gray: Tensor, generator: torch.Generator) -> Tensor:
    """Views (N, S, S) → what dark glass adds to the light that it lets through: little, with a gleam to one side."""
    count, size = len(gray), gray.shape[-1]
    x, y = axes(size, generator.device)
    slope = between(-0.5, 0.5, count, generator) * (x - 0.5) + between(-0.5, 0.5, count, generator) * (y - 0.5)
    return (level_of(gray) * between(0.05, 0.9, count, generator) * (1 + slope)).clamp(0, 1)


def lens_glass(gray: Tensor, generator: torch.Generator) -> Tensor:
    """Views (N, S, S) → what lenses send back themselves, (N, S, S) in [0, 1]: dark or bright glass, lighter or darker
    downwards, on half of them with a gleam or what they mirror."""
    count, size = len(gray), gray.shape[-1]
    _, y = axes(size, gray.device)
    bright, dark = between(0.02, 1.3, count, generator), between(0.0, 0.35, count, generator)
    level = level_of(gray) * torch.where(chance(0.35, count, generator), bright, dark)
    graded = level * (1 + between(-2.5, 2.5, count, generator) * (y - EYES[1])).clamp_min(0.1)
    mirrored = smoothed(other_faces(gray, generator), 8) * between(0.2, 1.0, count, generator)
    gleam = torch.where(chance(0.5, count, generator), mirrored, textures(count, size, generator))
    share = between(0.0, 0.7, count, generator) * chance(0.5, count, generator)
    return (graded + share * (gleam - graded)).clamp(0, 1)


def cloth(gray: Tensor, generator: torch.Generator) -> Tensor:
    """Views (N, S, S) → smooth bent cloth in their light: two thirds about as bright as the face, or paler."""
    count, size = len(gray), gray.shape[-1]
    face = level_of(gray)
    near = face * between(0.65, 1.75, count, generator)
    level = torch.where(chance(0.67, count, generator), near, between(0.05, 1.0, count, generator))
    light = (smoothed(gray, 3) / face).clamp(0.3, 1.8) ** between(0, 1, count, generator)
    grain = between(0, 0.04, count, generator) * torch.randn(gray.shape, generator=generator, device=generator.device)
    woven = folds(count, size, generator) * striped(count, size, generator)
    return (level * light * bent(count, size, generator) * woven + grain).clamp(0, 1)


def own_blur(gray: Tensor, generator: torch.Generator) -> Tensor:
    """Views (N, S, S) → themselves without their parts, somewhat brighter or darker: bare skin over what was there."""
    count = len(gray)
    grain = between(0, 0.03, count, generator) * torch.randn(gray.shape, generator=generator, device=generator.device)
    coarse = torch.where(chance(0.5, count, generator), smoothed(gray, 4), smoothed(gray, 7))
    return (coarse * between(0.75, 1.4, count, generator) * folds(count, gray.shape[-1], generator) + grain).clamp(0, 1)


FILLS = ("black", "gray", "texture", "face", "cloth", "own")


def random_fills(kind: Tensor, gray: Tensor, generator: torch.Generator) -> Tensor:
    """Numbers of FILLS (N,) int64 and gray views (N, S, S) → what each cover shows, (N, S, S) in [0, 1]."""
    count, size = len(gray), gray.shape[-1]
    drawn = (
        torch.zeros_like(gray),
        smooth_grays(count, size, generator),
        textures(count, size, generator),
        other_faces(gray, generator),
        cloth(gray, generator),
        own_blur(gray, generator),
    )
    fill = torch.zeros_like(gray)
    for number, each in enumerate(drawn):
        fill = torch.where((kind == number).view(-1, 1, 1), each, fill)
    return fill
