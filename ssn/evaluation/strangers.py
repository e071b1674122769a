"""Strangers for the cohort: stored faces → their templates in every condition in which a probe can be compared.

Each person gives one face. It is enrolled in VIS, and shown as a probe in VIS and in simulated NIR, complete and behind
masks of every cover. A mask is shared by every ``MASKS``-th person, so that like can be compared with like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ssn.faces.occlude import mask_bottom, mask_top, occlude
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import FACE_SIZE, AlignedFace, Branch
from ssn.gallery.condition import COVERS, HIDING, Cover, cover_of
from ssn.recognizer import Recognizer

MASKS = 4
"""Masks drawn of each cover."""
ATTEMPTS = 1000
BRANCHES: tuple[Branch, ...] = ("vis", "nir")


@dataclass(frozen=True)
class Strangers:
    """N people, one face each. ``enrolled`` (N, D); ``probes`` by (branch, cover) (N, D): the VIS ones behind a mask
    also stand for the enrolled face behind it. ``masks`` (N,) says which of the drawn masks each wore. All templates
    are of unit length; ``groups`` holds the groups each person belongs to."""

    enrolled: np.ndarray
    probes: dict[tuple[Branch, Cover], np.ndarray]
    masks: np.ndarray
    groups: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.enrolled)


def _ellipse(rng: np.random.Generator) -> np.ndarray:
    """Somewhere on the face, of any size and form, as a brush leaves it."""
    y, x = np.mgrid[0:FACE_SIZE, 0:FACE_SIZE]
    centre, radii = rng.uniform(20, FACE_SIZE - 20, 2), rng.uniform(10, 70, 2)
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1


def drawn_mask(cover: Cover, landmarks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask (128, 128) bool of that cover on a face with these landmarks (68, 2): the paper's rectangles for eyes and
    mouth, one or two ellipses for the others."""
    if cover in ("eyes", "mouth"):
        return mask_top(landmarks) if cover == "eyes" else mask_bottom(landmarks)
    for _ in range(ATTEMPTS):
        mask = _ellipse(rng)
        if rng.random() < 0.5:
            mask |= _ellipse(rng)
        if cover_of(mask, landmarks) == cover:
            return mask
    raise RuntimeError(f"no mask of cover {cover!r} in {ATTEMPTS} attempts")


def _masks(faces: Sequence[AlignedFace], seed: int) -> dict[Cover, list[np.ndarray]]:
    """``MASKS`` of each cover, drawn for faces at random."""
    rng = np.random.default_rng((seed, 17))
    landmarks = [points for points in (face.landmarks for face in faces) if points is not None]
    return {
        cover: [drawn_mask(cover, landmarks[rng.integers(len(landmarks))], rng) for _ in range(MASKS)]
        for cover in HIDING
    }


def embed_strangers(
    recognizer: Recognizer,
    faces: Sequence[AlignedFace],
    groups: Sequence[tuple[str, ...]],
    branches: Sequence[Branch] = BRANCHES,
    covers: Sequence[Cover] = COVERS,
    seed: int = 0,
    told: Callable[[float], None] = lambda share: None,
) -> Strangers:
    """VIS faces of N different people with landmarks → their templates, in bfloat16 where the machine has it. ``told``
    hears the share that is done."""
    steps = 2 + len(branches) * len(covers)
    enrolled = recognizer.embed_batch(list(faces), fast=True, enrolled=True)
    told(2 / steps)
    drawn, worn = _masks(faces, seed), np.arange(len(faces)) % MASKS
    probes: dict[tuple[Branch, Cover], np.ndarray] = {}
    for branch in branches:
        seen = list(faces) if branch == "vis" else [simulated_nir_face(face) for face in faces]
        for cover in covers:
            hidden = seen
            if cover != "none":
                hidden = [occlude(face, drawn[cover][number]) for face, number in zip(seen, worn, strict=True)]
            probes[branch, cover] = recognizer.embed_batch(hidden, fast=True)
            told((2 + len(probes)) / steps)
    return Strangers(enrolled, probes, worn, tuple(groups))
