"""Who is meant: one rule, its limits, and the numbers drawn for the choice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.errors import NoFaceError, SeveralFacesError
from ssn.faces.subject import (
    CLEAR_MARGIN,
    FARTHEST_OFF_CENTRE,
    NUMBERED_FIRST,
    by_number,
    choose_subject,
    numbered_picture,
)
from ssn.faces.types import FaceBox

IMAGE = np.full((200, 400, 3), 90, np.uint8)


def box(x: float, y: float, side: float) -> FaceBox:
    """A square face about (x, y)."""
    return FaceBox((x - side / 2, y - side / 2, x + side / 2, y + side / 2), np.zeros((5, 2)), 0.99)


def test_the_only_face_is_meant_wherever_it_is():
    for place in ((200, 100), (20, 20), (390, 190)):
        subject = choose_subject(IMAGE, [box(*place, 30)])
        assert (subject.index, subject.number, subject.count) == (0, 1, 1)
        assert "only" in subject.reason


@pytest.mark.parametrize("small", [(200, 100, 40), (260, 60, 30), (390, 20, 60)])
def test_the_large_face_at_the_left_is_meant_and_not_the_small_one_in_the_middle(small):
    subject = choose_subject(IMAGE, [box(110, 100, 110), box(*small)])
    assert subject.index == 0
    assert "largest of 2" in subject.reason


@pytest.mark.parametrize("sides", [(100, 100), (100, 80), (100, 99, 98)])
def test_faces_nearly_alike_are_refused_with_the_choice(sides):
    faces = [box(80 + 110 * i, 100, side) for i, side in enumerate(sides)]
    with pytest.raises(
        SeveralFacesError, match=f"1 to {len(sides)} from left to right; the largest is number 1"
    ) as caught:
        choose_subject(IMAGE, faces)
    assert caught.value.count == len(sides)
    assert "times as large" in str(caught.value)


@pytest.mark.parametrize("place", [(30, 100), (375, 100), (200, 15)])
def test_a_large_face_at_the_edge_is_not_clearly_meant(place):
    with pytest.raises(SeveralFacesError, match="far off the middle"):
        choose_subject(IMAGE, [box(*place, 100), box(200, 100, 30)])


def test_a_choice_by_number_is_followed_and_a_wrong_one_refused_in_the_numbers_shown():
    faces = [box(100, 100, 60), box(300, 100, 50)]
    assert [choose_subject(IMAGE, faces, i).index for i in (0, 1)] == [0, 1]
    for wrong in (2, -1):
        with pytest.raises(NoFaceError, match=f"number {wrong + 1}"):
            choose_subject(IMAGE, faces, wrong)
    with pytest.raises(NoFaceError, match="No face"):
        choose_subject(IMAGE, [])


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 200), st.floats(10, 150)), min_size=2, max_size=5))
def test_whoever_is_meant_is_largest_by_the_margin_and_near_the_middle(places):
    faces = sorted((box(*place) for place in places), key=lambda face: -face.area)
    x, y, _ = max(places, key=lambda place: place[2])
    clear = faces[0].area >= CLEAR_MARGIN * faces[1].area
    near = max(abs(x / 400 - 0.5), abs(y / 200 - 0.5)) <= FARTHEST_OFF_CENTRE
    if clear and near:
        assert choose_subject(IMAGE, faces).index == 0
    else:
        with pytest.raises(SeveralFacesError):
            choose_subject(IMAGE, faces)


def test_every_face_gets_its_frame_and_number_and_the_picture_stays_as_it_was():
    faces = [box(100, 100, 90), box(300, 100, 60), box(395, 5, 40)]
    before = IMAGE.copy()
    drawn = numbered_picture(IMAGE, faces)
    assert np.array_equal(IMAGE, before)
    assert drawn.shape == IMAGE.shape
    for face in faces[:2]:
        left, top, right, bottom = (round(edge) for edge in face.xyxy)
        assert (drawn[bottom, left + 10 : right - 10] != 90).any()
        assert (drawn[top : top + 8, left : left + 8] != 90).any()
    alone = [numbered_picture(IMAGE, [face]) for face in faces[:2]]
    assert np.array_equal(drawn[50:150, 50:150], alone[0][50:150, 50:150]), "number 1 stays number 1"
    assert not np.array_equal(drawn[65:140, 265:340], alone[1][65:140, 265:340]), "number 2 is not drawn as 1"


def test_numbers_go_from_left_to_right_whoever_is_largest():
    faces = [box(200, 100, 110), box(350, 90, 60), box(40, 110, 50)]
    assert by_number(faces) == [2, 0, 1]
    assert choose_subject(IMAGE, faces).number == 2
    assert [choose_subject(IMAGE, faces, place).index for place in (0, 1, 2)] == [2, 0, 1]
    drawn = numbered_picture(IMAGE, faces)
    assert np.array_equal(drawn[80:140, 10:70], numbered_picture(IMAGE, faces[2:])[80:140, 10:70]), "the left one is 1"


def test_of_a_crowd_the_largest_are_numbered_before_the_others():
    large = [box(390 - place, 100, 60) for place in range(NUMBERED_FIRST)]
    order = by_number([*large, box(5, 100, 20), box(2, 100, 20)])
    assert order == [*range(NUMBERED_FIRST - 1, -1, -1), NUMBERED_FIRST + 1, NUMBERED_FIRST]
