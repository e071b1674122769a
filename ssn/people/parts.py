"""Which pixel of a drawn face is what: soft masks from 68 exact landmarks and colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

IRIS_OF_EYE = 0.205
"""Iris radius over the width of the eye's opening: 5.9 mm over 28.7 mm (Farkas, *Anthropometry of the Head and Face*,
1994)."""


@dataclass(frozen=True)
class Regions:
    """Soft masks (S, S) float32 in [0, 1] and the two irises: centres (2, 2) px, radii (2,) px.

    ``person`` is head and body; ``skin``, ``hair`` and ``cloth`` share it out; ``lips``, ``brows`` and ``eyes`` (the
    open part) lie on the face; ``iris`` lies in the eyes.
    """

    person: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    cloth: np.ndarray
    lips: np.ndarray
    brows: np.ndarray
    eyes: np.ndarray
    iris: np.ndarray
    centres: np.ndarray
    radii: np.ndarray


def polygon(points: np.ndarray, size: int, soft: float = 0.8) -> np.ndarray:
    """A filled polygon (N, 2) px as a mask (size, size) float32, its edge softened over about ``soft`` px."""
    mask = np.zeros((size, size), np.float32)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 1.0, lineType=cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(mask, (0, 0), soft) if soft > 0 else mask


def _widen(points: np.ndarray, factor: float) -> np.ndarray:
    centre = points.mean(axis=0)
    return centre + (points - centre) * factor


def inner_face(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Jaw to just above the brows: the part that is skin for certain."""
    up = 0.16 * (landmarks[8] - landmarks[27])
    brows = landmarks[17:27][::-1] - up
    return polygon(np.vstack([_widen(landmarks[:17], 0.97), brows]), size, 3.0)


def find_irises(luma: np.ndarray, landmarks: np.ndarray, eyes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres (2, 2) and radii (2,): the darkest spot of each opening, held near its middle."""
    centres, radii = [], []
    for corners in (landmarks[36:42], landmarks[42:48]):
        middle = corners.mean(axis=0)
        width = float(np.linalg.norm(corners[3] - corners[0]))
        near = polygon(_widen(corners, 0.9), len(luma), 0.5) * eyes
        dark = near * np.clip(1.15 * _mean(luma, near) - luma, 0, None) ** 2
        y, x = np.nonzero(dark > 0)
        weight = dark[y, x]
        found = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum() if weight.sum() > 1e-6 else middle
        shift = np.clip(found - middle, -0.16 * width, 0.16 * width)
        centres.append(middle + shift * np.array([1.0, 0.4]))
        radii.append(IRIS_OF_EYE * width)
    return np.array(centres), np.array(radii)


def _mean(values: np.ndarray, weight: np.ndarray) -> float:
    return float((values * weight).sum() / max(float(weight.sum()), 1e-6))


def discs(centres: np.ndarray, radii: np.ndarray, size: int, soft: float = 0.7) -> np.ndarray:
    """Soft discs (size, size) float32: 1 inside, 0 outside, a linear edge ``soft`` px to either side."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    mask = np.zeros((size, size), np.float32)
    for (cx, cy), r in zip(centres, radii, strict=True):
        mask = np.maximum(mask, np.clip((r - np.hypot(x - cx, y - cy)) / (2 * soft) + 0.5, 0, 1))
    return mask


def skin_likeness(rgb: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """How near each colour lies to that of the surely-skin pixels, (S, S) in [0, 1]. ``rgb`` in [0, 1]."""
    ycc = cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2YCrCb)
    spread = np.array([0.17, 0.045, 0.045])
    mean = np.array([_mean(ycc[..., c], sure) for c in range(3)])
    far = ((ycc - mean) / spread) ** 2
    return np.exp(-0.5 * np.clip(far.sum(axis=2) - 2.0, 0, None)).astype(np.float32)


def find_regions(
    rgb: np.ndarray, landmarks: np.ndarray, person: np.ndarray, hair: np.ndarray, cloth: np.ndarray
) -> Regions:
    """Picture (S, S, 3) float32 in [0, 1], landmarks (68, 2) px, masks of person, hair and clothes (S, S) → all
    regions."""
    size = len(rgb)
    luma = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    inner = inner_face(landmarks, size)
    lips = polygon(_widen(landmarks[48:60], 1.03), size) - polygon(landmarks[60:68], size)
    eyes = np.maximum(polygon(landmarks[36:42], size, 0.6), polygon(landmarks[42:48], size, 0.6))
    brows = np.maximum(polygon(_brow(landmarks, 17), size, 1.5), polygon(_brow(landmarks, 22), size, 1.5))
    dark = np.clip(1.2 - luma / max(_mean(luma, inner), 1e-3), 0, 1)
    centres, radii = find_irises(luma, landmarks, eyes)
    skin = person * (1 - hair) * (1 - cloth)
    iris = discs(centres, radii, size) * eyes
    return Regions(person, skin, hair, cloth, np.clip(lips, 0, 1), brows * dark, eyes, iris, centres, radii)


def _brow(landmarks: np.ndarray, first: int) -> np.ndarray:
    line = landmarks[first : first + 5]
    thick = 0.055 * (landmarks[8] - landmarks[27])
    return np.vstack([line - 0.6 * thick, (line + 1.1 * thick)[::-1]])
