"""What is hidden of probes: rectangles, which are known, and covers, which are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.errors import DataError, LandmarksUnknownError
from ssn.evaluation.probes import COVERS, as_probe, checked, hideable
from ssn.faces.occlude import OCCLUSIONS, named_mask
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace


@pytest.fixture
def face(landmarks) -> AlignedFace:
    pixels = np.random.default_rng(0).integers(90, 180, (128, 128, 3), dtype=np.uint8)
    return AlignedFace(pixels, landmarks, np.eye(2, 3))


@pytest.mark.parametrize("name", OCCLUSIONS)
def test_a_rectangle_is_black_and_known(face, name):
    probe, mask = as_probe(face, name), named_mask(name, face.landmarks)
    assert (probe.mask == mask).all()
    assert not probe.pixels[mask].any()
    assert (probe.pixels[~mask] == face.pixels[~mask]).all()


@pytest.mark.parametrize("name", COVERS)
@pytest.mark.parametrize("light", ["vis", "nir-simulated"])
def test_a_cover_is_the_same_every_time_and_told_only_where_that_is_asked(face, name, light):
    shown = face if light == "vis" else simulated_nir_face(face)
    first, again, told = (as_probe(shown, name, tell) for tell in (False, False, True))
    assert (first.pixels == again.pixels).all()
    assert (first.pixels == told.pixels).all()
    assert not first.mask.any()
    assert 0.03 < told.mask.mean() < 0.7
    changed = (first.pixels != shown.pixels).any(axis=2)
    assert changed[told.mask].mean() > 0.9


def test_faces_differ_in_what_they_wear(face):
    other = face.with_(landmarks=face.landmarks + 0.5)
    assert (as_probe(face, "surgical").pixels != as_probe(other, "surgical").pixels).any()


def test_a_cover_needs_landmarks_and_a_name_must_be_known(face):
    with pytest.raises(LandmarksUnknownError):
        as_probe(face.with_(landmarks=None), "scarf")
    assert checked(["none", "scarf", "none"]) == ("none", "scarf")
    assert set(COVERS) < set(hideable())
    for names in (["hat"], []):
        with pytest.raises(DataError, match="Use some of none, maskTop"):
            checked(names)
