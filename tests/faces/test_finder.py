"""From picture to aligned face: turned, tilted and dark pictures, and what is said of those without a face."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ssn.errors import NoFaceError, SeveralFacesError
from ssn.faces.align import align
from ssn.faces.finder import MOST_DISAGREEMENT, FaceFinder, shared_finder
from ssn.faces.landmarks import disagreement, find_landmarks
from ssn.faces.read import read_image
from ssn.faces.types import AlignedFace

GRAY = (128, 128, 128)


def score(recognizer, first: AlignedFace, second: AlignedFace) -> float:
    return recognizer.embed(first).similarity(recognizer.embed(second))


def tilted(image: np.ndarray, degrees: float) -> np.ndarray:
    """The photo turned to the left about its middle, on gray, with room for its corners."""
    height, width = image.shape[:2]
    edges = (height // 2, height // 2, width // 2, width // 2)
    wide = cv2.copyMakeBorder(image, *edges, cv2.BORDER_CONSTANT, value=GRAY)
    turn = cv2.getRotationMatrix2D((width, height), degrees, 1.0)
    return cv2.warpAffine(wide, turn, wide.shape[1::-1], borderValue=GRAY)


def with_small_face(image: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(small, 90, 90, 90, 90, cv2.BORDER_CONSTANT, value=GRAY)


def test_a_photo_becomes_an_aligned_face(finder, demo):
    face = finder.face(demo[0].enrolment, spectrum="nir")
    assert face.pixels.shape == (128, 128, 3)
    assert face.spectrum == "nir"
    assert (face.subject.number, face.subject.count) == (1, 1)
    eyes, mouth = face.landmarks[36:48].mean(0), (face.landmarks[48] + face.landmarks[54]) / 2
    assert np.allclose(eyes, (64, 40), atol=0.01)
    assert mouth[1] == pytest.approx(88, abs=0.01)


def test_an_upright_photo_is_aligned_as_detector_landmarks_and_alignment_do_by_hand(finder, demo):
    for person in demo[:4]:
        image = read_image(person.enrolment)
        box = finder.detector.detect(image)[0]
        by_hand = align(image, find_landmarks(image, box))
        face = finder.face(person.enrolment)
        assert np.array_equal(face.pixels, by_hand.pixels)
        assert np.array_equal(face.transform, by_hand.transform)
        assert np.array_equal(finder.central_landmarks(image), find_landmarks(image, box))


def test_the_finder_of_a_device_is_loaded_once():
    assert shared_finder("cpu") is shared_finder("cpu")
    assert isinstance(shared_finder("cpu"), FaceFinder)


def test_two_alike_are_refused_until_one_is_chosen(finder, demo):
    pair = np.hstack([read_image(person.enrolment) for person in demo[:2]])
    with pytest.raises(SeveralFacesError) as caught:
        finder.face(pair)
    assert caught.value.count == 2
    both = [finder.face(pair, index=i) for i in (0, 1)]
    assert not np.array_equal(*(face.pixels for face in both))
    assert [face.subject.number for face in both] == [1, 2]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_photo_in_any_quarter_turn_gives_the_template_of_the_upright_one(turns, finder, recognizer, demo):
    for person in demo[:4]:
        image = read_image(person.enrolment)
        turned = np.ascontiguousarray(np.rot90(image, turns))
        (box,) = finder.find(turned).faces
        assert box.quarter_turns == 4 - turns
        assert score(recognizer, finder.face(image), finder.face(turned)) >= 0.95, person.name


def test_a_simulated_nir_photo_upside_down_gives_the_template_of_the_upright_one(finder, recognizer, demo):
    for person in demo[:3]:
        image = read_image(person.probes[0].file)
        upright, turned = (finder.face(photo, "nir") for photo in (image, np.ascontiguousarray(image[::-1, ::-1])))
        assert score(recognizer, upright, turned) >= 0.95, person.name


@pytest.mark.parametrize("degrees", [-45, -30, 30, 45, 60])
def test_a_tilted_head_is_levelled(degrees, finder, recognizer, demo):
    for person in (demo[1], demo[2], demo[4]):
        image = read_image(person.enrolment)
        assert score(recognizer, finder.face(image), finder.face(tilted(image, degrees))) > 0.85, person.name


def test_the_box_and_points_of_a_turned_face_lie_on_it(finder, demo):
    image = read_image(demo[0].enrolment)
    upright = finder.find(image).faces[0]
    width, height = image.shape[1::-1]
    (turned,) = finder.find(np.ascontiguousarray(image[::-1, ::-1])).faces
    x0, y0, x1, y1 = upright.xyxy
    assert np.allclose(turned.xyxy, (width - 1 - x1, height - 1 - y1, width - 1 - x0, height - 1 - y0), atol=0.01)
    assert np.allclose(turned.points, (width - 1, height - 1) - upright.points, atol=0.01)


def test_where_landmarks_and_detector_do_not_agree_the_face_is_refused(finder, demo):
    for person in demo[:3]:
        image = read_image(person.enrolment)
        (box,) = finder.find(image).faces
        assert disagreement(box, find_landmarks(image, box)) < 0.2
        for slant in (-2.4, 2.0, 2.4):
            shear = slant * (box.points[:, 1:] - box.points[:, 1:].mean()) * (1, 0)
            wrong = replace(box, points=box.points + shear)  # eyes beside the mouth, level all the same
            assert disagreement(wrong, find_landmarks(image, wrong)) > MOST_DISAGREEMENT
            with pytest.raises(NoFaceError, match="turned too far"):
                finder.align(image, wrong)


@pytest.mark.parametrize("light", [0.1, 0.15, 0.2])
def test_dark_frames_show_their_faces_brightened(light, finder, recognizer, demo):
    photos = [person.probes[0].file for person in demo[:24]]
    found = 0
    for place, file in enumerate(photos):
        image = read_image(file)
        dark = np.round(image * light).astype(np.uint8)
        seen = finder.find(dark)
        found += len(seen.faces) == 1
        assert seen.brightened
        if place < 3:
            assert score(recognizer, finder.face(image, "nir"), finder.face(dark, "nir")) > 0.9
    assert found >= 23


def test_a_face_in_the_dark_beside_a_lamp_is_found(finder, demo):
    for person in demo[:3]:
        dark = np.round(read_image(person.probes[0].file) * 0.1).astype(np.uint8)
        lamp = np.full((dark.shape[0], 12, 3), 255, np.uint8)
        assert len(finder.find(np.hstack([dark, lamp])).faces) <= 1  # never a second one where the lamp is
        assert len(finder.find(np.hstack([dark, lamp[:, :1]])).faces) == 1


@pytest.mark.parametrize("level", [0, 5, 40])
def test_a_dark_picture_without_a_face_is_called_dark(level, finder):
    with pytest.raises(NoFaceError, match="too dark"):
        finder.face(np.full((200, 240, 3), level, np.uint8))


@pytest.mark.parametrize("level", [250, 253, 255])
def test_a_white_picture_is_called_burnt_out(level, finder):
    with pytest.raises(NoFaceError, match="burnt out"):
        finder.face(np.full((200, 240, 3), level, np.uint8))


@pytest.mark.parametrize("level", [70, 128, 240])
def test_an_even_picture_is_called_empty(level, finder):
    with pytest.raises(NoFaceError, match="empty"):
        finder.face(np.full((200, 240, 3), level, np.uint8))


@pytest.mark.parametrize("side", [18, 22, 26])
def test_a_small_face_is_called_small_with_its_size(side, finder, demo):
    with pytest.raises(NoFaceError, match=r"too small, about 1?[0-9] pixels"):
        finder.face(with_small_face(read_image(demo[0].enrolment), side))


@pytest.mark.parametrize("around", [255, 128, 3])
def test_a_small_face_on_a_large_even_ground_is_called_small(around, finder, demo):
    image = np.full((700, 900, 3), around, np.uint8)
    small = cv2.resize(read_image(demo[0].enrolment), (34, 34), interpolation=cv2.INTER_AREA)
    image[300:334, 400:434] = small * (0.2 if around == 3 else 1)
    with pytest.raises(NoFaceError, match="too small, about"):
        finder.face(image)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_blotches_are_called_neither_dark_nor_small(seed, finder):
    blotches = np.random.default_rng(seed).integers(60, 200, (6, 8, 3), dtype=np.uint8)
    with pytest.raises(NoFaceError, match="quarter turns"):
        finder.face(cv2.resize(blotches, (320, 240), interpolation=cv2.INTER_CUBIC))


def test_a_data_set_photo_has_the_landmarks_of_the_face_in_its_middle(finder, demo):
    first, second, third = (read_image(person.enrolment) for person in demo[:3])
    row = np.hstack([first, second, third])
    points = finder.central_landmarks(row)
    assert first.shape[1] < points[30, 0] < first.shape[1] + second.shape[1]
    assert finder.central_landmarks(np.full((200, 200, 3), 128, np.uint8)) is None


def with_lamp(dark: np.ndarray) -> np.ndarray:
    lit = dark.copy()
    cv2.circle(lit, (lit.shape[1] // 8, lit.shape[0] // 8), lit.shape[0] // 14, (255, 255, 255), -1)
    return lit


def with_date(dark: np.ndarray) -> np.ndarray:
    """As cameras write it into the picture."""
    lit = dark.copy()
    cv2.putText(lit, "2021-03-04 05:06", (4, lit.shape[0] - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    return lit


def with_window(dark: np.ndarray) -> np.ndarray:
    lit = dark.copy()
    lit[: lit.shape[0] // 8, -lit.shape[1] // 4 :] = 240
    return lit


@pytest.mark.parametrize("light", [with_lamp, with_date, with_window])
def test_lamps_dates_and_windows_leave_no_face_in_the_dark(light, finder, recognizer, demo):
    for person in demo[:2]:
        image = read_image(person.probes[0].file)
        seen = finder.find(light(np.round(image * 0.1).astype(np.uint8)))
        assert seen.brightened
        assert score(recognizer, finder.face(image, "nir"), finder.pick(seen, "nir")) > 0.8


def test_a_picture_that_is_dark_but_for_a_lamp_is_called_so(finder):
    dark = np.random.default_rng(0).integers(0, 20, (200, 200, 1), dtype=np.uint8).repeat(3, axis=2)
    with pytest.raises(NoFaceError, match="but for a few bright spots the picture is too dark"):
        finder.face(with_lamp(dark))


def test_landmarks_are_looked_for_once_a_face(finder, demo, monkeypatch):
    looked_for = []
    monkeypatch.setattr(
        "ssn.faces.finder.find_landmarks", lambda image, face: looked_for.append(face) or find_landmarks(image, face)
    )
    image = read_image(demo[0].enrolment)
    found = finder.find(image)
    chosen = finder.pick(found)
    assert len(looked_for) == len(found.faces) == 1
    again = finder.align(found.image, found.faces[0])
    assert np.array_equal(chosen.pixels, again.pixels)
    assert np.array_equal(chosen.landmarks, again.landmarks)


def sheet(demo, *faces: tuple[int, int, int, int]) -> np.ndarray:
    """Photos of demo people on gray: (side, left, top, quarter turns) of each."""
    image = np.full((500, 900, 3), 120, np.uint8)
    for person, (side, left, top, turns) in zip(demo, faces, strict=False):
        small = cv2.resize(read_image(person.enrolment), (side, side), interpolation=cv2.INTER_AREA)
        image[top : top + side, left : left + side] = np.rot90(small, turns)
    return image


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_somebody_as_large_who_is_turned_another_way_is_not_passed_over(turns, finder, demo):
    with pytest.raises(SeveralFacesError, match="2 faces"):
        finder.face(sheet(demo, (300, 20, 100, 0), (300, 520, 100, turns)))
    alike = finder.find(sheet(demo, (300, 20, 100, 0), (300, 520, 100, turns)))
    assert {face.quarter_turns for face in alike.faces} == {0, (4 - turns) % 4}
    assert [face.area for face in alike.faces] == sorted((face.area for face in alike.faces), reverse=True)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_small_upright_face_is_not_taken_for_a_large_turned_one(turns, finder, recognizer, demo):
    face = finder.face(sheet(demo, (150, 20, 300, 0), (400, 350, 50, turns)))
    assert (face.subject.number, face.subject.count) == (2, 2)
    assert score(recognizer, face, finder.face(demo[1].enrolment)) > 0.9
    alone = finder.face(sheet(demo, (360, 120, 100, 0), (60, 700, 100, turns)))
    assert score(recognizer, alone, finder.face(demo[0].enrolment)) > 0.9, "nobody would mean one so small"
