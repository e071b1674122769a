"""Alignment against its closed form, and warping against a naive loop."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.errors import NoFaceError
from ssn.faces.align import align, alignment_transform, apply_transform, warp
from tests.drawn import mean_landmarks


def eye_and_mouth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Published numbering from 1: eyes 37–42 and 43–48, mouth corners 49 and 55."""
    return points[36:42].mean(0), points[42:48].mean(0), (points[48] + points[54]) / 2


def similarity(scale: float, degrees: float, x: float, y: float) -> np.ndarray:
    c, s = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, x], [s, c, y]])


def picture(height: int, width: int) -> np.ndarray:
    """Smooth, and different everywhere: shades that a small shift changes little and a wrong place a lot."""
    y, x = np.mgrid[:height, :width].astype(float)
    shades = [127 + 60 * np.sin(x / 19) + 60 * np.cos(y / 23), 255 * x / width, 255 * y / height]
    return np.stack(shades, axis=2).clip(0, 255).round().astype(np.uint8)


def naive_warp(image: np.ndarray, transform: np.ndarray, size: int) -> np.ndarray:
    """Bilinear, pixel by pixel; black outside."""
    inverse = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))
    out = np.zeros((size, size, image.shape[2]))
    for v in range(size):
        for u in range(size):
            x, y, _ = inverse @ (u, v, 1)
            x0, y0 = int(np.floor(x)), int(np.floor(y))
            for dy, wy in ((0, y0 + 1 - y), (1, y - y0)):
                for dx, wx in ((0, x0 + 1 - x), (1, x - x0)):
                    if 0 <= x0 + dx < image.shape[1] and 0 <= y0 + dy < image.shape[0]:
                        out[v, u] += wx * wy * image[y0 + dy, x0 + dx]
    return out


def naive_reduction(image: np.ndarray, transform: np.ndarray, size: int) -> np.ndarray:
    """Each crop pixel as the mean of the picture over its own square, by dense sampling of nearest pixels."""
    inverse = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]
    ticks = (np.arange(size * 8) + 0.5) / 8 - 0.5
    u, v = np.meshgrid(ticks, ticks)
    x, y = (inverse[i, 0] * u + inverse[i, 1] * v + inverse[i, 2] for i in range(2))
    inside = (x > -0.5) & (x < image.shape[1] - 0.5) & (y > -0.5) & (y < image.shape[0] - 0.5)
    shades = image[np.where(inside, np.round(y), 0).astype(int), np.where(inside, np.round(x), 0).astype(int)]
    shades = shades * inside[..., None].astype(float)
    return shades.reshape(size, 8, size, 8, -1).mean(axis=(1, 3))


poses = st.builds(similarity, st.floats(0.15, 12), st.floats(-180, 180), st.floats(-500, 3000), st.floats(-500, 3000))


@given(pose=poses, size=st.sampled_from([128, 144, 192]))
def test_any_upright_rotated_or_scaled_face_lands_on_the_published_points(pose, size):
    moved = apply_transform(pose, mean_landmarks())
    transform = alignment_transform(moved, size)
    left, right, mouth = eye_and_mouth(apply_transform(transform, moved))
    margin = (size - 128) / 2
    assert np.allclose((left + right) / 2, (64 + margin, 40 + margin), atol=1e-6)
    assert np.isclose(left[1], right[1], atol=1e-6)
    assert left[0] < right[0]
    assert np.isclose(mouth[1] - (left[1] + right[1]) / 2, 48, atol=1e-6)


@given(pose=poses)
def test_the_transform_is_a_similarity_without_mirror_image(pose):
    linear = alignment_transform(apply_transform(pose, mean_landmarks()))[:, :2]
    scale = np.sqrt(np.linalg.det(linear))
    assert np.linalg.det(linear) > 0
    assert np.allclose(linear @ linear.T, scale**2 * np.eye(2), rtol=1e-9, atol=1e-12)


def test_the_training_crop_has_the_published_geometry(landmarks):
    """144 pixels: eyes at y = 48, mouth at y = 96, in the middle."""
    left, right, mouth = eye_and_mouth(apply_transform(alignment_transform(landmarks, 144), landmarks))
    assert np.allclose((left + right) / 2, (72, 48))
    assert np.isclose(mouth[1], 96)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p * 0.05,
        lambda p: p * [1, -1],
        lambda p: np.full_like(p, 7.0),
        lambda p: np.full_like(p, np.nan),
    ],
    ids=["tiny", "mirrored", "one point", "no numbers"],
)
def test_points_that_are_no_upright_face_are_refused(landmarks, change):
    with pytest.raises(NoFaceError):
        alignment_transform(change(landmarks))


@pytest.mark.parametrize("pose", [similarity(1.0, 0, 3, 5), similarity(0.8, 17, 20, -9), similarity(1.9, -40, -30, 60)])
def test_warping_is_the_naive_bilinear_loop(pose):
    image = picture(90, 110)
    difference = np.abs(warp(image, pose, 64).astype(float) - naive_warp(image, pose, 64))
    inner = naive_warp(np.full_like(image, 255), pose, 64) > 254.9
    assert inner.mean() > 0.2
    assert difference[inner].max() <= 4  # cv2 places samples on a grid of 1/32 pixel
    assert difference.mean() < 2


@pytest.mark.parametrize(("height", "width", "scale"), [(1501, 1001, 0.0637), (700, 1999, 0.31), (997, 1003, 0.123)])
def test_a_strong_reduction_stays_in_place_up_to_the_edges(height, width, scale):
    image = picture(height, width)
    for corner in ((0, 0), (width - 1, height - 1)):
        pose = similarity(scale, 0, 40 - scale * corner[0], 40 - scale * corner[1])
        found, expected = warp(image.astype(np.float32), pose, 80), naive_reduction(image, pose, 80)
        full = naive_reduction(np.full_like(image, 255), pose, 80).min(axis=2) > 254
        inner = cv2.erode(full.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
        assert inner.mean() > 0.1
        slope = 255 * 1 / (scale * width)  # what a drift of one crop pixel would change in the ramp
        drift = (found - expected)[inner][:, 1].mean() / slope
        assert abs(drift) < 0.05, (corner, drift)


@pytest.mark.parametrize("scale", [0.3, 0.2, 0.05])
def test_a_strong_reduction_averages_a_fine_pattern_instead_of_sampling_it(scale):
    board = (np.indices((2000, 2000)).sum(axis=0) % 2 * 255).astype(np.uint8)
    inner = warp(np.repeat(board[..., None], 3, 2), similarity(scale, 0, 0, 0), 64)[4:60, 4:60].astype(float)
    assert abs(inner.mean() - 127.5) < 2
    assert inner.std() < 15
    aliased = cv2.warpAffine(board, similarity(scale, 0, 0, 0), (64, 64))[4:60, 4:60]
    assert aliased.std() > 40 or abs(aliased.mean() - 127.5) > 40, "sampling alone must fail for this to mean anything"


def test_a_picture_smaller_than_one_pixel_of_the_crop_is_still_warped():
    assert warp(np.full((2, 2, 3), 200, np.uint8), similarity(0.01, 0, 30, 30), 64).shape == (64, 64, 3)


@pytest.mark.parametrize("scale", [0.9, 2.3, 6.1])
def test_the_middle_of_the_training_crop_is_the_crop_of_the_network(landmarks, scale):
    points = apply_transform(similarity(scale, 11, 60, 40), landmarks)
    image = picture(900, 900)
    large = warp(image, alignment_transform(points, 144), 144)[8:136, 8:136].astype(int)
    small = warp(image, alignment_transform(points), 128).astype(int)
    assert small.std() > 20
    assert np.abs(large - small).max() <= 8
    assert np.abs(large - small).mean() < 0.5


def test_an_aligned_face_shows_the_landmarks_where_it_says_they_are(landmarks):
    """Bright dots drawn on the landmarks are found again at the landmarks of the crop."""
    points = apply_transform(similarity(2.7, -23, 200, 260), landmarks)
    image = np.zeros((700, 700, 3), np.uint8)
    chosen = [8, 30, 36, 45, 57]
    for x, y in points[chosen]:
        cv2.circle(image, (round(x), round(y)), 4, (255, 255, 255), -1)
    face = align(image, points, "nir")
    assert face.pixels.shape == (128, 128, 3)
    assert face.spectrum == "nir"
    assert not face.mask.any()
    for x, y in face.landmarks[chosen]:
        around = face.pixels[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6, 0].astype(float)
        rows, columns = np.mgrid[-5:6, -5:6]
        centre = (columns * around).sum() / around.sum() + round(x), (rows * around).sum() / around.sum() + round(y)
        assert np.allclose(centre, (x, y), atol=0.4)


def test_what_lies_outside_the_picture_is_black(landmarks):
    image = np.full((128, 128, 3), 255, np.uint8)
    face = align(image, landmarks + np.array([60, 0]))
    assert not face.pixels[:, 80:].any()
    assert face.pixels[40:100, :60].min() == 255
