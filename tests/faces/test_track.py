"""Faces followed by their boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.faces.track import PATIENCE, Tracker, overlap
from ssn.faces.types import FaceBox

SIDE = 40
edges = st.integers(0, SIDE - 1)


def boxes():
    """Boxes with whole pixels, which can be counted."""
    pairs = st.tuples(edges, edges).map(sorted)
    return st.tuples(pairs, pairs).map(lambda sides: (sides[0][0], sides[1][0], sides[0][1] + 1, sides[1][1] + 1))


def pixels(box) -> np.ndarray:
    inside = np.zeros((SIDE, SIDE), bool)
    inside[box[1] : box[3], box[0] : box[2]] = True
    return inside


@given(boxes(), boxes())
def test_overlap_is_what_counting_pixels_gives(first, second):
    one, other = pixels(first), pixels(second)
    assert overlap(first, second) == pytest.approx((one & other).sum() / (one | other).sum())
    assert overlap(first, second) == overlap(second, first)


def face(x: float, y: float = 0.0, side: float = 100.0) -> FaceBox:
    return FaceBox((x, y, x + side, y + side), np.zeros((5, 2)), 1.0)


def numbers(tracker: Tracker, *faces: FaceBox) -> list[int]:
    return [track.number for track in tracker.follow(faces)]


def test_two_people_who_walk_keep_their_numbers_in_whatever_order_they_are_found():
    tracker = Tracker()
    assert numbers(tracker, face(0), face(300)) == [1, 2]
    for step in range(1, 8):
        ada, ben = face(10 * step), face(300 - 10 * step, 20)
        assert numbers(tracker, ben, ada) == [2, 1]


def test_who_is_missing_for_a_moment_is_the_same_and_for_long_is_somebody_else():
    tracker = Tracker()
    assert numbers(tracker, face(0)) == [1]
    for _ in range(PATIENCE):
        assert numbers(tracker) == []
    assert numbers(tracker, face(5)) == [1]
    for _ in range(PATIENCE + 1):
        numbers(tracker)
    assert tracker.known() == set()
    assert numbers(tracker, face(5)) == [2]


def test_one_box_cannot_be_two_people():
    tracker = Tracker()
    numbers(tracker, face(0), face(30))
    assert sorted(numbers(tracker, face(14), face(16))) == [1, 2]
    assert len(set(numbers(tracker, face(10), face(12), face(14)))) == 3


def test_the_box_is_smoothed_and_comes_to_rest_where_the_face_is():
    tracker = Tracker()
    tracker.follow([face(0)])
    (moved,) = tracker.follow([face(20)])
    assert 0 < moved.box[0] < 20
    for _ in range(20):
        (moved,) = tracker.follow([face(20)])
    assert moved.box == pytest.approx(face(20).xyxy, abs=0.01)
