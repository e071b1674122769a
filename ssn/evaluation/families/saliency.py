"""Saliency × picture → Light CNN: the paper's saliency detection rows, with a saliency that needs no weights.

Spectral residual (Hou and Zhang, CVPR 2007): what is unexpected in a picture's spectrum is what is salient in it. The
saliency module of OpenCV is in its contributed part, which the headless package does not hold, so it stands here.
"""

from __future__ import annotations

import cv2
import numpy as np

from ssn.evaluation.families.family import Prepared
from ssn.faces.gray import LUMA
from ssn.faces.types import AlignedFace

WORKING_SIZE = 64
"""Side at which Hou and Zhang analyse a picture; a larger one would take texture for things."""
BLUR = 2.5
"""Standard deviation of the final smoothing, pixels of the working size."""


def spectral_residual(gray: np.ndarray) -> np.ndarray:
    """Gray picture (H, W) of any range → saliency (H, W) float32 in [0, 1], its highest being 1; 0 throughout for a
    picture of one value."""
    small = cv2.resize(gray.astype(np.float32), (WORKING_SIZE, WORKING_SIZE), interpolation=cv2.INTER_AREA)
    if np.ptp(small) == 0:
        return np.zeros(gray.shape, np.float32)
    spectrum = np.fft.fft2(small)
    log_amplitude = np.log(np.abs(spectrum) + 1e-8)
    residual = log_amplitude - cv2.blur(log_amplitude, (3, 3), borderType=cv2.BORDER_REPLICATE)
    salient = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    smooth = cv2.GaussianBlur(salient, (0, 0), BLUR)
    full = cv2.resize(smooth, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return (full / full.max()).astype(np.float32)


class Saliency(Prepared):
    """The probe times its saliency, as the paper does with GCPANet and EGNet: what is not salient goes dark."""

    name = "saliency"
    title = "spectral-residual saliency × picture → Light CNN"
    stands_for = "GCPANet, EGNet (Tables IV–VI)"

    def prepare(self, face: AlignedFace) -> AlignedFace:
        """The mask stays: what is hidden is still known to be."""
        weight = spectral_residual(face.pixels @ np.array(LUMA, np.float32))
        return face.with_(pixels=np.rint(face.pixels * weight[..., None]).astype(np.uint8))
