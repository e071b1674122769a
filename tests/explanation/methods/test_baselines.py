"""Baselines: what they are, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest

from ssn.errors import AssetError, ExplanationError
from ssn.explanation.methods import baselines, mean_face
from ssn.faces.occlude import mask_bottom, occlude
from tests.explanation.toys import smooth_face


@pytest.fixture
def fresh():
    mean_face.mean_face.cache_clear()
    yield
    mean_face.mean_face.cache_clear()


def test_the_mean_face_lies_in_the_frame_and_follows_the_spectrum(fresh):
    seen = baselines.baseline_picture("mean", smooth_face(0))
    assert seen.shape == (128, 128)
    assert seen.dtype == np.float32
    eyes, cheeks = seen[36:44, [44, 84]].mean(), seen[62:70, [38, 90]].mean()
    assert eyes < cheeks - 0.1
    assert np.corrcoef(seen.ravel(), seen[:, ::-1].ravel())[0, 1] > 0.99
    nir = baselines.baseline_picture("mean", smooth_face(0, "nir-simulated"))
    assert np.abs(seen - nir).max() > 0.1
    assert 0 <= nir.min() <= nir.max() <= 1
    with pytest.raises(ValueError, match="read-only"):
        seen[0, 0] = 1


def test_a_missing_mean_face_is_said(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(mean_face, "MEAN_FACE", tmp_path / "none.png")
    with pytest.raises(AssetError, match="mean_face"):
        mean_face.mean_face("vis")


def test_blur_keeps_the_light_and_black_is_black():
    face = smooth_face(0)
    blurred = baselines.baseline_picture("blur", face)
    assert blurred.mean() == pytest.approx(baselines.gray(face).mean(), abs=0.02)
    assert blurred.std() < 0.5 * baselines.gray(face).std()
    assert not baselines.baseline_picture("black", face).any()


@pytest.mark.parametrize("name", baselines.BASELINES)
def test_a_hidden_faces_baseline_wears_the_same_mask(name):
    face = smooth_face(0)
    hidden = occlude(face, mask_bottom(face.landmarks))
    found, plain = baselines.baseline_picture(name, hidden), baselines.baseline_picture(name, face)
    assert np.array_equal(found[hidden.mask], baselines.gray(hidden)[hidden.mask])
    if name == "blur":
        plain = baselines.baseline_picture(name, replace(hidden, mask=np.zeros_like(hidden.mask)))
    assert np.array_equal(found[~hidden.mask], plain[~hidden.mask])
    assert found.dtype == np.float32


def test_another_name_is_refused():
    with pytest.raises(ExplanationError, match="no baseline"):
        baselines.baseline_picture("white", smooth_face(0))
