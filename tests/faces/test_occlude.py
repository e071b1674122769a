"""The paper's two rectangles against a naive loop over its formulas, and masks laid on faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ssn.errors import ImageError
from ssn.faces.occlude import OCCLUSIONS, mask_bottom, mask_top, named_mask, occlude
from ssn.faces.types import AlignedFace


def naive_mask(name: str, landmarks: np.ndarray) -> np.ndarray:
    """The formulas as printed, with the paper's numbers from 1, one pixel after the other."""
    x = {n: landmarks[n - 1, 0] for n in range(1, 69)}
    y = {n: landmarks[n - 1, 1] for n in range(1, 69)}
    height = y[10] - y[30]
    if name == "maskBottom":
        width = x[14] - x[2]
        left, top = x[30] - width / 2, y[30]
    else:
        width = x[27] - x[18]
        left, top = x[18], y[18]
    mask = np.zeros((128, 128), bool)
    for row in range(128):
        for column in range(128):
            mask[row, column] = left <= column < left + width and top <= row < top + height
    return mask


def face_of(landmarks: np.ndarray, shade: int = 90) -> AlignedFace:
    return AlignedFace(np.full((128, 128, 3), shade, np.uint8), landmarks, np.eye(2, 3))


points = npst.arrays(np.float64, (68, 2), elements=st.integers(-60 * 16, 200 * 16).map(lambda n: n / 16))


@pytest.mark.parametrize("name", ["maskTop", "maskBottom"])
@settings(max_examples=40)
@given(landmarks=points)
def test_the_rectangles_are_those_of_the_formulas(name, landmarks):
    assert np.array_equal(named_mask(name, landmarks), naive_mask(name, landmarks))


def test_mask_top_hides_the_eyes_and_mask_bottom_the_mouth(landmarks):
    for name, hidden, seen in (("maskTop", range(36, 48), range(48, 68)), ("maskBottom", range(48, 68), range(36, 48))):
        mask = named_mask(name, landmarks)
        covered = [mask[round(y), round(x)] for x, y in landmarks]
        assert all(covered[i] for i in hidden), name
        assert 100 < mask.sum() < 128 * 128 * 0.6
        if name == "maskBottom":
            assert not any(covered[i] for i in seen)


def test_a_rectangle_beyond_the_face_is_clipped(landmarks):
    assert mask_bottom(landmarks + np.array([0, 60]))[-1].any()
    assert not mask_bottom(landmarks + np.array([0, 500])).any()
    assert not mask_top(landmarks - [500, 0]).any()


def test_none_hides_nothing_and_the_names_are_three(landmarks):
    assert list(OCCLUSIONS) == ["none", "maskTop", "maskBottom"]
    assert not named_mask("none", landmarks).any()


def test_an_unknown_name_and_a_part_of_an_unknown_face_are_refused(landmarks):
    with pytest.raises(ImageError, match="no occlusion"):
        named_mask("scarf", landmarks)
    with pytest.raises(ImageError, match="not known"):
        named_mask("maskTop", None)
    assert not named_mask("none", None).any()


def test_what_is_hidden_is_black_and_noted_and_the_rest_untouched(landmarks):
    face = face_of(landmarks)
    mask = named_mask("maskBottom", landmarks)
    hidden = occlude(face, mask)
    assert not hidden.pixels[mask].any()
    assert (hidden.pixels[~mask] == 90).all()
    assert np.array_equal(hidden.mask, mask)
    assert hidden.mask.any()
    assert not face.mask.any()
    assert (face.pixels == 90).all(), "the complete face must stay as it was"


def test_hiding_twice_is_hiding_once_and_two_masks_add_up(landmarks):
    top, bottom = named_mask("maskTop", landmarks), named_mask("maskBottom", landmarks)
    once = occlude(face_of(landmarks), top)
    assert np.array_equal(occlude(once, top).pixels, once.pixels)
    both = occlude(once, bottom)
    assert np.array_equal(both.mask, top | bottom)
    assert np.array_equal(both.pixels[..., 0] == 0, top | bottom)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_a_painted_mask_may_hold_numbers(landmarks, dtype):
    mask = np.zeros((128, 128), dtype)
    mask[3, 5] = 1
    hidden = occlude(face_of(landmarks), mask)
    assert hidden.mask.dtype == bool
    assert hidden.mask.sum() == 1
    assert not hidden.pixels[3, 5].any()


@pytest.mark.parametrize("shape", [(64, 64), (128, 128, 3), (128,), (127, 128)])
def test_a_mask_of_another_shape_is_refused(landmarks, shape):
    with pytest.raises(ImageError, match="128×128"):
        occlude(face_of(landmarks), np.zeros(shape, bool))
