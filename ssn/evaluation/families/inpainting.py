"""Inpainting before matching: the paper's visual face completion rows, by diffusion instead of a trained network."""

from __future__ import annotations

import cv2
import numpy as np

from ssn.evaluation.families.family import Prepared
from ssn.faces.types import AlignedFace

RADIUS = 3.0
"""Neighbourhood of a pixel that its filling is made of, px."""


def inpainted(face: AlignedFace) -> AlignedFace:
    """The face with its hidden pixels filled in from around them (Telea, 2004). Nothing of it is hidden any more: who
    describes it takes the filling for the face. A face with nothing hidden, or nothing but, comes back as it is."""
    if not bool(face.mask.any()) or face.mask.all():
        return face
    filled = cv2.inpaint(np.ascontiguousarray(face.pixels), face.mask.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
    return face.with_(pixels=filled, mask=np.zeros_like(face.mask))


class Inpainting(Prepared):
    """The probe with its mask, which is known, filled in."""

    name = "inpainting"
    title = "inpainting → Light CNN"
    stands_for = "LBAM_retrain, DFNet_retrain (Tables IV–VI)"

    def prepare(self, face: AlignedFace) -> AlignedFace:
        return inpainted(face)
