"""Following a face through camera frames: where it moves, where it jumps, where it goes, where there is another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ssn.faces.detect import FaceDetector
from ssn.faces.read import read_image
from ssn.faces.track import CAMERA_FACE, CROP_SIDE, LOOK_AROUND, FaceTracker
from ssn.faces.types import FaceBox


class Counting(FaceDetector):
    """Notes the size of what it looked at."""

    def __init__(self):
        super().__init__("cpu", CAMERA_FACE)
        self.sizes: list[tuple[int, int]] = []

    def detect(self, image: np.ndarray, *rest) -> list[FaceBox]:
        self.sizes.append(image.shape[:2])
        return super().detect(image, *rest)


@pytest.fixture
def detector() -> Counting:
    return Counting()


def frame(photo: np.ndarray, x: int, y: int, side: int = 200) -> np.ndarray:
    """A 640×480 frame with the photo at (x, y)."""
    picture = np.full((480, 640, 3), 128, np.uint8)
    picture[y : y + side, x : x + side] = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    return picture


def overlap(first: FaceBox, second: FaceBox) -> float:
    """Intersection over union."""
    low, high = np.maximum(first.xyxy[:2], second.xyxy[:2]), np.minimum(first.xyxy[2:], second.xyxy[2:])
    shared = float(np.maximum(0, high - low).prod())
    return shared / (first.area + second.area - shared)


@pytest.mark.parametrize("person", [0, 1, 2])
@pytest.mark.parametrize("side", [120, 200, 320])
def test_a_moving_face_is_followed_in_crops_and_lies_where_detection_finds_it(person, side, detector, demo):
    photo, tracker, whole = read_image(demo[person].enrolment), FaceTracker(detector), FaceDetector("cpu", CAMERA_FACE)
    for step in range(6):
        picture = frame(photo, 60 + 12 * step, 40 + 6 * step, side)
        followed, wanted = tracker.next(picture), whole.detect(picture)[0]
        assert overlap(followed, wanted) > 0.7
        assert np.abs(followed.points - wanted.points).max() < 0.12 * np.sqrt(wanted.area)
    assert detector.sizes[0] == (480, 640)
    assert all(max(size) <= CROP_SIDE for size in detector.sizes[1:])


@pytest.mark.parametrize("place", [(420, 250), (420, 20), (20, 260)])
def test_a_face_that_jumps_is_found_again_in_the_same_frame(place, detector, demo):
    photo, tracker = read_image(demo[0].enrolment), FaceTracker(detector)
    tracker.next(frame(photo, 120, 120, 120))
    moved = frame(photo, *place, 200)
    assert overlap(tracker.next(moved), FaceDetector("cpu", CAMERA_FACE).detect(moved)[0]) > 0.7
    assert detector.sizes[-1] == (480, 640)


def test_a_face_that_goes_is_gone_and_one_that_comes_is_seen(detector, demo):
    empty, shown = np.full((480, 640, 3), 128, np.uint8), frame(read_image(demo[0].enrolment), 200, 100)
    tracker = FaceTracker(detector)
    answers = [tracker.next(picture) for picture in (empty, shown, empty, empty, shown)]
    assert [answer is not None for answer in answers] == [False, True, False, False, True]


def test_a_larger_face_that_joins_is_taken_after_a_while(detector, demo):
    first, second = (read_image(person.enrolment) for person in demo[:2])
    tracker = FaceTracker(detector)
    alone = frame(first, 40, 40, 130)
    tracker.next(alone)
    both = alone.copy()
    both[150:450, 320:620] = cv2.resize(second, (300, 300))
    boxes = [tracker.next(both) for _ in range(LOOK_AROUND + 1)]
    assert boxes[0].xyxy[2] < 200
    assert boxes[-1].xyxy[0] > 320
