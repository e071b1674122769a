"""What ``worn`` draws, put on a photographed face: an aligned face, what it wears, and how much of each pixel that
hides."""

from __future__ import annotations

import numpy as np

from ssn.errors import LandmarksUnknownError
from ssn.faces.simulated_nir import DEFAULT_LOOK, simulated_nir_face
from ssn.faces.types import FACE_SIZE, AlignedFace
from ssn.people.nir_portrait import Reflectance, surface
from ssn.people.worn import Cover, Worn, draw_worn


def dress(face: AlignedFace, worn: Worn, rng: np.random.Generator) -> tuple[AlignedFace, np.ndarray]:
    """A complete VIS or NIR face wearing ``worn``, and the cover's opacity in that light (128, 128) float32 in [0, 1].

    Nothing is written into the face's own ``mask``: it is for the finder to find. Raises LandmarksUnknownError.
    """
    if face.landmarks is None:
        raise LandmarksUnknownError
    cover = draw_worn(worn, face.landmarks, FACE_SIZE, rng)
    if cover is None:
        return face, np.zeros((FACE_SIZE, FACE_SIZE), np.float32)
    pixels = face.pixels.astype(np.float32) / 255
    if face.spectrum == "vis":
        pixels = pixels + cover.mask[..., None] * (cover.rgb - pixels)
        opacity = cover.mask
    else:
        lit, opacity = _lit(cover, face.landmarks), cover.nir_mask
        light = pixels**2.2 + opacity[..., None] * (lit[..., None] - pixels**2.2)
        pixels = np.clip(light, 0, 1) ** (1 / 2.2)
    return face.with_(pixels=np.round(pixels.clip(0, 1) * 255).astype(np.uint8)), opacity.astype(np.float32)


def dress_in(face: AlignedFace, worn: Worn, spectrum: str, rng: np.random.Generator) -> tuple[AlignedFace, np.ndarray]:
    """As ``dress``, of a complete VIS face that is turned to simulated NIR first where ``spectrum`` says so."""
    return dress(face if spectrum == "vis" else simulated_nir_face(face), worn, rng)


def _lit(cover: Cover, landmarks: np.ndarray) -> np.ndarray:
    """The light (128, 128) that a cover sends back to the simulated camera of ``simulated_nir``, whose lamp and
    exposure bring skin of the usual reflectance to the middle of its range."""
    look = DEFAULT_LOOK
    y, x = (np.mgrid[0:FACE_SIZE, 0:FACE_SIZE].astype(np.float32) + 0.5) / FACE_SIZE
    lamp = 1 / (1 + ((x - look.lamp_x) ** 2 + (y - look.lamp_y) ** 2) / look.lamp_reach**2)
    bent = lamp * (0.30 + 0.70 * surface(landmarks, FACE_SIZE) ** 0.9)
    q = FACE_SIZE // 4
    return cover.nir / Reflectance().skin * look.exposure**2.2 * bent / bent[q:-q, q:-q].mean()
