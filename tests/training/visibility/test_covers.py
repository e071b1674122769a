"""Training covers: their outlines, what they look like, and what they leave alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssn.training.visibility import shapes
from ssn.training.visibility.covers import CoverMix, cover, hidden_power, softer
from ssn.training.visibility.fills import FILLS, lens_glass, random_fills, smoothed
from ssn.training.visibility.shapes import SHAPES, random_shapes


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def views(count: int = 32, size: int = 64) -> torch.Tensor:
    return 0.2 + 0.6 * torch.rand(count, 1, size, size, generator=seeded(9))


def only(names: tuple[str, ...], wanted: str) -> tuple[float, ...]:
    return tuple(float(name == wanted) for name in names)


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_a_share_of_each_pixel_and_no_two_are_alike(name):
    kind = torch.full((40,), SHAPES.index(name))
    drawn = random_shapes(kind, 64, seeded(1))
    assert drawn.shape == (40, 64, 64)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    area = drawn.mean(dim=(1, 2))
    assert (area > 0.005).float().mean() > 0.8
    assert len(area.unique()) > 20


@given(st.integers(0, 10**6))
def test_a_polygon_holds_the_middle_of_any_two_of_its_points(seed):
    inside = shapes.polygons(1, 64, seeded(seed))[0] > 0
    points = inside.nonzero()
    if len(points) < 2:
        return
    rng = np.random.default_rng(seed)
    a, b = (points[rng.integers(0, len(points), 60)] for _ in range(2))
    middle = (a + b) / 2
    near = inside[middle.floor().long().unbind(1)] | inside[middle.ceil().long().unbind(1)]
    assert near.all()


@given(st.integers(0, 10**6))
def test_a_closed_curve_is_one_piece(seed):
    inside = (shapes.closed_curves(1, 64, seeded(seed))[0] > 0).numpy().astype(np.uint8)
    large = [c for c in cv2.connectedComponentsWithStats(inside)[2][1:] if c[cv2.CC_STAT_AREA] > 40]
    assert len(large) <= 2, "cut at most by the picture's border"


@pytest.mark.parametrize("name", FILLS)
def test_every_fill_is_a_picture(name):
    gray = views()[:, 0]
    fill = random_fills(torch.full((32,), FILLS.index(name)), gray, seeded(2))
    assert fill.shape == gray.shape
    assert fill.min() >= 0
    assert fill.max() <= 1
    assert bool((fill == 0).all()) == (name == "black")


def test_smoothed_keeps_the_light_and_drops_the_parts():
    ramp = torch.linspace(0.2, 0.8, 64).expand(1, 64, 64)
    noise = 0.1 * torch.randn(1, 64, 64, generator=seeded())
    smooth = smoothed(ramp + noise, 4)
    assert (smooth - ramp).abs().mean() < 0.04
    assert (smooth[..., 1:] - smooth[..., :-1]).abs().max() < 0.03


def test_softer_is_the_mean_of_nine():
    x = torch.rand(2, 7, 7, generator=seeded())
    assert softer(x)[1, 3, 4] == pytest.approx(x[1, 2:5, 3:6].mean().item())
    assert torch.allclose(softer(torch.full((1, 5, 5), 0.3)), torch.tensor(0.3))


def test_a_quarter_of_the_views_stay_complete_and_a_share_of_the_covers_lets_light_through():
    _, opacity = cover(views(600, 16), seeded(3), CoverMix(veiled=0.4))
    strongest = opacity.amax(dim=(1, 2, 3))
    assert (strongest == 0).float().mean().item() == pytest.approx(0.25, abs=0.08)
    veiled = (strongest > 0) & (strongest < 0.95)
    assert 0.1 < veiled.float().mean() < 0.35


def test_a_black_cover_is_exactly_black_and_leaves_the_rest_of_the_view_alone():
    gray = views()
    mix = CoverMix(complete=0, fills=only(FILLS, "black"), black_shapes=only(SHAPES, "box"))
    seen, opacity = cover(gray, seeded(4), mix)
    assert set(opacity.unique().tolist()) == {0.0, 1.0}
    assert not seen[opacity == 1].any()
    assert torch.equal(seen[opacity == 0], gray[opacity == 0])


def test_complete_views_are_at_most_softer_and_noisier():
    gray = views()
    seen, opacity = cover(gray, seeded(5), CoverMix(complete=1))
    assert not opacity.any()
    same = (seen == gray).all(dim=3).all(dim=2).flatten()
    assert 0.2 < same.float().mean() < 0.8
    assert (seen - gray).abs().mean() < 0.08


def test_an_opaque_cover_shows_nothing_of_the_view():
    """Two faces that differ behind the cover only, filled with a texture, which knows no face."""
    gray = views()
    mix = CoverMix(complete=0, fills=only(FILLS, "texture"), shapes=only(SHAPES, "curve"), veiled=0)
    _, opacity = cover(gray, seeded(6), mix)
    other = torch.where(opacity == 1, 1 - gray, gray)
    first, second = cover(gray, seeded(6), mix)[0], cover(other, seeded(6), mix)[0]
    deep = torch.nn.functional.avg_pool2d(opacity, 3, 1, 1) > 0.999  # softening mixes in the neighbours
    assert deep.float().mean() > 0.1
    assert torch.allclose(first[deep], second[deep], atol=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"fills": (1.0,)}, {"shapes": (0.0,) * len(SHAPES)}, {"complete": 1.5}, {"veiled": -0.1}]
)
def test_a_mix_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CoverMix(**wrong)


def test_what_is_hidden_is_the_covers_share_in_power():
    """A face and a cover of independent noise, mixed: the least squares estimate of the face keeps the rest."""
    rng = np.random.default_rng(0)
    face, own = rng.normal(size=(2, 200_000))
    for opacity in (0.1, 0.35, 0.5, 0.8):
        seen = (1 - opacity) * face + opacity * own
        kept = (seen @ face) / (seen @ seen) * (1 - opacity)  # of what is seen, in the face's own units
        assert hidden_power(torch.tensor(opacity)).item() == pytest.approx(1 - kept, abs=0.01)
    assert hidden_power(torch.tensor([0.0, 0.5, 1.0])).tolist() == [0.0, 0.5, 1.0]


def test_glasses_lie_before_the_eyes_and_leave_chin_and_forehead():
    inside = shapes.glasses(300, 64, seeded(7)) > 0
    share = inside.float().mean(dim=0)
    assert share[18:24, 28 - 16 : 28 - 8].min() > 0.4, "about the left eye"
    assert share[48:].max() == 0
    assert share[:4].max() < 0.1
    mirrored = share.flip(1)
    assert (share - mirrored).abs().max() < 0.15, "as often to the left as to the right"


def test_a_brim_hides_what_is_above_it_only():
    inside = shapes.brims(300, 64, seeded(8)) > 0
    below = inside[:, 1:] & ~inside[:, :-1]
    assert not below.any(), "nothing hidden starts below something seen"
    assert inside[:, 2].float().mean() > 0.5
    assert inside[:, 40:, 24:40].float().mean() < 0.02


def test_lenses_are_of_glass_that_lets_light_through_or_filled_as_any_cover():
    gray = views(400)
    mix = CoverMix(complete=0, fills=only(FILLS, "gray"), shapes=only(SHAPES, "glasses"), veiled=0, glass=0.5)
    _, hidden = cover(gray, seeded(9), mix)
    opaque = (hidden.amax(dim=(1, 2, 3)) > 0.999) & ((hidden > 0.05) & (hidden < 0.95)).flatten(1).sum(1).lt(200)
    assert 0.3 < opaque.float().mean() < 0.9
    glass = lens_glass(gray[:, 0], seeded(10))
    assert glass.shape == gray[:, 0].shape
    assert glass.min() >= 0
    assert glass.max() <= 1
