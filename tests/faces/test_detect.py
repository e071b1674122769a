"""Detection and landmarks on the demo people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from facenet_pytorch.models import mtcnn

from ssn.errors import CheckpointError
from ssn.faces.align import align
from ssn.faces.detect import FaceDetector, central_face
from ssn.faces.landmarks import dlib_box, dlib_model_path, find_landmarks
from ssn.faces.read import read_image
from ssn.faces.types import FaceBox


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector("cpu")


@pytest.fixture(scope="module")
def photo(demo) -> np.ndarray:
    return read_image(demo[0].enrolment)


def box(x0: float, y0: float, x1: float, y1: float) -> FaceBox:
    five = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    return FaceBox((x0, y0, x1, y1), five * [x1 - x0, y1 - y0] + [x0, y0], 0.99)


def beside(*pictures: np.ndarray) -> np.ndarray:
    """Pictures in one row on gray."""
    height = max(picture.shape[0] for picture in pictures)
    padded = [np.pad(p, ((0, height - p.shape[0]), (0, 0), (0, 0)), constant_values=128) for p in pictures]
    return np.hstack(padded)


def test_the_area_of_a_box_is_never_negative():
    assert box(0, 0, 3, 4).area == 12
    assert FaceBox((5, 5, 1, 9), np.zeros((5, 2)), 1.0).area == 0


def test_the_central_face_is_the_one_nearest_the_middle():
    image = np.zeros((100, 200, 3), np.uint8)
    faces = [box(0, 0, 80, 80), box(90, 40, 120, 70), box(170, 70, 200, 100)]
    assert central_face(image, faces) is faces[1]
    assert central_face(image, []) is None


@pytest.mark.parametrize(
    "shape", [(1, 1), (23, 500), (24, 24), (24, 2000), (3000, 30), (40, 41)], ids=lambda s: "×".join(map(str, s))
)
def test_pictures_without_a_face_give_an_empty_list_whatever_their_shape(detector, shape):
    assert detector.detect(np.full((*shape, 3), 128, np.uint8)) == []


def test_noise_and_an_unwritable_picture_are_no_trouble(detector):
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    noise.setflags(write=False)
    assert isinstance(detector.detect(noise), list)


def test_every_demo_photo_shows_exactly_one_face(detector, demo):
    for person in demo[:6]:
        image = read_image(person.enrolment)
        faces = detector.detect(image)
        assert len(faces) == 1, person.name
        x0, _, x1, y1 = faces[0].xyxy
        assert 0.9 <= faces[0].confidence <= 1
        assert faces[0].points.shape == (5, 2)
        left, right, nose, *mouth = faces[0].points
        assert x0 < left[0] < nose[0] < right[0] < x1
        assert max(left[1], right[1]) < nose[1] < min(m[1] for m in mouth) < y1


def test_all_faces_of_a_picture_are_returned_largest_first(detector, demo):
    first, second, third = (read_image(person.enrolment) for person in demo[:3])
    half = cv2.resize(second, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    middle = cv2.resize(third, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    faces = detector.detect(beside(half, first, middle))
    assert len(faces) == 3
    areas = [face.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    edges = np.cumsum([0, half.shape[1], first.shape[1], middle.shape[1]])
    places = [int(np.searchsorted(edges, face.points[2, 0])) - 1 for face in faces]
    assert places == [1, 2, 0]


def test_no_face_of_forty_pixels_is_lost_and_less_is_looked_for_where_a_photo_is_shrunk(detector, photo):
    face = detector.detect(photo)[0]
    for width in (42, 50):
        factor = width / (face.xyxy[2] - face.xyxy[0])
        small = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        assert (
            len(detector.detect(cv2.copyMakeBorder(small, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(128,) * 3))) == 1
        )
    sizes = [detector.smallest(np.zeros((side, side, 3), np.uint8)) for side in (300, 800, 1000, 1600)]
    assert sizes == pytest.approx([24 / 0.709, 24 / 0.709, 30, 48])


def test_a_large_picture_gives_boxes_in_its_own_pixels(detector, photo):
    large = cv2.resize(photo, None, fx=7, fy=7, interpolation=cv2.INTER_CUBIC)
    assert max(large.shape) > 1500
    found, expected = detector.detect(large), detector.detect(photo)
    assert len(found) == len(expected) == 1
    side = np.sqrt(expected[0].area)
    assert np.abs(found[0].points / 7 - expected[0].points).max() < 0.06 * side


def test_sixty_eight_landmarks_lie_on_the_face_in_order(detector, demo):
    for person in demo[:6]:
        image = read_image(person.enrolment)
        face = detector.detect(image)[0]
        points = find_landmarks(image, face)
        assert points.shape == (68, 2)
        size = np.sqrt(face.area)
        assert np.abs(points[36:42].mean(0) - face.points[0]).max() < 0.12 * size
        assert np.abs(points[42:48].mean(0) - face.points[1]).max() < 0.12 * size
        assert np.abs(points[30] - face.points[2]).max() < 0.15 * size
        assert points[0, 0] < points[8, 0] < points[16, 0]
        assert points[8, 1] > points[57, 1] > points[33, 1] > points[27, 1]


def test_the_whole_way_from_picture_to_aligned_face_levels_a_tilted_head(detector, photo):
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 20, 1.0)
    tilted = cv2.warpAffine(photo, turn, (width, height), borderValue=(128, 128, 128))
    faces = [
        align(image, find_landmarks(image, detector.detect(image)[0])).pixels[16:112, 24:104].astype(float)
        for image in (photo, tilted)
    ]
    straight, tilted_straight = (cv2.GaussianBlur(face, (0, 0), 2).ravel() for face in faces)
    assert np.corrcoef(straight, tilted_straight)[0, 1] > 0.9


def test_the_landmark_box_is_a_square_around_the_inner_face():
    rectangle = dlib_box(box(100, 100, 200, 200))
    assert abs(rectangle.width() - rectangle.height()) <= 1
    assert 100 < rectangle.center().x < 200
    assert 140 < rectangle.center().y < 180


def test_a_missing_model_file_says_what_to_install():
    with pytest.raises(CheckpointError, match="face_recognition_models"):
        dlib_model_path("no-such-model.dat")


def test_the_detector_needs_no_network_weights_beyond_its_wheel():
    weights = Path(mtcnn.__file__).parents[1] / "data"
    assert {"pnet.pt", "rnet.pt", "onet.pt"} <= {path.name for path in weights.iterdir()}


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_looked_at_turned_is_the_turned_picture(detector, photo, turns):
    large = cv2.resize(np.rot90(photo, -turns), (901, 803))
    asked, turned = detector.detect(large, turns=turns), detector.detect(np.ascontiguousarray(np.rot90(large, turns)))
    assert len(asked) == len(turned) == 1
    assert asked[0].xyxy == pytest.approx(turned[0].xyxy, abs=0.5)
    assert asked[0].points == pytest.approx(turned[0].points, abs=0.5)


def test_turns_looked_at_side_by_side_show_what_each_shows_alone(detector, demo):
    """Three people on one sheet, each laid another way."""
    photos = [np.rot90(read_image(person.enrolment), -turn) for turn, person in enumerate(demo[:3], start=1)]
    sheet = np.hstack(photos)
    side_by_side = detector.detect_in_turns(sheet, [1, 2, 3])
    for turn in (1, 2, 3):
        alone = [face for face in detector.detect(sheet, turns=turn) if face.confidence > 0.99]
        found = [face for turned, face in side_by_side if turned == turn and face.confidence > 0.99]
        assert len(alone) == len(found) == 1
        assert found[0].xyxy == pytest.approx(alone[0].xyxy, abs=8)
        assert found[0].points == pytest.approx(alone[0].points, abs=8)
    assert detector.detect_in_turns(sheet[:10], [1, 2]) == []
