"""The picture stored with a template, as a face that can be embedded again."""

from __future__ import annotations

import numpy as np

from ssn.errors import ImageError
from ssn.faces.read import read_image
from ssn.faces.types import FACE_SIZE, AlignedFace, Spectrum


def stored_face(picture: bytes, spectrum: Spectrum) -> AlignedFace:
    """Encoded picture → aligned face; its landmarks are not known any more. Raises NotAnImageError for a
    damaged picture, ImageError for one of another size than an aligned face."""
    pixels = read_image(picture)
    if pixels.shape[:2] != (FACE_SIZE, FACE_SIZE):
        raise ImageError(
            f"A stored picture is {pixels.shape[1]}×{pixels.shape[0]}, no aligned face.", "Enrol the photo again."
        )
    return AlignedFace(pixels, None, np.eye(2, 3), spectrum)
