"""A recogniser and a finder without networks, and people who are coloured squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ssn.errors import ImageError
from ssn.faces.finder import FaceFinder, Found
from ssn.faces.types import AlignedFace, FaceBox
from ssn.models.card import ModelCard
from ssn.recognizer import Template

SQUARES = 16
TOY = "toy-model"


def picture(seed: int, noise: int = 0) -> Image.Image:
    """Somebody: 16×16 random squares. ``noise`` makes another photo of the same person."""
    squares = np.random.default_rng(seed).integers(30, 220, (SQUARES, SQUARES, 3))
    squares = squares + (np.random.default_rng(noise).integers(-9, 10, squares.shape) if noise else 0)
    return Image.fromarray(np.kron(squares, np.ones((8, 8, 1))).astype(np.uint8))


def save(path: Path, seed: int, noise: int = 0) -> Path:
    """A photo of somebody as a file, in folders made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, noise).save(path, "PNG")
    return path


class ToyFinder(FaceFinder):
    """A picture is one face; an even gray one shows nobody. ``detections`` counts the pictures that were searched."""

    def __init__(self):
        super().__init__()
        self.detections = 0

    def find(self, image: np.ndarray) -> Found:
        self.detections += 1
        height, width = image.shape[:2]
        box = FaceBox((0, 0, width, height), np.zeros((5, 2)), 1.0)
        return Found(image, (box,) if image.std() > 1 else ())

    def align(self, image: np.ndarray, face: FaceBox, spectrum: str = "vis") -> AlignedFace:
        if image.shape[:2] != (128, 128):
            raise ImageError("Toys are 128 pixels wide.")
        return AlignedFace(image, np.zeros((68, 2)), np.eye(2, 3), spectrum)


class ToyRecognizer:
    """The template of a face is its 256 gray squares."""

    def __init__(self, model_id: str = TOY):
        self.card = ModelCard("toy", model_id=model_id, thresholds={"0.01": 0.5, "0.001": 0.9})
        self.model_id, self.device = model_id, torch.device("cpu")
        self.cells = None

    def embed_batch(self, faces: list[AlignedFace], fast: bool | None = None, enrolled: bool = False) -> np.ndarray:
        gray = np.stack([face.pixels.mean(axis=2) for face in faces]) if faces else np.zeros((0, 128, 128))
        rows = gray.reshape(-1, SQUARES, 8, SQUARES, 8).mean(axis=(2, 4)).reshape(-1, SQUARES**2)
        rows = rows - rows.mean(axis=1, keepdims=True)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def embed(self, face: AlignedFace) -> Template:
        return Template(self.embed_batch([face])[0], self.model_id, face.spectrum)

    enrolment = embed
