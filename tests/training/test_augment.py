"""Random views: what is recovered from coordinates painted into the crops, and rectangles against their definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssn.training.augment import ViewRanges, random_rectangles, random_views, sample_geometry

STILL = ViewRanges(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coordinates(count: int) -> torch.Tensor:
    """(count, 3, 144, 144): the first channel is x, the second y, in pixels of the crop. Bilinear sampling of these
    says where each pixel of a view was taken from."""
    y, x = torch.meshgrid(torch.arange(144.0), torch.arange(144.0), indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)]).expand(count, 3, 144, 144).clone()


def fitted(view: torch.Tensor) -> np.ndarray:
    """(2, 3): from pixels of the view, counted from its middle, to pixels of the crop; from its inner part, away from
    the border."""
    size = view.shape[-1]
    axis = np.arange(size) - (size - 1) / 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    inner = np.s_[size // 5 : -size // 5, size // 5 : -size // 5]
    known = np.stack([x[inner].ravel(), y[inner].ravel(), np.ones(x[inner].size)], axis=1)
    wanted = np.stack([view[0].numpy()[inner].ravel(), view[1].numpy()[inner].ravel()], axis=1)
    solution, residual, *_ = np.linalg.lstsq(known, wanted, rcond=None)
    assert residual.max() < 1, "a view must be an affine picture of its crop"
    return solution.T


def test_without_any_range_a_view_is_the_middle_of_its_crop():
    crops = torch.rand(2, 3, 144, 144)
    views = sample_geometry(crops, 128, STILL, generator())
    assert torch.allclose(views, crops[..., 8:136, 8:136], atol=1e-4)


def test_a_flip_mirrors_left_and_right_and_nothing_else():
    crops = torch.rand(2, 3, 144, 144)
    views = sample_geometry(crops, 128, ViewRanges(**{**vars(STILL), "flip": 1.0}), generator())
    assert torch.allclose(views, crops[..., 8:136, 8:136].flip(3), atol=1e-4)


@pytest.mark.parametrize("size", [64, 96, 128])
def test_shift_rotation_scale_and_flip_stay_in_their_ranges_and_fill_them(size):
    ranges = ViewRanges()
    views = sample_geometry(coordinates(300), size, ranges, generator(1))
    maps = np.stack([fitted(view) for view in views])
    linear = maps[..., :2] * (size / 128)  # per pixel of a 128-pixel face
    determinant = np.linalg.det(linear)
    scale, flipped = np.sqrt(np.abs(determinant)), determinant < 0
    assert np.allclose(linear @ linear.transpose(0, 2, 1), scale[:, None, None] ** 2 * np.eye(2), atol=2e-3)
    upright = linear * np.where(flipped, -1, 1)[:, None, None] ** np.array([1, 0])  # mirror undone: x column
    angle = np.rad2deg(np.arctan2(upright[:, 1, 0], upright[:, 0, 0]))
    shift = maps[..., 2] - 71.5
    for values, bound in ((scale - 1, 0.06), (angle, 8.0), (shift[:, 0], 5.0), (shift[:, 1], 5.0)):
        assert np.abs(values).max() < bound * 1.03
        assert values.max() > 0.9 * bound
        assert values.min() < -0.9 * bound
    assert 0.4 < flipped.mean() < 0.6


def rectangle_of(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """left, top, width, height of the True part, which must be a filled rectangle; None where nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    left, top, width, height = columns[0], rows[0], len(columns), len(rows)
    assert mask.sum() == width * height
    assert mask[top : top + height, left : left + width].all()
    return left, top, width, height


@given(size=st.sampled_from([32, 64, 96, 128]), seed=st.integers(0, 2**31), low=st.floats(0.05, 0.5))
def test_every_training_occlusion_is_one_rectangle_with_sides_in_the_range(size, seed, low):
    high = low + 0.3
    for mask in random_rectangles(5, size, generator(seed), 1.0, low, high):
        rectangle = rectangle_of(mask[0].numpy())
        assert rectangle is not None
        for side in rectangle[2:]:
            assert low * size - 1 <= side <= high * size + 1


def test_the_rectangles_lie_anywhere_with_any_size_and_shape():
    masks = random_rectangles(3000, 64, generator(), 1.0, 0.15, 0.65)[:, 0].numpy()
    left, top, width, height = np.array([rectangle_of(mask) for mask in masks]).T
    for side in (width, height):
        assert abs(side.mean() - 0.40 * 64) < 0.6
        assert side.min() <= 0.17 * 64
        assert side.max() >= 0.63 * 64
    assert abs(np.corrcoef(width, height)[0, 1]) < 0.06
    for start, side in ((left, width), (top, height)):
        place = start / np.maximum(64 - side, 1)
        assert place.min() < 0.02
        assert place.max() > 0.98
        assert abs(place.mean() - 0.5) < 0.02
    assert masks.mean(axis=0)[8:56, 8:56].min() > 0.02, "every part of a face is hidden now and then"


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_the_chance_decides_how_many_faces_are_hidden_in_part(chance):
    masks = random_rectangles(2000, 16, generator(2), chance)
    assert masks.shape == (2000, 1, 16, 16)
    assert masks.dtype == torch.bool
    assert abs(masks.any(dim=(2, 3)).float().mean().item() - chance) < 0.04


@pytest.mark.parametrize("size", [64, 96, 128])
def test_views_are_gray_in_range_black_where_hidden_and_half_of_them_simulated(size):
    crops = torch.randint(0, 256, (12, 144, 144, 3), dtype=torch.uint8, generator=generator())
    nir = torch.arange(12) % 2 == 0
    views, mask = random_views(crops, nir, size, generator(1))
    assert views.shape == mask.shape == (12, 1, size, size)
    assert views.dtype == torch.float32
    assert bool(views.isfinite().all())
    assert 0 <= views.min() <= views.max() <= 1
    assert mask.any()
    assert not views[mask].any()
    assert views[~mask].mean() > 0.1


@pytest.mark.parametrize("nir", [[True] * 3, [False] * 3, [True, False, True]])
def test_the_same_generator_gives_the_same_views_and_another_one_others(nir):
    crops = torch.randint(0, 256, (3, 144, 144, 3), dtype=torch.uint8, generator=generator())
    first, again, other = (random_views(crops, torch.tensor(nir), 64, generator(s))[0] for s in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_still_visible_view_is_the_luma_of_the_crop_and_a_near_infrared_one_is_not():
    crops = torch.randint(0, 256, (2, 144, 144, 3), dtype=torch.uint8, generator=generator())
    views, mask = random_views(crops, torch.tensor([False, True]), 128, generator(), STILL)
    luma = (crops[:, 8:136, 8:136].float() @ torch.tensor([0.299, 0.587, 0.114])) / 255
    assert not mask.any()
    assert torch.allclose(views[0, 0], luma[0].clamp_min(1e-4), atol=1e-3)
    assert (views[1, 0] - luma[1]).abs().mean() > 0.05


def test_the_crops_stay_as_they_were():
    crops = torch.randint(0, 256, (2, 144, 144, 3), dtype=torch.uint8)
    before = crops.clone()
    random_views(crops, torch.tensor([True, False]), 64, generator())
    assert torch.equal(crops, before)
