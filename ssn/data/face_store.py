"""Aligned faces on disk, as training, ablation, evaluation and benchmarks read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StoredFaces:
    """Aligned crops with margin, and what is known of them.

    ``pixels`` (N, 144, 144, 3) uint8, ``landmarks`` (N, 68, 2) float32 in crop px, ``descriptors`` (N, D) float32 of
    the teacher, ``identities`` (N,) int64, −1 where unknown (unique over all sources), ``sources`` (N,) str, ``nir``
    (N,) bool, True where the photo is real near-infrared.
    """

    pixels: np.ndarray
    landmarks: np.ndarray
    descriptors: np.ndarray
    identities: np.ndarray
    sources: np.ndarray
    nir: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)
