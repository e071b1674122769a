"""Drawn covers on photographed faces."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.faces.types import AlignedFace
from ssn.people.dressed import dress, dress_in
from ssn.people.worn import LENS_PASSES_NIR, WORN


@pytest.fixture
def face(landmarks) -> AlignedFace:
    rng = np.random.default_rng(0)
    pixels = np.clip(140 + 25 * rng.standard_normal((128, 128, 3)), 0, 255).astype(np.uint8)
    return AlignedFace(pixels, landmarks, np.eye(2, 3))


@pytest.mark.parametrize("spectrum", ["vis", "nir-simulated"])
@pytest.mark.parametrize("worn", [w for w in WORN if w != "none"])
def test_pixels_change_where_the_cover_is_and_nowhere_else(face, worn, spectrum):
    bare, nothing = dress_in(face, "none", spectrum, np.random.default_rng(3))
    dressed, opacity = dress_in(face, worn, spectrum, np.random.default_rng(3))
    assert not nothing.any()
    assert opacity.shape == (128, 128)
    assert opacity.dtype == np.float32
    assert opacity.min() >= 0
    assert 0.9 < opacity.max() <= 1
    changed = np.abs(dressed.pixels.astype(int) - bare.pixels).max(axis=2)
    assert not changed[opacity == 0].any()
    assert (changed[opacity > 0.9] > 3).mean() > 0.7
    assert dressed.spectrum == spectrum
    assert not dressed.mask.any(), "it is for the finder to find"


def test_an_opaque_cover_shows_nothing_of_the_face_and_a_lens_some_of_it(face):
    """Another face behind the same cover: the same picture where it is opaque, a dimmed difference behind the lens."""
    other = face.with_(pixels=(face.pixels // 2).astype(np.uint8))
    nir = [dress(f.with_(spectrum="nir"), "scarf", np.random.default_rng(1)) for f in (face, other)]
    opaque = nir[0][1] > 0.999
    assert opaque.sum() > 2000
    assert np.abs(nir[0][0].pixels[opaque].astype(int) - nir[1][0].pixels[opaque]).max() <= 1
    lens = dress(face.with_(spectrum="nir"), "goggles", np.random.default_rng(1))[1]
    assert np.isclose(lens, 1 - LENS_PASSES_NIR, atol=0.01).sum() > 500


def test_simulated_nir_stays_gray(face):
    dressed, _ = dress_in(face, "surgical", "nir-simulated", np.random.default_rng(0))
    assert (dressed.pixels[..., 0] == dressed.pixels[..., 2]).all()
