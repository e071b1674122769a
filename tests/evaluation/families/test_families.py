"""Families of the comparison on faces whose right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ssn.errors import DataError
from ssn.evaluation.families import FAMILIES, Family, Material
from ssn.evaluation.families.inpainting import inpainted
from ssn.evaluation.families.saliency import spectral_residual
from ssn.evaluation.families.spectrum_transfer import SpectrumTransfer
from ssn.faces.gray import LUMA
from ssn.faces.occlude import mask_bottom, named_mask, occlude
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace
from ssn.models.card import ModelCard
from ssn.recognizer import Recognizer
from tests.drawn import mean_landmarks


class Pixels(nn.Module):
    """The embedding is the face itself, 16×16."""

    adaptive, width = False, 256

    def forward(self, gray, branch, mask=None):
        return F.adaptive_avg_pool2d(gray, 16).flatten(1) - 0.4


class Measured(Recognizer):
    """What describing reads of a recognizer, without a detector."""

    def __init__(self):
        self.network, self.device, self.half = Pixels().eval(), torch.device("cpu"), False
        self.card = ModelCard("toy", model_id="toy")


def smooth_face(seed: int = 0) -> AlignedFace:
    """Soft colours, as skin has them."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.random((1, 3, 6, 6))) * 0.5 + torch.tensor([0.4, 0.3, 0.2]).view(1, 3, 1, 1)
    pixels = F.interpolate(coarse, 128, mode="bicubic").clamp(0, 1)[0].permute(1, 2, 0) * 255
    return AlignedFace(pixels.round().byte().numpy(), mean_landmarks(), np.eye(2, 3))


def luma(pixels: np.ndarray) -> np.ndarray:
    return pixels @ np.array(LUMA)


@pytest.fixture
def material():
    faces = [smooth_face(seed) for seed in range(6)]
    return Material(Measured(), Measured(), [simulated_nir_face(face) for face in faces], faces)


def test_the_registry_knows_every_family_by_its_own_name():
    assert list(FAMILIES) == [family.name for family in FAMILIES.values()]
    assert all(issubclass(family, Family) and family.title and family.stands_for for family in FAMILIES.values())


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"onnx"}))
@pytest.mark.parametrize("occlusion", ["none", "maskTop", "maskBottom"])
def test_every_family_takes_any_probe_and_finds_an_unhidden_one(material, name, occlusion):
    family = FAMILIES[name].build(material)
    faces = [smooth_face(seed) for seed in range(10, 14)]
    before = [face.pixels.copy() for face in faces]
    probes = [occlude(face, named_mask(occlusion, face.landmarks)) for face in map(simulated_nir_face, faces)]
    prepared = [family.prepare(probe) for probe in probes]
    assert all(face.pixels.shape == (128, 128, 3) and face.pixels.dtype == np.uint8 for face in prepared)
    scores = family.compare(family.describe(prepared), family.describe(faces, enrolled=True))
    assert scores.shape == (4, 4)
    assert np.isfinite(scores).all()
    for face, pixels in zip(faces, before, strict=True):
        np.testing.assert_array_equal(face.pixels, pixels)
    same = family.compare(family.describe(faces), family.describe(faces))
    assert same.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert len(family.describe([])) == 0


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"dlib"}))
def test_what_a_family_lacks_is_said(name):
    with pytest.raises(DataError, match="needs"):
        FAMILIES[name].build(Material())


def test_a_transfer_needs_faces_of_both_spectra(material):
    for nir, vis in (([], material.vis), (material.nir, [])):
        with pytest.raises(DataError, match="NIR and VIS"):
            FAMILIES["spectrum-transfer"].build(Material(Measured(), nir=nir, vis=vis))


def test_spectral_residual_finds_the_odd_square_in_an_even_texture():
    gray = np.random.default_rng(0).uniform(90, 110, (128, 128))
    gray[72:84, 24:36] = 255
    saliency = spectral_residual(gray)
    assert saliency.max() == 1
    assert saliency.min() >= 0
    y, x = np.unravel_index(saliency.argmax(), saliency.shape)
    assert 66 <= y <= 90
    assert 18 <= x <= 42
    outside = np.ones((128, 128), bool)
    outside[60:96, 12:48] = False
    assert saliency[72:84, 24:36].mean() > 4 * saliency[outside].mean()


def test_spectral_residual_agrees_with_the_paper_s_formulas_written_out():
    """Hou and Zhang (2007), equations (5)–(9), at their own size so that no resizing is between."""
    gray = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    transform = np.fft.fft2(gray)
    log_amplitude = np.log(np.abs(transform))
    padded = np.pad(log_amplitude, 1, mode="edge")
    mean = sum(padded[i : i + 64, j : j + 64] for i in range(3) for j in range(3)) / 9
    squared = np.abs(np.fft.ifft2(np.exp(log_amplitude - mean + 1j * np.angle(transform)))) ** 2
    reach = np.arange(-10, 11)
    kernel = np.exp(-(reach**2) / (2 * 2.5**2))
    kernel /= kernel.sum()
    wide = np.pad(squared, 10, mode="reflect")
    rows = np.apply_along_axis(np.convolve, 1, wide, kernel, mode="valid")
    expected = np.apply_along_axis(np.convolve, 0, rows, kernel, mode="valid")
    np.testing.assert_allclose(spectral_residual(gray), expected / expected.max(), atol=2e-3)


def test_nothing_is_salient_in_a_picture_of_one_value():
    assert not spectral_residual(np.full((128, 128), 7)).any()


def test_saliency_only_darkens_and_leaves_the_mask_known(material):
    face = occlude(smooth_face(), mask_bottom(mean_landmarks()))
    prepared = FAMILIES["saliency"].build(material).prepare(face)
    assert (prepared.pixels <= face.pixels).all()
    np.testing.assert_array_equal(prepared.mask, face.mask)
    assert prepared.spectrum == face.spectrum


def test_inpainting_fills_what_is_hidden_and_touches_nothing_else():
    complete = smooth_face(3)
    hidden = occlude(complete, mask_bottom(complete.landmarks))
    filled = inpainted(hidden)
    mask = hidden.mask
    np.testing.assert_array_equal(filled.pixels[~mask], complete.pixels[~mask])
    far = np.abs(luma(hidden.pixels) - luma(complete.pixels))[mask].mean()
    near = np.abs(luma(filled.pixels) - luma(complete.pixels))[mask].mean()
    assert near < far / 3
    assert not filled.mask.any()
    assert hidden.mask.any()


def test_a_face_with_nothing_or_nothing_but_hidden_is_not_inpainted():
    for face in (smooth_face(), occlude(smooth_face(), np.ones((128, 128), bool))):
        assert inpainted(face) is face


@given(st.floats(0.4, 2.5), st.integers(0, 1000))
def test_a_transfer_undoes_any_rising_gray_curve(power, seed):
    """Where NIR is VIS luma through a curve, the fitted transfer is the curve's inverse, up to rounding."""
    vis = [smooth_face(seed + i) for i in range(3)]

    def through(face):
        gray = 255 * (luma(face.pixels) / 255) ** power
        return face.with_(pixels=np.repeat(np.rint(gray).astype(np.uint8)[..., None], 3, axis=2), spectrum="nir")

    transfer = SpectrumTransfer.fit([through(face) for face in vis], vis)
    out = transfer(through(vis[0]))
    assert out.spectrum == "vis"
    step = 255 / (255 * power * (0.15) ** max(power - 1, 0))  # one gray of NIR is at most so many of VIS
    assert np.abs(luma(out.pixels) - luma(vis[0].pixels)).mean() < 1.5 + step


def test_a_transfer_gives_the_mean_colour_of_each_luma():
    """All VIS pixels have the same chroma, so every transferred pixel has it too."""
    gray = smooth_face(1)
    base = luma(gray.pixels)
    rgb = np.rint(np.stack([base + 30, base - 8, base - 38], axis=2)).clip(0, 255).astype(np.uint8)
    vis = gray.with_(pixels=rgb)
    nir = gray.with_(pixels=np.repeat(np.rint(base).astype(np.uint8)[..., None], 3, axis=2), spectrum="nir")
    out = SpectrumTransfer.fit([nir], [vis])(nir).pixels.astype(float)
    offsets = out - luma(out)[..., None]
    expected = rgb - luma(rgb)[..., None]
    np.testing.assert_allclose(offsets.mean(axis=(0, 1)), expected.mean(axis=(0, 1)), atol=1.0)


def test_a_transfer_does_not_see_hidden_pixels_and_leaves_them_black():
    vis = [smooth_face(seed) for seed in range(3)]
    nir = [simulated_nir_face(face) for face in vis]
    mask = mask_bottom(mean_landmarks())
    painted = [
        face.with_(pixels=np.where(mask[..., None], 255, face.pixels).astype(np.uint8), mask=mask) for face in nir
    ]
    hidden = [occlude(face, mask) for face in nir]
    first, second = SpectrumTransfer.fit(painted, vis), SpectrumTransfer.fit(hidden, vis)
    np.testing.assert_array_equal(first.colours, second.colours)
    assert not first(hidden[0]).pixels[mask].any()


def test_a_vis_probe_is_not_transferred(material):
    face = smooth_face()
    assert FAMILIES["spectrum-transfer"].build(material).prepare(face) is face


def test_the_combination_is_the_transfer_and_then_the_inpainting(material):
    combined, transfer = (FAMILIES[n].build(material) for n in ("spectrum-transfer+inpainting", "spectrum-transfer"))
    face = occlude(simulated_nir_face(smooth_face(7)), mask_bottom(mean_landmarks()))
    expected = inpainted(transfer.prepare(face))
    prepared = combined.prepare(face)
    np.testing.assert_array_equal(prepared.pixels, expected.pixels)
    assert prepared.spectrum == "vis"
    assert not prepared.mask.any()


def test_dlib_scores_are_minus_distances(material):
    family = FAMILIES["dlib"].build(material)
    scores = family.compare(np.array([[0.0, 3.0]]), np.array([[4.0, 0.0], [0.0, 3.0]]))
    np.testing.assert_allclose(scores, [[-5.0, 0.0]])
