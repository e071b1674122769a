"""Simulated NIR of a drawn face, part by part: what an 850 nm lamp beside the lens sends back.

A simulation from colour pictures: no measured NIR image stands behind it, and its pictures are always called simulated.
Every reflectance below is a rounded reading of the cited curves, not a fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ssn.faces import gray
from ssn.people.parts import Regions, discs

LUMA = np.array(gray.LUMA, np.float32)


@dataclass(frozen=True)
class Reflectance:
    """What comes back at 850 nm, as a share of what falls on it.

    Skin: 0.55–0.65 for light and 0.45–0.5 for very dark skin, against 0.6 and 0.1 in green light, since melanin and
    haemoglobin absorb little there (Angelopoulou 2001, *Understanding the color of human skin*; Jacques 2013, *Optical
    properties of biological tissues: a review*). Hair: eumelanin's absorption falls by about 3 from 550 to 850 nm
    (Jacques 2013), so dark hair is gray instead of black. Iris: brown ones are as bright as blue ones, the reason why
    iris cameras use 850 nm (Daugman 2004, *How iris recognition works*). Sclera: falls below skin, unlike in visible
    light. Cloth: most dyes are clear in NIR (Salamati et al. 2009, *Material classification using color and NIR
    images*).
    """

    skin: float = 0.60
    skin_power: float = 0.22
    """Power of the person's visible red reflectance (over 0.45) that remains: 1 keeps skin tones apart, 0 makes them
    equal."""
    spots: float = 0.80
    """Power of small-scale contrast in red that remains: what is form stays, freckles and flush fade further than in
    red."""
    lips: float = 0.93
    """Lips over skin."""
    hair: float = 0.42
    hair_power: float = 0.62
    iris: float = 0.24
    sclera: float = 0.46
    pupil: float = 0.02
    cloth: float = 0.50
    cloth_power: float = 0.35


@dataclass(frozen=True)
class Camera:
    """The simulated camera and its lamp. Lengths are shares of the picture's side."""

    lamp_x: float = 0.5
    lamp_y: float = 0.42
    reach: float = 0.62
    """Where the lamp has lost half its light."""
    room: float = 0.15
    """Power of the room's light that gets through the filter: 0 none, 1 all."""
    wall: float = 0.02
    """Brightness of the background, far behind."""
    exposure: float = 0.64
    """Mean gray of the face."""
    pixels: float = 0.70
    """Resolution over that of the visible picture."""
    noise: float = 0.008
    glint: float = 0.9

    @classmethod
    def random(cls, rng: np.random.Generator) -> Camera:
        """A camera a little different from the last: lamp, distance, exposure, sensor."""
        return cls(
            lamp_x=rng.uniform(0.40, 0.60),
            lamp_y=rng.uniform(0.34, 0.50),
            reach=rng.uniform(0.50, 0.85),
            room=rng.uniform(0.05, 0.30),
            wall=rng.uniform(0.006, 0.035),
            exposure=rng.uniform(0.58, 0.72),
            pixels=rng.uniform(0.58, 0.85),
            noise=rng.uniform(0.004, 0.012),
        )


def _blur(x: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(x, (0, 0), sigma)


def _weighted_blur(x: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    return _blur(x * weight, sigma) / (_blur(weight, sigma) + 1e-3)


def surface(landmarks: np.ndarray, size: int) -> np.ndarray:
    """How much each pixel faces the lens, (size, size) in [0, 1]: an ellipsoid for the head, a softer slope for the
    body."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    half = 0.5 * float(np.linalg.norm(landmarks[16] - landmarks[0]))
    middle = landmarks[27:31].mean(axis=0)
    tall = 1.25 * float(landmarks[8, 1] - landmarks[27, 1])
    far = ((x - middle[0]) / (1.22 * half)) ** 2 + ((y - middle[1]) / tall) ** 2
    head = np.sqrt(np.clip(1 - far, 0, 1))
    body = 0.55 * np.clip(1.15 - np.abs(x - middle[0]) / (3.4 * half), 0.35, 1)
    return np.maximum(head, body * np.clip((y - landmarks[8, 1]) / (0.3 * half) + 0.7, 0.5, 1))


def albedo(rgb: np.ndarray, regions: Regions, matter: Reflectance = Reflectance()) -> np.ndarray:
    """Reflectance at 850 nm, (S, S) float32: from the picture (S, S, 3) in [0, 1] and its regions, room light still in
    it only as far as colour contrast of skin needs it."""
    linear = np.clip(rgb, 0, 1) ** 2.2
    red, luma = linear[..., 0], linear @ LUMA
    plain = regions.skin * (1 - regions.lips) * (1 - regions.eyes) * (1 - regions.brows)
    person_red = float((red * plain).sum() / max(plain.sum(), 1.0))
    wide = _weighted_blur(red, plain, 14.0) + 1e-3
    form = np.clip(red / wide, 0.12, 2.5)
    skin = matter.skin * (person_red / 0.45) ** matter.skin_power * form**matter.spots
    lips_luma = _weighted_blur(luma, regions.lips, 5.0) + 1e-3
    lips = (
        matter.lips
        * matter.skin
        * (person_red / 0.45) ** matter.skin_power
        * np.clip(luma / lips_luma, 0.4, 1.6) ** 0.5
    )
    hair = matter.hair * np.clip(luma / 0.35, 0.01, 2.0) ** matter.hair_power
    cloth = matter.cloth * np.clip(luma / 0.4, 0.02, 2.0) ** matter.cloth_power
    out = regions.skin * skin + regions.hair * hair + regions.cloth * cloth
    brows = skin * (0.62 + 0.38 * np.clip(luma / (wide * 0.8), 0, 1))
    out = _lay(out, brows, regions.brows)
    out = _lay(out, lips, regions.lips)
    return _eyes(out, luma, regions, matter)


def _lay(below: np.ndarray, above: np.ndarray | float, mask: np.ndarray) -> np.ndarray:
    return below + mask * (above - below)


def _eyes(out: np.ndarray, luma: np.ndarray, regions: Regions, matter: Reflectance) -> np.ndarray:
    """Sclera below skin, iris a middle gray whatever its colour, pupil black."""
    size = len(out)
    local = np.clip(luma / (_weighted_blur(luma, regions.eyes, 4.0) + 1e-3), 0.5, 1.5)
    out = _lay(out, matter.sclera * local**0.6, regions.eyes * 0.7)
    out = _lay(out, matter.iris * local**0.3, regions.iris * 0.85)
    return _lay(out, matter.pupil, discs(regions.centres, 0.5 * regions.radii, size) * regions.eyes)


def simulate_nir_portrait(
    rgb: np.ndarray,
    landmarks: np.ndarray,
    regions: Regions,
    camera: Camera,
    rng: np.random.Generator,
    cover: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """A drawn face in visible light → simulated NIR, (S, S, 3) uint8, gray in all channels.

    ``rgb`` (S, S, 3) float32 in [0, 1] without its background; ``cover``: reflectance and mask (S, S) of what is worn.
    """
    size = len(rgb)
    matter = albedo(rgb, regions)
    person = regions.person
    if cover is not None:
        matter = _lay(matter, *cover)
        person = np.maximum(person, cover[1])
    facing = surface(landmarks, size)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    lamp = 1 / (1 + ((x - camera.lamp_x) ** 2 + (y - camera.lamp_y) ** 2) / camera.reach**2)
    room = _weighted_blur(np.clip(rgb, 0, 1) @ LUMA, regions.skin + 1e-3, 0.07 * size) ** camera.room
    light = matter * (0.30 + 0.70 * facing**0.9) * lamp * room
    wall = camera.wall * (0.7 + 0.6 * _blur(rng.random((size, size), np.float32), 0.2 * size))
    face = regions.skin * facing
    light *= camera.exposure**2.2 / max(float((light * face).sum() / max(face.sum(), 1e-3)), 1e-4)
    light = wall + person * (light - wall)
    side = camera.lamp_x - 0.5, camera.lamp_y - 0.42
    for centre, radius in zip(regions.centres, regions.radii, strict=True):
        spot = np.hypot(x * size - centre[0] - side[0] * radius, y * size - centre[1] + radius * (0.25 - side[1]))
        covered = cover[1] if cover is not None else 0
        light += camera.glint * np.exp(-0.5 * (spot / 1.0) ** 2) * regions.eyes * (1 - covered)
    return _sense(light, camera, rng)


def _sense(light: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    size = len(light)
    few = max(16, round(camera.pixels * size))
    small = cv2.resize(light.astype(np.float32), (few, few), interpolation=cv2.INTER_AREA)
    seen = np.clip(small, 1e-5, None) ** (1 / 2.2)
    seen = np.where(seen > 0.85, 0.85 + 0.15 * np.tanh((seen - 0.85) / 0.15), seen)
    seen = seen + camera.noise * rng.standard_normal(seen.shape, np.float32)
    gray = cv2.resize(seen, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.repeat(np.round(np.clip(gray, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
