"""People who do not exist: drawn by number from the appearance model, photographed in VIS and *simulated* NIR.

>>> person = draw_person(7)
>>> photo(person, 1).pixels.shape, photo(person, 2, "nir", worn="scarf").landmarks.shape
((224, 224, 3), (68, 2))
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from ssn.errors import DataError
from ssn.people.appearance_model import AppearanceModel, load_model
from ssn.people.nir_portrait import Camera, simulate_nir_portrait
from ssn.people.parts import find_regions
from ssn.people.piecewise import EYE, FRAME, control_points, pixel_map, remap, triangles_of
from ssn.people.worn import WORN, Cover, Worn, draw_worn

PHOTO_SIZE = FRAME
AROUND = 48
"""How far outside the frame the fixed points stand, px: no crown reaches them, so the map never folds."""
SPREAD = 1.2
"""How much wider than among the training people the drawn ones differ: drawings crowd towards the mean."""
WITHIN = 0.85
"""How much photos of one person differ, over the variation learned: LFW's spans years, ours one season."""
LIMIT = 2.2
"""Coefficients are drawn from a normal distribution cut at so many standard deviations."""


@dataclass(frozen=True)
class Person:
    """``number`` is the seed, ``coefficients`` (K,) the point in the model."""

    number: int
    coefficients: np.ndarray


@dataclass(frozen=True)
class Photo:
    """``pixels`` (224, 224, 3) uint8 RGB, ``landmarks`` (68, 2) exact, px; ``spectrum``; what is ``worn``."""

    pixels: np.ndarray
    landmarks: np.ndarray
    spectrum: Literal["vis", "nir-simulated"]
    worn: Worn


@dataclass(frozen=True)
class Scene:
    """Where the person stands and what light there is. Shifts in px, roll in radians."""

    scale: float
    roll: float
    shift: tuple[float, float]
    light: tuple[float, float]
    """Direction of the key light, horizontal and vertical, in [-1, 1]."""
    gain: float
    warmth: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Scene:
        return cls(
            scale=rng.uniform(0.84, 1.0),
            roll=np.radians(rng.normal(0, 2.5)),
            shift=tuple(rng.normal(0, 4, 2)),
            light=(rng.normal(0, 0.18), rng.normal(-0.05, 0.1)),
            gain=rng.normal(1.0, 0.06),
            warmth=rng.normal(0, 0.03),
        )

    def place(self, points: np.ndarray) -> np.ndarray:
        """Frame (N, 2) → picture (N, 2)."""
        cos, sin = self.scale * np.cos(self.roll), self.scale * np.sin(self.roll)
        pivot = np.array(EYE)
        return (points - pivot) @ np.array([[cos, sin], [-sin, cos]]) + pivot + self.shift


def cut_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """``count`` standard normal numbers, those beyond ±LIMIT folded back inside."""
    drawn = rng.standard_normal(count)
    return np.where(np.abs(drawn) > LIMIT, np.sign(drawn) * (2 * LIMIT - np.minimum(np.abs(drawn), 2 * LIMIT)), drawn)


def draw_person(number: int, model: AppearanceModel | None = None, spread: float = SPREAD) -> Person:
    """The person with this ``number`` ≥ 0; always the same one. Nothing is checked here: see ``casting``."""
    if number < 0:
        raise DataError(f"There is no person number {number}.", "Numbers start at 0.")
    model = model or load_model()
    rng = np.random.default_rng((91, number))
    return Person(number, spread * model.between @ cut_normal(rng, model.between.shape[1]))


def photo(
    person: Person,
    seed: int,
    spectrum: Literal["vis", "nir"] = "vis",
    worn: Worn = "none",
    model: AppearanceModel | None = None,
) -> Photo:
    """One photo of ``person``: expression, light, small pose and distance by ``seed``, the same for the same arguments.

    ``spectrum`` "nir" is simulated; ``worn`` is one of WORN. Raises DataError for values that are none of these.
    """
    if spectrum not in ("vis", "nir") or worn not in WORN:
        raise DataError(f"No photo in {spectrum!r} with {worn!r}.", f"Spectra: vis, nir. Worn: {', '.join(WORN)}.")
    model = model or load_model()
    moment, scene, rng = pose(person, seed, model)
    portrait = develop(model, person, moment, scene, rng)
    cover = draw_worn(worn, portrait.landmarks, PHOTO_SIZE, rng)
    if spectrum == "nir":
        regions = find_regions(portrait.rgb, portrait.landmarks, portrait.person, portrait.hair, portrait.cloth)
        laid = None if cover is None else (cover.nir, cover.nir_mask)
        pixels = simulate_nir_portrait(portrait.rgb, portrait.landmarks, regions, Camera.random(rng), rng, laid)
        return Photo(pixels, portrait.landmarks, "nir-simulated", worn)
    return Photo(_in_room(portrait, cover, scene, rng), portrait.landmarks, "vis", worn)


def pose(person: Person, seed: int, model: AppearanceModel) -> tuple[np.ndarray, Scene, np.random.Generator]:
    """What ``seed`` decides first: what this photo adds to the coefficients (K,) and its scene; and the numbers from
    which the rest is drawn."""
    rng = np.random.default_rng((92, person.number, seed))
    moment = WITHIN * model.within @ cut_normal(rng, model.within.shape[1])
    return moment, Scene.random(rng), rng


def photo_landmarks(person: Person, seed: int, model: AppearanceModel | None = None) -> np.ndarray:
    """The landmarks (68, 2) px of ``photo(person, seed)``, without taking it."""
    model = model or load_model()
    moment, scene, _ = pose(person, seed, model)
    return scene.place(model.shape(person.coefficients, moment))


def _in_room(portrait: Portrait, cover: Cover | None, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """The visible picture (224, 224, 3) uint8: what is worn, the key light, the room behind, and grain."""
    rgb, mask = portrait.rgb, portrait.person
    if cover is not None:
        rgb = rgb + cover.mask[..., None] * (cover.rgb - rgb)
        mask = np.maximum(mask, cover.mask)
    lit = rgb * key_light(scene, portrait.landmarks)
    wall = background(rng, PHOTO_SIZE)
    mixed = wall + mask[..., None] * (lit - wall)
    grain = 0.010 * rng.standard_normal(mixed.shape, np.float32)
    return np.round(np.clip(mixed + grain, 0, 1) * 255).astype(np.uint8)


@dataclass(frozen=True)
class Portrait:
    """A person in a scene before any camera: ``rgb`` (S, S, 3) float32 in [0, 1]; soft masks ``person``, ``hair``,
    ``cloth`` (S, S); ``landmarks`` (68, 2) px."""

    rgb: np.ndarray
    person: np.ndarray
    hair: np.ndarray
    cloth: np.ndarray
    landmarks: np.ndarray


def develop(
    model: AppearanceModel, who: Person, moment: np.ndarray, scene: Scene, rng: np.random.Generator
) -> Portrait:
    """A person at a ``moment`` (K,) in a scene → the portrait: skin first, hair over it, clothes over both."""
    shape, layers = model.appearance(who.coefficients, moment)
    skin = layers.skin + 0.8 * (layers.skin - cv2.GaussianBlur(layers.skin, (0, 0), 1.3))
    source = control_points(model.mean_shape, AROUND)
    target = scene.place(control_points(shape, AROUND))
    where = pixel_map(target, source, triangles_of(source), PHOTO_SIZE)
    landmarks = target[:68]
    fitted = dressed(layers.edges, model.mean_shape.astype(np.float32), rng.uniform(194, 208), rng.uniform(0.3, 0.6))
    edges = remap(fitted, where, smooth=True)
    person, hair, cloth = (_soft(edges[..., i], width) for i, width in enumerate((0.8, 1.6, 0.7)))
    hair *= 1 - cloth
    rgb = remap(skin, where) / 255
    rgb = _over(rgb, strands(remap(layers.hair, where, smooth=True) / 255, landmarks, edges[..., 1], rng), hair)
    rgb = _over(rgb, woven(remap(layers.cloth, where, smooth=True) / 255, edges[..., 2], rng), cloth)
    return Portrait(np.clip(rgb, 0, 1), np.maximum(person, cloth * person), hair, cloth, landmarks)


def _soft(edge: np.ndarray, width: float) -> np.ndarray:
    return (1 / (1 + np.exp(-np.clip(edge / width, -20, 20)))).astype(np.float32)


def _over(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return below + mask[..., None] * (above - below)


def dressed(edges: np.ndarray, mean_shape: np.ndarray, neck: float, slope: float) -> np.ndarray:
    """Edges (S, S, 3) of person, hair and clothes, in the mean shape → the same made to fit together.

    Everybody wears something below a neckline, ``neck`` px down in the middle and rising by ``slope`` to both sides;
    what is neither hair nor clothes is head, ears or neck.
    """
    y, x = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32)
    neckline = np.clip(y - (neck - slope * np.hypot(x - EYE[0], 6)), -30, 24)
    cloth = np.maximum(edges[..., 2], neckline)
    bare = np.maximum(np.maximum(_bare_edge(mean_shape.tobytes()), edges[..., 1]), cloth)
    return np.dstack([np.minimum(edges[..., 0], bare), edges[..., 1], cloth])


@lru_cache(maxsize=2)
def _bare_edge(key: bytes) -> np.ndarray:
    """Signed distance (S, S) from the edge of where skin can show: head with ears, and neck; positive inside."""
    points = np.frombuffer(key, np.float32).reshape(68, 2)
    middle, chin = points[30, 0], points[8, 1]
    head = cv2.convexHull(control_points(points)[:75].astype(np.float32)).reshape(-1, 2)
    above_jaw = head[:, 1] < points[3, 1]
    head[above_jaw, 0] = middle + 1.07 * (head[above_jaw, 0] - middle)
    half = 0.80 * (points[12, 0] - middle)
    neck = np.array([[half, chin - 30], [half, chin + 14], [half + 12, chin + 26], [half + 40, FRAME + 20]])
    neck = np.vstack([neck, np.flipud(neck * np.array([-1, 1]))]) + np.array([middle, 0])
    mask = np.zeros((FRAME, FRAME), np.uint8)
    for outline in (head, neck):
        cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    inside, outside = (cv2.distanceTransform(m, cv2.DIST_L2, 5) for m in (mask, 1 - mask))
    return cv2.GaussianBlur(inside - outside, (0, 0), 3.0)


def key_light(scene: Scene, landmarks: np.ndarray) -> np.ndarray:
    """What the room's light adds to the learned one: a gentle slope over the face and a colour, (S, S, 3)."""
    y, x = np.mgrid[0:PHOTO_SIZE, 0:PHOTO_SIZE].astype(np.float32)
    middle, half = landmarks[30], 0.6 * np.linalg.norm(landmarks[16] - landmarks[0])
    across, down = np.clip((x - middle[0]) / half, -1.3, 1.3), np.clip((y - middle[1]) / half, -1.3, 1.3)
    slope = 1 + scene.light[0] * across + scene.light[1] * down
    colour = np.array([1 + scene.warmth, 1.0, 1 - scene.warmth], np.float32)
    return (scene.gain * slope)[..., None] * colour


def strands(hair: np.ndarray, landmarks: np.ndarray, edge: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hair colour (S, S, 3) gets the strands that mixing has smoothed away: fine lines running from the crown, darker
    roots at the hairline (``edge``: px inside the hair)."""
    y, x = np.mgrid[0 : len(hair), 0 : len(hair)].astype(np.float32)
    up = landmarks[8] - landmarks[27]
    crown = landmarks[27] - 1.25 * up + np.array([rng.normal(0, 14), 0])
    angle = (np.arctan2(y - crown[1], x - crown[0]) / np.pi + 1) * 512
    radius = np.hypot(x - crown[0], y - crown[1]) * 0.35
    noise = rng.standard_normal((128, 1024)).astype(np.float32)
    lines = cv2.GaussianBlur(noise, (0, 0), sigmaX=1.0, sigmaY=3.5)
    lines = lines / lines.std() + cv2.GaussianBlur(noise, (0, 0), sigmaX=4, sigmaY=6) * 9
    lines = cv2.remap(
        lines, angle.astype(np.float32), radius.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    roots = 1 - 0.18 * np.exp(-np.clip(edge, 0, None) / 4)
    return (
        np.clip(0.82 * hair, 0.02, 1) * ((1 + 0.065 * np.clip(lines, -2.2, 2.2)) * roots)[..., None]
        + 0.004 * lines[..., None]
    )


def woven(cloth: np.ndarray, edge: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clothes' colour (S, S, 3) gets folds, a weave and a seam along its upper edge (``edge``: px inside)."""
    size = len(cloth)
    folds = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), sigmaX=5, sigmaY=14)
    weave = rng.standard_normal((size, size)).astype(np.float32)
    seam = 1 - 0.35 * np.exp(-0.5 * ((edge - 0.5) / 1.2) ** 2) + 0.10 * np.exp(-0.5 * ((edge - 4) / 2) ** 2)
    return np.clip(cloth, 0.02, 1) * ((1 + 0.10 * folds / folds.std() + 0.03 * weave) * seam)[..., None]


def background(rng: np.random.Generator, size: int) -> np.ndarray:
    """A room out of focus, (size, size, 3) float32 in [0, 1]: two muted colours and a few blurred shapes."""
    hue = rng.uniform(0, 180)
    hsv = [[(hue + rng.normal(0, 20)) % 180, rng.uniform(5, 65), rng.uniform(50, 215)] for _ in range(5)]
    colours = cv2.cvtColor(np.array([hsv], np.uint8), cv2.COLOR_HSV2RGB)[0].astype(np.float32) / 255
    slope = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    wall = colours[0] * (1 - slope) + colours[1] * slope + np.zeros((size, size, 3), np.float32)
    for colour in colours[2:]:
        x, y = rng.uniform(-0.2, 1.0, 2) * size
        w, h = rng.uniform(0.15, 0.6, 2) * size
        cv2.rectangle(wall, (int(x), int(y)), (int(x + w), int(y + h)), [float(c) for c in colour], -1)
    return cv2.GaussianBlur(wall, (0, 0), rng.uniform(0.03, 0.10) * size)
