"""What a drawn person may wear: goggles, a surgical mask or a scarf, drawn from the 68 landmarks in both spectra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from ssn.people.parts import polygon

Worn = Literal["none", "goggles", "surgical", "scarf"]
LENS_PASSES_VIS, LENS_PASSES_NIR = 0.08, 0.45
"""Share of the light that passes the goggles' lens and back."""

WORN: tuple[Worn, ...] = ("none", "goggles", "surgical", "scarf")


@dataclass(frozen=True)
class Cover:
    """``rgb`` (S, S, 3) float32 in [0, 1], ``nir`` (S, S) reflectance at 850 nm; ``mask`` and ``nir_mask`` (S, S)
    float32 in [0, 1]: how opaque it is in VIS and at 850 nm."""

    rgb: np.ndarray
    nir: np.ndarray
    mask: np.ndarray
    nir_mask: np.ndarray


@dataclass(frozen=True)
class FaceAxes:
    """The face's own axes: ``origin`` between the eyes, ``right`` and ``down`` in px for one face width and eye–chin
    length."""

    origin: np.ndarray
    right: np.ndarray
    down: np.ndarray

    @classmethod
    def of(cls, landmarks: np.ndarray) -> FaceAxes:
        return cls(landmarks[27], landmarks[16] - landmarks[0], landmarks[8] - landmarks[27])

    def at(self, points: list[tuple[float, float]]) -> np.ndarray:
        """Face coordinates (N, 2) → picture px."""
        pairs = np.array(points)
        return self.origin + pairs[:, :1] * self.right + pairs[:, 1:] * self.down

    def grid(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Face coordinates of every pixel: two (size, size) arrays."""
        y, x = np.mgrid[0:size, 0:size].astype(np.float64)
        back = np.linalg.inv(np.stack([self.right, self.down], axis=1))
        u = back[0, 0] * (x - self.origin[0]) + back[0, 1] * (y - self.origin[1])
        v = back[1, 0] * (x - self.origin[0]) + back[1, 1] * (y - self.origin[1])
        return u.astype(np.float32), v.astype(np.float32)


def draw_worn(worn: Worn, landmarks: np.ndarray, size: int, rng: np.random.Generator) -> Cover | None:
    """The cover ``worn`` on a face with these landmarks (68, 2) px, or None for "none"."""
    if worn == "none":
        return None
    return {"goggles": _goggles, "surgical": _surgical, "scarf": _scarf}[worn](landmarks, size, rng)


def _smooth(points: np.ndarray) -> np.ndarray:
    """A closed polygon with its corners rounded (Chaikin, 1974)."""
    for _ in range(3):
        following = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], axis=1).reshape(-1, 2)
    return points


def _mirrored(half: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return half + [(-u, v) for u, v in reversed(half)]


def _colour(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> np.ndarray:
    hsv = rng.uniform(0, 180), 255 * rng.uniform(*saturation), 255 * rng.uniform(*value)
    return cv2.cvtColor(np.array([[hsv]]).astype(np.uint8), cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32) / 255


def _round(u: np.ndarray, v: np.ndarray | float) -> np.ndarray:
    """Shading of something bent around a face."""
    return np.clip(1.05 - 1.15 * u**2 - 0.10 * (v - 0.3) ** 2, 0.35, 1.1)


def _goggles(landmarks: np.ndarray, size: int, rng: np.random.Generator) -> Cover:
    """Ski goggles: a dark mirrored lens in a frame on an elastic strap. The lens's dyes pass part of the NIR light, as
    most dyes do (Salamati et al., 2009)."""
    axes = FaceAxes.of(landmarks)
    u, v = axes.grid(size)
    brow = float((landmarks[17:27].mean(axis=0) - axes.origin) @ axes.down / (axes.down @ axes.down)) - 0.13
    rim = _mirrored(
        [(0.02, brow), (0.30, brow), (0.485, brow + 0.10), (0.50, 0.14), (0.42, 0.33), (0.20, 0.36), (0.07, 0.21)]
    )
    lens = _mirrored(
        [
            (0.02, brow + 0.06),
            (0.28, brow + 0.06),
            (0.43, brow + 0.13),
            (0.44, 0.14),
            (0.37, 0.27),
            (0.20, 0.30),
            (0.09, 0.15),
        ]
    )
    strap = [(-0.75, -0.10), (0.75, -0.10), (0.75, 0.10), (-0.75, 0.10)]
    frame = polygon(_smooth(axes.at(rim)), size)
    glass = polygon(_smooth(axes.at(lens)), size)
    band = polygon(axes.at(strap), size) * (np.abs(u) < 0.56)
    tint, sky = _colour(rng, (0.3, 0.9), (0.15, 0.45)), _colour(rng, (0.1, 0.6), (0.5, 0.9))
    shine = np.clip(0.55 - 1.1 * (v - brow), 0, 1) * (0.6 + 0.4 * np.sin(9 * u + 5 * v))
    frame_colour = _colour(rng, (0.0, 0.4), (0.08, 0.35))
    rgb = np.ones((size, size, 3), np.float32) * _colour(rng, (0.2, 0.8), (0.15, 0.5))
    rgb = rgb + frame[..., None] * (frame_colour * (0.8 + 0.6 * _round(u, v))[..., None] - rgb)
    rgb = rgb + glass[..., None] * (tint + (sky - tint) * shine[..., None] - rgb)
    nir = 0.38 + frame * (0.20 - 0.38)
    nir = nir + glass * (0.08 + 0.22 * shine - nir)
    mask = np.maximum(frame, band)
    return Cover(
        rgb, nir.astype(np.float32), mask * (1 - glass * LENS_PASSES_VIS), mask * (1 - glass * LENS_PASSES_NIR)
    )


def _surgical(landmarks: np.ndarray, size: int, rng: np.random.Generator) -> Cover:
    """A pleated surgical mask with ear loops: pale blue, green or white in VIS, bright in NIR."""
    axes = FaceAxes.of(landmarks)
    u, v = axes.grid(size)
    sides = landmarks[[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]]
    low = sides + 0.05 * axes.down * np.sin(np.linspace(0, np.pi, 13))[:, None]
    top = axes.at([(0.40, 0.28), (0.22, 0.25), (0.10, 0.16), (0.0, 0.12), (-0.10, 0.16), (-0.22, 0.25), (-0.40, 0.28)])
    body = polygon(_smooth(np.vstack([low, top])), size)
    loops = np.zeros((size, size), np.float32)
    for near, corner, lower in ((landmarks[0], low[0], low[1]), (landmarks[16], low[-1], low[-2])):
        ear = near + 0.06 * (near - axes.origin)
        for start in (corner, lower):
            ends = [np.round(p * 16).astype(int).tolist() for p in (start, ear)]
            cv2.line(loops, ends[0], ends[1], 1.0, 2, cv2.LINE_AA, 4)
    pleats = np.zeros_like(u)
    for height in (0.42, 0.58, 0.74):
        bent = v - height - 0.10 * (1 - (2 * u) ** 2)
        pleats += np.exp(-0.5 * (bent / 0.012) ** 2) - 0.6 * np.exp(-0.5 * ((bent - 0.03) / 0.018) ** 2)
    wire = np.exp(-0.5 * ((v - 0.17 - 0.5 * np.abs(u)) / 0.02) ** 2) * (np.abs(u) < 0.2)
    shade = _round(u, v) * (1 - 0.13 * pleats) * (1 + 0.05 * wire)
    weave = 1 + 0.015 * rng.standard_normal((size, size)).astype(np.float32)
    colours = np.array([[0.62, 0.79, 0.88], [0.65, 0.85, 0.80], [0.90, 0.91, 0.92]], np.float32)
    rgb = np.clip(colours[rng.integers(3)] * (shade * weave)[..., None], 0, 1)
    return Cover(
        rgb.astype(np.float32),
        (0.85 * shade * weave).astype(np.float32),
        np.maximum(body, loops),
        np.maximum(body, loops),
    )


def _scarf(landmarks: np.ndarray, size: int, rng: np.random.Generator) -> Cover:
    """A knitted scarf from below the nose over mouth, chin and neck."""
    axes = FaceAxes.of(landmarks)
    u, v = axes.grid(size)
    outline = _mirrored(
        [
            (0.0, 0.38),
            (0.18, 0.37),
            (0.36, 0.31),
            (0.50, 0.24),
            (0.57, 0.45),
            (0.56, 0.80),
            (0.66, 1.10),
            (0.72, 1.42),
            (0.45, 1.62),
            (0.0, 1.68),
        ]
    )
    mask = polygon(_smooth(axes.at(outline)), size)
    phase = rng.uniform(0, 6.3)
    folds = 0.5 + 0.5 * np.sin(13 * (v - 0.35 * u**2 + 0.12 * np.sin(5 * u + phase)) + phase)
    knit = np.sin(95 * u + 2 * np.sin(120 * v)) * np.sin(70 * v)
    sharp = (np.sin(15 * v + 3 * u * rng.uniform(-1, 1) + phase) > rng.uniform(0.2, 0.9)).astype(np.float32)
    stripe = cv2.GaussianBlur(sharp, (0, 0), 0.8)
    one, two = _colour(rng, (0.2, 0.8), (0.25, 0.75)), _colour(rng, (0.1, 0.6), (0.3, 0.9))
    shade = _round(0.85 * u, 0) * (0.72 + 0.32 * folds) * (1 + 0.07 * knit)
    rgb = np.clip((one + (two - one) * stripe[..., None]) * shade[..., None], 0, 1)
    nir = (0.50 + 0.08 * stripe) * shade
    return Cover(rgb.astype(np.float32), nir.astype(np.float32), mask, mask)
