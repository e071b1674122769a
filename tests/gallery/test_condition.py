"""What a mask is called."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.faces.occlude import mask_bottom, mask_top, occlude
from ssn.faces.types import AlignedFace
from ssn.gallery.condition import COVERS, LITTLE, SOME, condition_of, cover_of
from tests.drawn import mean_landmarks


def strip(rows: int) -> np.ndarray:
    """The lowest rows, below the mouth."""
    mask = np.zeros((128, 128), bool)
    mask[128 - rows :] = rows > 0
    return mask


def test_the_papers_masks_are_eyes_and_mouth(landmarks):
    assert cover_of(mask_top(landmarks), landmarks) == "eyes"
    assert cover_of(mask_bottom(landmarks), landmarks) == "mouth"


def test_both_or_neither_are_called_by_their_share(landmarks):
    assert cover_of(np.zeros((128, 128), bool), landmarks) == "none"
    assert cover_of(np.ones((128, 128), bool), landmarks) == "much"
    assert cover_of(strip(8), landmarks) == "little"
    assert cover_of(mask_bottom(landmarks), None) == "some", "nobody knows where the mouth is"


@given(st.integers(0, 128), st.booleans())
def test_every_mask_has_a_name_and_shares_are_kept_apart(rows, known):
    mask = strip(rows)
    cover = cover_of(mask, mean_landmarks() if known else None)
    assert cover in COVERS
    share = mask.mean()
    if not known:
        expected = "none" if share == 0 else "little" if share <= LITTLE else "some" if share <= SOME else "much"
        assert cover == expected
    if cover in ("eyes", "mouth"):
        assert share <= SOME


@pytest.mark.parametrize(("spectrum", "branch"), [("vis", "vis"), ("nir", "nir"), ("nir-simulated", "nir")])
def test_a_probes_condition_is_its_light_its_cover_and_the_score(landmarks, spectrum, branch):
    face = AlignedFace(np.zeros((128, 128, 3), np.uint8), landmarks, np.eye(2, 3), spectrum)
    assert condition_of(face, "alike").key == f"whole/{branch}/none", "nothing hidden: nothing to hide alike"
    hidden = occlude(face, mask_top(landmarks))
    assert condition_of(hidden).key == f"whole/{branch}/eyes"
    assert condition_of(hidden, "alike").key == f"alike/{branch}/eyes"
