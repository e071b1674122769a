"""The simulated near-infrared look: ranges, repeatability, and the direction of its effects."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssn.faces.gray import to_gray
from ssn.faces.simulated_nir import DEFAULT_LOOK, NirLook, simulate_nir, simulated_nir_face
from ssn.faces.types import AlignedFace

SKIN, LIP = (205, 150, 125), (175, 85, 90)
# The documented ranges of the random looks, written down apart.
RANGES = {
    "red": (0.85, 1.40),
    "green": (-0.10, 0.35),
    "blue": (-0.45, 0.05),
    "flatten": (0.20, 0.85),
    "lamp_x": (0.35, 0.65),
    "lamp_y": (0.30, 0.60),
    "lamp_reach": (0.50, 1.50),
    "background": (0.10, 0.90),
    "exposure": (0.40, 0.70),
    "gamma": (0.75, 1.30),
    "noise": (0.0, 0.035),
    "blur": (0.0, 0.012),
}


def drawn_face(size: int = 128) -> np.ndarray:
    """(size, size, 3) uint8: a skin-coloured oval with lips on a gray wall."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    picture = np.full((size, size, 3), 140, np.uint8)
    picture[((x - 0.5) / 0.42) ** 2 + ((y - 0.48) / 0.5) ** 2 < 1] = SKIN
    picture[lips(size)] = LIP
    return picture


def lips(size: int = 128) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    return ((x - 0.5) / 0.14) ** 2 + ((y - 0.70) / 0.05) ** 2 < 1


def cheeks(size: int = 128) -> np.ndarray:
    """Skin at the height of the lips on both sides, so that lamp and height are alike."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    return (np.abs(y - 0.70) < 0.05) & (np.abs(x - 0.5) > 0.17) & (np.abs(x - 0.5) < 0.25)


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0).float() / 255


@given(size=st.sampled_from([32, 64, 96, 128]), seed=st.integers(0, 2**31), flat=st.booleans())
def test_any_picture_under_any_look_stays_between_black_and_white(size, seed, flat):
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.rand(2, 3, *((1, 1) if flat else (size, size)), generator=generator).round(decimals=seed % 3)
    rgb = rgb.expand(2, 3, size, size)
    nir = simulate_nir(rgb, NirLook.random(2, generator), generator)
    assert nir.shape == (2, 1, size, size)
    assert bool(nir.isfinite().all())
    assert 0 <= nir.min() <= nir.max() <= 1


def test_the_default_look_gives_the_same_picture_every_time():
    rgb = tensor(drawn_face())
    assert torch.equal(simulate_nir(rgb), simulate_nir(rgb.clone()))


def test_a_generator_decides_the_noise():
    rgb = tensor(drawn_face())
    first, again, other = (simulate_nir(rgb, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_batch_is_as_its_faces_one_by_one():
    faces = torch.cat([tensor(drawn_face()), tensor(drawn_face()).flip(3) * 0.8, torch.rand(1, 3, 128, 128)])
    together = simulate_nir(faces)
    for i in range(3):
        assert torch.allclose(together[i], simulate_nir(faces[i : i + 1])[0], atol=1e-6)


def test_a_look_for_each_face_is_as_each_face_under_its_own_look():
    faces = torch.rand(3, 3, 64, 64)
    looks = NirLook.random(3, torch.Generator().manual_seed(5))
    together = simulate_nir(faces, looks)
    for i in range(3):
        own = NirLook(**{f.name: float(getattr(looks, f.name)[i]) for f in fields(NirLook)})
        assert torch.allclose(together[i], simulate_nir(faces[i : i + 1], own)[0], atol=1e-4)


def test_random_looks_stay_in_their_ranges_and_fill_them():
    look = NirLook.random(4000, torch.Generator().manual_seed(0))
    assert {f.name for f in fields(NirLook)} == set(RANGES)
    for name, (low, high) in RANGES.items():
        values = getattr(look, name)
        assert values.shape == (4000, 1, 1, 1)
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 0.03 * (high - low)


def test_the_default_look_is_one_of_those_used_in_training():
    assert all(low <= getattr(DEFAULT_LOOK, name) <= high for name, (low, high) in RANGES.items())


def test_lips_fade_against_skin():
    picture = drawn_face()
    gray = to_gray(tensor(picture))[0, 0].numpy()
    nir = simulate_nir(tensor(picture))[0, 0].numpy()
    before = gray[lips()].mean() / gray[cheeks()].mean()
    after = nir[lips()].mean() / nir[cheeks()].mean()
    assert before < 0.75
    assert after > before + 0.08


def test_red_things_are_brighter_than_blue_ones_of_the_same_luma():
    """Two stripes a viewer sees as equally bright: near-infrared favours the red one."""
    red, blue = np.array([180, 60, 60]), np.array([60, 107, 120])
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[:, :64], picture[:, 64:] = red, blue
    gray = to_gray(tensor(picture))[0, 0]
    assert abs(gray[:, :64].mean() - gray[:, 64:].mean()) < 0.02
    nir = simulate_nir(tensor(picture))[0, 0]
    assert nir[30:98, 36:60].mean() > 1.2 * nir[30:98, 68:92].mean()


def test_the_background_is_darker_than_the_same_grey_in_the_middle():
    nir = simulate_nir(torch.full((1, 3, 128, 128), 0.5))[0, 0]
    corners = torch.stack([nir[:8, :8], nir[:8, -8:], nir[-8:, :8], nir[-8:, -8:]])
    assert corners.mean() < 0.75 * nir[48:80, 48:80].mean()


def test_side_light_is_flattened():
    light = torch.linspace(0.35, 1.0, 128).view(1, 1, 1, -1)
    nir = simulate_nir(tensor(drawn_face()) * light)[0, 0]
    before = float(to_gray(tensor(drawn_face()) * light)[0, 0][50:70, 90:100].mean()) / float(
        to_gray(tensor(drawn_face()) * light)[0, 0][50:70, 28:38].mean()
    )
    after = float(nir[50:70, 90:100].mean() / nir[50:70, 28:38].mean())
    assert before > 1.5
    assert 1 < after < before


def test_gray_is_the_luma_of_rec_601():
    assert torch.allclose(to_gray(torch.eye(3).view(3, 3, 1, 1)).flatten(), torch.tensor([0.299, 0.587, 0.114]))


@pytest.fixture
def face(landmarks) -> AlignedFace:
    return AlignedFace(drawn_face(), landmarks, np.eye(2, 3))


def test_a_simulated_face_says_that_it_is_simulated(face):
    nir = simulated_nir_face(face)
    assert nir.spectrum == "nir-simulated"
    assert nir.branch == "nir"
    assert nir.pixels.dtype == np.uint8
    assert nir.pixels.shape == (128, 128, 3)
    assert (nir.pixels == nir.pixels[..., :1]).all()
    expected = simulate_nir(tensor(face.pixels))[0, 0].numpy() * 255
    assert np.abs(nir.pixels[..., 0] - expected).max() <= 0.51
    assert face.spectrum == "vis"
    assert np.array_equal(nir.landmarks, face.landmarks)


def test_what_was_hidden_stays_black_in_the_simulation(face):
    mask = np.zeros((128, 128), bool)
    mask[60:100, 30:90] = True
    nir = simulated_nir_face(face.with_(pixels=np.where(mask[..., None], 0, face.pixels).astype(np.uint8), mask=mask))
    assert not nir.pixels[mask].any()
    assert nir.pixels[~mask].any()


def test_each_spectrum_has_its_branch(face):
    branches = {s: face.with_(spectrum=s).branch for s in ("vis", "nir", "nir-simulated")}
    assert branches == {"vis": "vis", "nir": "nir", "nir-simulated": "nir"}
