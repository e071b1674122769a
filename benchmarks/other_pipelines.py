"""Other programs from a photo's bytes to a ranking, as their own examples have it."""

from __future__ import annotations

import io

import dlib
import numpy as np
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1
from PIL import Image

from benchmarks.turns import Work
from ssn.faces.landmarks import dlib_model_path

ENROLLED = 10_000
"""Templates that are ranked."""


def unit_rows(count: int, width: int) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nearest(rows: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The five nearest by Euclidean distance, as both of these packages say."""
    return np.argsort(np.linalg.norm(rows - row, axis=1))[:5]


def dlibs_way(photo: bytes) -> Work:
    """As dlib's own example has it, and face_recognition by default: the HOG detector on the picture at twice its size,
    68 landmarks, 128 numbers."""
    detector = dlib.get_frontal_face_detector()
    landmarks = dlib.shape_predictor(str(dlib_model_path("shape_predictor_68_face_landmarks.dat")))
    network = dlib.face_recognition_model_v1(str(dlib_model_path("dlib_face_recognition_resnet_model_v1.dat")))
    enrolled = unit_rows(ENROLLED, 128)

    def run() -> object:
        image = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"))
        (box, *_) = detector(image, 1)
        return nearest(enrolled, np.array(network.compute_face_descriptor(image, landmarks(image, box))))

    return run


def facenets_way(photo: bytes) -> Work:
    """As facenet-pytorch's manual has it."""
    cascade, network = MTCNN(image_size=160), InceptionResnetV1(pretrained=None, classify=False).eval()
    enrolled = unit_rows(ENROLLED, 512)

    def run() -> object:
        face = cascade(Image.open(io.BytesIO(photo)).convert("RGB"))
        with torch.no_grad():
            return nearest(enrolled, network(face[None])[0].numpy())

    return run
