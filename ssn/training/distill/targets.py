"""What stage 0 should reproduce for each face: descriptors of a strong face network, or of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ssn.data.face_store import StoredFaces
from ssn.errors import DataError
from ssn.faces.descriptor import centred


def joined(parts: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Descriptors (N, D1), (N, D2), … of several teachers → (N, D1 + D2 + …) float32, unit rows, whose cosines are the
    weighted mean of the teachers' own: each part centred, brought to length one and multiplied by √weight. Weights need
    not make 1. Raises DataError for other weights than positive ones, one for each part."""
    if len(parts) != len(weights) or not parts or min(weights) <= 0:
        raise DataError(f"{list(weights)} are no weights of {len(parts)} teachers.", "Give each one above nothing.")
    if len({len(part) for part in parts}) > 1:
        raise DataError("The teachers' descriptors are not of the same faces.", "Describe the faces again.")
    shares = np.asarray(weights, float) / sum(weights)
    units = [centred(part, part.mean(axis=0)) for part in parts]
    scaled = [np.sqrt(share) * unit for share, unit in zip(shares, units, strict=True)]
    return np.concatenate(scaled, axis=1).astype(np.float32)


class Targets:
    """``unit`` (N, D): each face's centred descriptor of unit length, moved by ``pull`` towards its person's mean;
    ``members``: the rows of each known person who has two or more photos."""

    def __init__(self, faces: StoredFaces, pull: float):
        unit = centred(faces.descriptors, faces.descriptors.mean(axis=0))
        self.members: dict[int, np.ndarray] = {}
        order = np.argsort(faces.identities, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(faces.identities[order])) + 1):
            identity = int(faces.identities[rows[0]])
            if identity >= 0 and len(rows) > 1:
                self.members[identity] = rows
                person = unit[rows].mean(axis=0)
                unit[rows] = (1 - pull) * unit[rows] + pull * person / np.linalg.norm(person)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        self.unit = torch.from_numpy(unit)
