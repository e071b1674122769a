"""Cutting people out of their photos: who is background, skin, hair and clothes, by GrabCut and landmarks."""

from __future__ import annotations

import cv2
import numpy as np

from ssn.people.parts import inner_face, polygon, skin_likeness
from ssn.people.piecewise import FRAME, control_points


def cut_out(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Photo (224, 224, 3) uint8 with landmarks (68, 2) px → which pixels are the person, (224, 224) bool: GrabCut
    (Rother et al., 2004) from where a head and shoulders stand."""
    half = cv2.resize(pixels, (FRAME // 2, FRAME // 2), interpolation=cv2.INTER_AREA)
    points = landmarks / 2
    labels = np.full(half.shape[:2], cv2.GC_PR_BGD, np.uint8)
    hull = cv2.convexHull(control_points(landmarks)[:75].astype(np.float32) / 2)
    centre = hull.reshape(-1, 2).mean(axis=0)
    wide = centre + (hull - centre) * np.array([1.25, 1.2])
    cv2.fillConvexPoly(labels, np.round(wide).astype(np.int32), cv2.GC_PR_FGD)
    chin, (left, right) = points[8], points[[2, 14]]
    bottom = labels.shape[0]
    body = np.array(
        [
            left,
            right,
            [right[0] + 22, chin[1] + 16],
            [right[0] + 30, bottom],
            [left[0] - 30, bottom],
            [left[0] - 22, chin[1] + 16],
        ]
    )
    cv2.fillConvexPoly(labels, np.round(body).astype(np.int32), cv2.GC_PR_FGD)
    labels[:5] = labels[: int(points[33, 1]), :8] = labels[: int(points[33, 1]), -8:] = cv2.GC_BGD
    face = centre + (hull - centre) * np.array([0.86, 0.80])
    cv2.fillConvexPoly(labels, np.round(face).astype(np.int32), cv2.GC_FGD)
    core = np.array([[points[5, 0], chin[1] - 8], [points[11, 0], chin[1] - 8], [right[0], bottom], [left[0], bottom]])
    cv2.fillConvexPoly(labels, np.round(core).astype(np.int32), cv2.GC_FGD)
    cv2.setRNGSeed(0)
    cv2.grabCut(
        cv2.cvtColor(half, cv2.COLOR_RGB2BGR),
        labels,
        (0, 0, 1, 1),  # not read: the labels say where to begin
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        4,
        cv2.GC_INIT_WITH_MASK,
    )
    shown = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    person = np.asarray(cv2.morphologyEx(shown, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(person)
    if count > 1:
        person = (parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    person = np.asarray(cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)))
    return cv2.resize(person.astype(np.float32), (FRAME, FRAME), interpolation=cv2.INTER_LINEAR) > 0.5


def share_out(
    pixels: np.ndarray, landmarks: np.ndarray, person: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photo (S, S, 3) uint8 and who is in it → skin, hair and clothes, (S, S) bool."""
    inner = inner_face(landmarks, FRAME) > 0.5
    rows, columns = np.mgrid[0:FRAME, 0:FRAME]
    reach = landmarks[8, 1] - landmarks[27, 1]
    half = 0.5 * np.linalg.norm(landmarks[16] - landmarks[0])
    aside = np.abs(columns - landmarks[8, 0]) / half
    body = rows > landmarks[8, 1] + reach * np.where(aside > 1.35, -0.10, 0.12)
    hair = person & ~body & hair_above(pixels, landmarks, person & ~body)
    smooth = cv2.GaussianBlur(pixels, (0, 0), 1.5).astype(np.float32) / 255
    cheeks = polygon(landmarks[[1, 4, 6, 10, 12, 15, 29]], FRAME, 1.0)
    like = cv2.medianBlur((skin_likeness(smooth, cheeks) > 0.2).astype(np.uint8), 7) > 0
    low = body | ((rows > landmarks[8, 1] - 0.3 * reach) & (aside > 0.85))
    cloth = _largest(person & low & ~inner & ~like & ~hair)
    return person & ~hair & ~cloth & (inner | ~low | like), hair, cloth


def hair_above(pixels: np.ndarray, landmarks: np.ndarray, head: np.ndarray) -> np.ndarray:
    """The hair of a head (S, S) bool: nearer in colour to what lines its upper edge than to the skin of the cheeks."""
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), 1.0), cv2.COLOR_RGB2LAB).astype(np.float32)
    up = 0.10 * (landmarks[8] - landmarks[27])
    face = polygon(np.vstack([landmarks[1:16], landmarks[17:27][::-1] - up]), FRAME, 0) > 0.5
    cheeks = polygon(landmarks[[1, 4, 6, 10, 12, 15, 29]], FRAME, 0) > 0.5
    depth = cv2.distanceTransform(head.astype(np.uint8), cv2.DIST_L2, 5)
    rows = np.arange(FRAME)[:, None]
    rim = head & (depth > 2) & (depth < 13) & (rows < landmarks[27, 1] - 3 * up[1])
    nothing = np.zeros_like(head)
    if rim.sum() < 100 or cheeks.sum() < 100:
        return nothing
    skin = _unlikeness(lab, lab[cheeks], 1.6)
    away = np.abs(np.median(lab[rim], axis=0) - np.median(lab[cheeks], axis=0))
    if away[0] < 14 and away[1:].max() < 6:
        return nothing
    hair = rim
    for _ in range(3):
        lead = cv2.GaussianBlur(skin - _unlikeness(lab, lab[hair], 1.2), (0, 0), 1.5)
        hair = head & ~face & (lead > 0)
        if hair.sum() < 100:
            return nothing
    _, parts = cv2.connectedComponents(cv2.morphologyEx(hair.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5))))
    from_crown = np.setdiff1d(parts[rim], 0)
    closed = cv2.morphologyEx(np.isin(parts, from_crown).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    return (closed > 0) & head & ~face


def _unlikeness(lab: np.ndarray, seen: np.ndarray, widen: float) -> np.ndarray:
    """Minus twice the log-likelihood of every pixel under a normal distribution of the colours ``seen`` (N, 3)."""
    spread = np.cov(seen.T) * widen + np.diag([25.0, 4.0, 4.0])
    away = lab - seen.mean(axis=0, dtype=np.float32)
    whitened = away @ np.linalg.cholesky(np.linalg.inv(spread)).astype(np.float32)
    far = (whitened**2).sum(axis=-1)
    return (np.minimum(far, 60) + np.log(np.linalg.det(spread))).astype(np.float32)


def _largest(mask: np.ndarray, share: float = 0.2) -> np.ndarray:
    """``mask`` without specks: only parts of at least ``share`` of the largest one."""
    whole = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(whole)
    if count < 2:
        return np.zeros_like(mask)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return np.isin(parts, 1 + np.flatnonzero(areas >= max(share * areas.max(), 60)))


LOWEST_CROWN = 0.85
"""Top of head and hair above the bridge of the nose, over bridge to chin: about 0.95 without hair (Farkas, 1994)."""


def crown_height(person: np.ndarray, landmarks: np.ndarray) -> float:
    """How far the mask (S, S) reaches above the bridge of the nose, over the length from there to the chin."""
    bridge, chin = landmarks[27], landmarks[8]
    column = int(np.clip(bridge[0], 10, FRAME - 11))
    tops = np.flatnonzero(person[:, column - 10 : column + 11].mean(axis=1) > 0.5)
    return float((bridge[1] - tops.min()) / (chin[1] - bridge[1])) if len(tops) else 0.0


def outline_distance(person: np.ndarray, limit: float = 24.0) -> np.ndarray:
    """Mask (S, S) → signed distance from its edge in px, positive inside, cut at ±``limit``."""
    inside = cv2.distanceTransform(person.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~person).astype(np.uint8), cv2.DIST_L2, 5)
    return np.clip(inside - outside, -limit, limit)


def fill_outside(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Colours carried on beyond where they are ``known``, (S, S, 3) float32 and (S, S) bool → (S, S, 3): means over
    ever wider surroundings, the wide ones taken at a quarter of the size."""
    weight = known.astype(np.float32)[..., None]
    few = (pixels.shape[1] // 4, pixels.shape[0] // 4)
    small, small_weight = (cv2.resize(p, few, interpolation=cv2.INTER_AREA) for p in (pixels * weight, weight))
    result, missing = pixels * weight, 1 - weight
    for sigma, source, share in (
        (3, pixels * weight, weight),
        (2, small, small_weight),
        (5, small, small_weight),
        (15, small, small_weight),
    ):
        spread, near = cv2.GaussianBlur(source, (0, 0), sigma), cv2.GaussianBlur(share, (0, 0), sigma)[..., None]
        trust = np.clip(near * 6, 0, 1) if sigma < 15 else np.ones_like(near)
        mean = np.dstack([spread / np.maximum(near, 1e-6), trust])
        mean = mean if len(mean) == len(pixels) else cv2.resize(mean, pixels.shape[1::-1])
        result += missing * mean[..., 3:] * mean[..., :3]
        missing = missing * (1 - mean[..., 3:])
    return result


def core(mask: np.ndarray) -> np.ndarray:
    """What is surely inside; the whole of a part too thin to have an inside."""
    inside = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return inside if inside.sum() > 40 else mask
