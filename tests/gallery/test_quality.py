"""Quality at enrolment: held against a head that was turned by known angles, and pictures blurred by known amounts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ssn.errors import LandmarksUnknownError
from ssn.faces.align import align, alignment_transform
from ssn.faces.types import AlignedFace
from ssn.gallery.quality import HEAD, POINTS, measure_quality


def turned(yaw: float, pitch: float, landmarks: np.ndarray) -> np.ndarray:
    """The landmarks with the six of a head that looks there, far from the camera."""
    a, b = np.radians(yaw), np.radians(pitch)
    aside = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    down = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    points = HEAD @ (aside @ down).T + [0, 0, 1500]
    moved = landmarks.copy()
    moved[POINTS] = 1280 * points[:, :2] / points[:, 2:] + 64
    return moved


def face_of(landmarks: np.ndarray, pixels: np.ndarray | None = None, transform=None) -> AlignedFace:
    pixels = np.zeros((128, 128, 3), np.uint8) if pixels is None else pixels
    return AlignedFace(pixels, landmarks, np.eye(2, 3) if transform is None else transform)


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (20, 0), (-45, 0), (0, 15), (0, -25), (35, 12), (-10, -10)])
def test_the_angles_of_a_turned_head_come_back(landmarks, yaw, pitch):
    found = measure_quality(face_of(turned(yaw, pitch, landmarks)))
    assert found.yaw == pytest.approx(yaw, abs=0.1)
    assert found.pitch == pytest.approx(pitch, abs=0.1)
    assert any("aside" in word for word in found.concerns) == (abs(yaw) > 30)


@pytest.mark.parametrize(("scale", "angle"), [(1, 0), (0.4, 0), (5, 20), (2, -33)])
def test_eyes_and_roll_are_those_of_the_photo(landmarks, scale, angle):
    rotation = cv2.getRotationMatrix2D((64, 64), -angle, scale)  # OpenCV counts against the clock
    in_photo = landmarks @ rotation[:, :2].T + rotation[:, 2]
    eyes = np.linalg.norm(in_photo[42:48].mean(axis=0) - in_photo[36:42].mean(axis=0))
    level = np.degrees(np.arctan2(*(in_photo[42:48].mean(axis=0) - in_photo[36:42].mean(axis=0))[::-1]))
    found = measure_quality(align(np.zeros((300, 300, 3), np.uint8), in_photo))
    assert found.eyes == pytest.approx(eyes)
    assert found.roll == pytest.approx(level, abs=1e-6)
    assert any("small" in word for word in found.concerns) == (eyes < 32)
    assert np.isfinite(alignment_transform(in_photo)).all()


def test_a_blurred_picture_is_less_sharp_the_more_it_is_blurred(landmarks):
    sharp = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    pictures = [sharp, *(cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in (1, 2, 4, 8))]
    values = [measure_quality(face_of(landmarks, picture)).sharpness for picture in pictures]
    assert values == sorted(values, reverse=True)
    assert "blurred" in measure_quality(face_of(landmarks, pictures[-1])).concerns
    assert "blurred" not in measure_quality(face_of(landmarks, sharp)).concerns


def test_what_is_hidden_is_asked_and_told(landmarks):
    found = measure_quality(face_of(landmarks), lambda face: 0.4)
    assert found.hidden == 0.4
    assert "40 % hidden" in found.concerns
    assert "hidden" in found.text
    assert measure_quality(face_of(landmarks)).hidden is None


def test_a_stored_picture_has_no_quality():
    with pytest.raises(LandmarksUnknownError):
        measure_quality(AlignedFace(np.zeros((128, 128, 3), np.uint8), None, np.eye(2, 3)))
