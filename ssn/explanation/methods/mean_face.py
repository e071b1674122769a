"""Nobody in particular: the average of many drawn people, none of whom exists."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from ssn.errors import AssetError
from ssn.faces.align import align, alignment_transform, apply_transform
from ssn.faces.gray import luma
from ssn.faces.simulated_nir import simulated_nir_pixels
from ssn.faces.types import FACE_SIZE
from ssn.places import ASSETS

MEAN_FACE = ASSETS / "mean_face.png"
"""``draw_mean_face()``, saved."""


def draw_mean_face(people: int = 200) -> np.ndarray:
    """Average of one visible-light photo each of ``people`` drawn people and of their mirror images, aligned →
    (128, 128, 3) uint8 RGB. Raises CheckpointError where the appearance model is missing."""
    from ssn.people.portrait import draw_person, photo  # needs the appearance model; reading the result does not

    total = np.zeros((FACE_SIZE, FACE_SIZE, 3))
    for number in range(people):
        drawn = photo(draw_person(number), 0)
        total += align(drawn.pixels, drawn.landmarks).pixels
    return np.round((total + total[:, ::-1]) / (2 * people)).astype(np.uint8)


@lru_cache(maxsize=2)
def mean_face(branch: str = "vis") -> np.ndarray:
    """The mean face in gray, (128, 128) float32 in [0, 1]; for ``nir`` in simulated NIR. Read-only.

    Raises AssetError where the picture is missing.
    """
    try:
        with Image.open(MEAN_FACE) as file:
            pixels = np.array(file.convert("RGB"))
    except OSError as error:
        raise AssetError(f"{MEAN_FACE.name} cannot be read.", "Restore assets/mean_face.png.") from error
    if branch != "vis":
        pixels = np.repeat(simulated_nir_pixels(pixels)[..., None], 3, axis=2)
    picture = luma(pixels)
    picture.flags.writeable = False
    return picture


def mean_face_landmarks() -> np.ndarray:
    """Where the parts of the mean face lie: the mean drawn person's landmarks, aligned as every face is, (68, 2) px of
    the crop. Raises CheckpointError where the appearance model is missing."""
    from ssn.people.appearance_model import mean_landmarks  # as above

    points = mean_landmarks()
    return apply_transform(alignment_transform(points), points)
