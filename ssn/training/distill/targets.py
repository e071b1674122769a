"""What stage 0 should reproduce for each face: the descriptor of a strong face network, or of several joined."""

from __future__ import annotations

import numpy as np
import torch

from ssn.data.face_store import StoredFaces
from ssn.faces.descriptor import centred


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
