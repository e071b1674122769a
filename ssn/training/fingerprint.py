"""What a training state remembers of its data: enough to notice that they are others."""

from __future__ import annotations

import hashlib

import numpy as np

from ssn.data.face_store import StoredFaces

VERSION = 1
"""Raised where the same faces are to be drawn from in another way."""
SAMPLE = 2048
"""Photos whose pixels are read, evenly spread; of all others the landmarks and descriptors answer for the picture."""


def fingerprint(faces: StoredFaces) -> str:
    """16 hex digits of the faces: landmarks, descriptors, identities, sources and spectra of all, pixels of up to
    ``SAMPLE``. The same for an array and for the same values on disk."""
    digest = hashlib.sha256(f"{VERSION} {len(faces)}".encode())
    for array in (faces.landmarks, faces.descriptors, faces.identities, faces.nir):
        values = np.ascontiguousarray(array)
        digest.update(f"{values.shape}{values.dtype}".encode())
        digest.update(values.data)
    digest.update("\n".join(map(str, faces.sources)).encode())
    for row in np.linspace(0, len(faces) - 1, min(SAMPLE, len(faces))).round().astype(int):
        digest.update(np.ascontiguousarray(faces.pixels[row]).data)
    return digest.hexdigest()[:16]
