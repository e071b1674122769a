"""Strangers for the cohort: stored faces → their templates in every condition in which a probe can be compared.

Each person gives one face. It is enrolled in VIS, and shown as a probe in VIS and in simulated NIR, complete and behind
masks of every cover. A mask is shared by every ``MASKS``-th person, so that like can be compared with like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ssn.faces.occlude import mask_bottom, mask_top, occlude
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import FACE_SIZE, AlignedFace, Branch
from ssn.gallery.cell_score import CellScorer, MeanMaps
from ssn.gallery.condition import COVERS, HIDING, Cover, cover_of
from ssn.gallery.parts import FaceParts, enrolled_parts
from ssn.models.cells import cell_weights
from ssn.recognizer import Recognizer

MASKS = 4
"""Masks drawn of each cover."""
ATTEMPTS = 1000
BRANCHES: tuple[Branch, ...] = ("vis", "nir")


@dataclass(frozen=True)
class StrangersCells:
    """``means``: their mean last maps (C, 8, 8) by branch. ``seen`` by (branch, cover) (N, D): of each probe the
    template of what its mask shows. ``hidden`` by cover (MASKS, N, D): of everybody enrolled the template without what
    each of the masks hides."""

    means: MeanMaps
    seen: dict[tuple[Branch, Cover], np.ndarray]
    hidden: dict[Cover, np.ndarray]


@dataclass(frozen=True)
class Strangers:
    """N people, one face each. ``enrolled`` (N, D); ``probes`` by (branch, cover) (N, D): the VIS ones behind a mask
    also stand for the enrolled face behind it. ``masks`` (N,) says which of the drawn masks each wore. All templates
    are of unit length; ``groups`` holds the groups each person belongs to. ``cells`` is for the score by cells, None of
    a network that has none."""

    enrolled: np.ndarray
    probes: dict[tuple[Branch, Cover], np.ndarray]
    masks: np.ndarray
    groups: tuple[tuple[str, ...], ...]
    cells: StrangersCells | None = None

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
    means: MeanMaps | None = None,
) -> Strangers:
    """VIS faces of N different people with landmarks → their templates, in bfloat16 where the machine has it. ``means``
    are others' mean maps, their own if not given; by cells they are seen where one of the two is known and something is
    hidden. ``told`` hears the share that is done."""
    steps = 2 + len(branches) * len(covers)
    hiding = [cover for cover in covers if cover != "none"]
    looked = _Looked(recognizer, means, by_cells=bool(hiding) and (means is not None or "none" in covers))
    enrolled = looked.enrol(list(faces))
    told(2 / steps)
    drawn, worn = _masks(faces, seed), np.arange(len(faces)) % MASKS
    probes: dict[tuple[Branch, Cover], np.ndarray] = {}
    for branch in branches:
        seen = list(faces) if branch == "vis" else [simulated_nir_face(face) for face in faces]
        for cover in covers:
            hidden = seen
            if cover != "none":
                hidden = [occlude(face, drawn[cover][number]) for face, number in zip(seen, worn, strict=True)]
            probes[branch, cover] = looked.search(hidden, branch, cover, drawn.get(cover, []), worn)
            told((2 + len(probes)) / steps)
    return Strangers(enrolled, probes, worn, tuple(groups), looked.cells({cover: drawn[cover] for cover in hiding}))


class _Looked:
    """Templates of strangers, and what their cells say, from the same passes."""

    def __init__(self, recognizer: Recognizer, means: MeanMaps | None, by_cells: bool):
        self.recognizer, self.known = recognizer, means
        self.by_cells = by_cells and recognizer.cells is not None
        self.means: dict[Branch, np.ndarray] = {}
        self.seen: dict[tuple[Branch, Cover], np.ndarray] = {}
        self.parts: FaceParts | None = None

    def enrol(self, faces: list[AlignedFace]) -> np.ndarray:
        """→ (N, D)."""
        if not self.by_cells:
            return self.recognizer.embed_batch(faces, fast=True, enrolled=True)
        enrolled, self.parts = enrolled_parts(self.recognizer, faces, fast=True)
        return enrolled

    def search(
        self, faces: list[AlignedFace], branch: Branch, cover: Cover, masks: list[np.ndarray], worn: np.ndarray
    ) -> np.ndarray:
        """Probes, of which the i-th is behind mask number ``worn[i]`` → (N, D). The complete ones of a branch come
        first: they give its mean map, where no other is known."""
        if not self.by_cells:
            return self.recognizer.embed_batch(faces, fast=True)
        units, maps = self.recognizer.last_maps(faces, fast=True)
        if cover == "none":
            self.means[branch] = maps.mean(dim=0).cpu().numpy()
            return units
        scorer, seen = self._scorer, np.empty_like(units)
        for number, mask in enumerate(masks):
            wearing = worn == number
            weights = cell_weights(torch.from_numpy(1 - mask.astype(np.float32))).to(scorer.device)
            seen[wearing] = scorer.seen_of_maps(maps[torch.from_numpy(wearing)], weights, branch).cpu().numpy()
        self.seen[branch, cover] = seen
        return units

    def cells(self, drawn: dict[Cover, list[np.ndarray]]) -> StrangersCells | None:
        """Everybody enrolled without what each mask hides; and the rest."""
        if self.parts is None:
            return None
        scorer, hidden = self._scorer, {}
        for cover, masks in drawn.items():
            weights = [cell_weights(torch.from_numpy(1 - mask.astype(np.float32))).to(scorer.device) for mask in masks]
            rows = [scorer.seen(self.parts, ["vis"] * len(self.parts), one).cpu().numpy() for one in weights]
            hidden[cover] = np.stack(rows)
        return StrangersCells(self.known or self.means, self.seen, hidden)

    @property
    def _scorer(self) -> CellScorer:
        return CellScorer(self.recognizer, self.known or self.means)
