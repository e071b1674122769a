"""A recogniser whose last map is the picture itself in 8×8 cells, so that every number can be computed by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F

from ssn.faces.types import AlignedFace
from ssn.gallery.enrol import enrol_face
from ssn.gallery.sqlite import Gallery
from ssn.models.card import ModelCard
from ssn.models.cells import CellLayer
from ssn.recognizer import Template

CELL_TOY = "cell-toy"
CHANNELS = 3


class CellToy:
    """Colours of the cells → a linear layer, and with ``fold`` a maximum of its halves. ``passes`` counts the faces
    that were looked at, each side apart."""

    def __init__(self, fold: bool = False):
        generator = torch.Generator().manual_seed(3)
        self.layer = torch.nn.Linear(CHANNELS * 64, 512 if fold else 256)
        with torch.no_grad():
            self.layer.weight.copy_(torch.randn(self.layer.weight.shape, generator=generator))
            self.layer.bias.copy_(torch.randn(self.layer.bias.shape, generator=generator))
        self.fold, self.cells = fold, CellLayer(self.layer, fold)
        self.card, self.model_id = ModelCard("toy", model_id=CELL_TOY, thresholds={"0.01": 0.5, "0.001": 0.9}), CELL_TOY
        self.device, self.network, self.half = torch.device("cpu"), SimpleNamespace(width=256, adaptive=False), False
        self.passes = 0

    def map_of(self, pixels: np.ndarray) -> np.ndarray:
        """(128, 128, 3) → (3, 8, 8) float64."""
        return pixels.astype(float).reshape(8, 16, 8, 16, 3).mean(axis=(1, 3)).transpose(2, 0, 1) / 100 - 1

    def last_maps(self, faces, mirrored=False, batch=16, fast=False):
        faces = list(faces)
        self.passes += len(faces)
        pixels = [face.pixels[:, ::-1] if mirrored else face.pixels for face in faces]
        maps = torch.from_numpy(np.stack([self.map_of(one) for one in pixels])).float()
        with torch.no_grad():
            out = self.cells.embedding(self.layer(maps.flatten(1)))
        return F.normalize(out, dim=1).numpy(), maps

    def embed_batch(self, faces, batch=16, fast=False, enrolled=False):
        straight = self.last_maps(faces)[0]
        if not enrolled:
            return straight
        both = straight + self.last_maps(faces, mirrored=True)[0]
        return both / np.linalg.norm(both, axis=1, keepdims=True)

    def embed(self, face: AlignedFace) -> Template:
        return Template(self.embed_batch([face])[0], self.model_id, face.spectrum)

    def enrolment(self, face: AlignedFace) -> Template:
        return Template(self.embed_batch([face], enrolled=True)[0], self.model_id, face.spectrum)


MEANS = {
    branch: np.random.default_rng(seed).normal(0, 0.3, (CHANNELS, 8, 8)).astype(np.float32)
    for seed, branch in enumerate(("vis", "nir"))
}


def toy_face(seed: int, noise: int = 0, spectrum: str = "vis") -> AlignedFace:
    """Somebody: coloured squares; ``noise`` makes another photo of the same person."""
    squares = np.random.default_rng(seed).integers(30, 220, (16, 16, 3))
    squares = squares + (np.random.default_rng(noise).integers(-25, 26, squares.shape) if noise else 0)
    return AlignedFace(np.kron(squares, np.ones((8, 8, 1))).astype(np.uint8), None, np.eye(2, 3), spectrum)


def enrolled_gallery(recognizer: CellToy, path: str = ":memory:", people: int = 6) -> Gallery:
    """Ada, Ben, …, each by two photos."""
    gallery = Gallery(path, CELL_TOY)
    for seed in range(people):
        for noise in (0, 100 + seed):
            face = toy_face(seed, noise, "nir" if seed == 2 else "vis")
            enrol_face(gallery, recognizer, face, f"Person {seed}", "toy")
    return gallery
