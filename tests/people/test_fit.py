"""Fitting: the pieces on made-up data, and the whole on a miniature set of drawn people."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ssn.data.lfw import LFW
from ssn.data.person_descriptors import TRAIN_LIST, training_descriptors
from ssn.errors import DataError
from ssn.people.appearance_model import BANDS, load_model
from ssn.people.fitting.cut_out import crown_height, cut_out, fill_outside, outline_distance, share_out
from ssn.people.fitting.fit import FitConfig, fit, joint_pca, two_covariances, with_means
from ssn.people.piecewise import FRAME, control_points, pixel_map, remap, triangles_of
from ssn.people.portrait import PHOTO_SIZE, draw_person, photo

BESIDE = (13, 15)
"""Where a drawn photo lies in a 250 px one so that its face stands where LFW's faces stand."""


def write_miniature(root, people=14, photos=5):
    """Drawn people as if they were LFW."""
    rows = [str(people)]
    for number in range(people):
        name = f"Nobody_{number:02d}"
        (root / "images" / name).mkdir(parents=True)
        rows.append(f"{name}\t{photos}")
        for shot in range(photos):
            canvas = Image.new("RGB", (250, 250))
            canvas.paste(Image.fromarray(photo(draw_person(number), shot).pixels), BESIDE)
            canvas.save(root / "images" / name / f"{name}_{shot + 1:04d}.jpg", quality=95)
    (root / "peopleDevTrain.txt").write_text("\n".join(rows) + "\n")


def test_two_covariances_tell_people_from_photos():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(400), 4)
    z = np.zeros((1600, 3))
    z[:, 0] = rng.normal(0, 2, 400)[people] + rng.normal(0, 0.5, 1600)
    z[:, 1] = rng.normal(0, 1, 1600)
    between, within = two_covariances(z, people, 3, 3)
    spread, moment = between @ between.T, within @ within.T
    assert np.isclose(spread[0, 0], 4.0, rtol=0.2)
    assert np.isclose(moment[0, 0], 0.25, rtol=0.2)
    assert np.isclose(moment[1, 1], 1.0, rtol=0.2)
    assert abs(spread[1, 1]) < 0.35


def test_the_joint_pca_gives_back_what_it_was_given():
    rng = np.random.default_rng(1)
    model = load_model()
    coefficients = rng.standard_normal((40, model.components))
    coefficients[:, 12:] = 0
    bands = {n: (model.means[n] + coefficients.astype(np.float32) @ model.bases[n]) for n in BANDS}
    means, bases, found = joint_pca(bands, model.mean_shape, 12)
    for name in BANDS:
        again = means[name] + found.astype(np.float32) @ bases[name]
        assert np.abs(again - bands[name]).max() < 0.02 * np.ptp(bands[name]) + 0.05


def test_with_means_fills_only_what_is_missing():
    rows = np.array([[1.0, np.nan], [3.0, 4.0]])
    assert np.array_equal(with_means(rows), [[1.0, 4.0], [3.0, 4.0]])


def test_warping_there_and_back_changes_little():
    model = load_model()
    mean = model.mean_shape
    moved = mean + 4 * np.random.default_rng(2).standard_normal((68, 2)).cumsum(axis=0) / 20
    y, x = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32)
    picture = np.dstack([x, y, 0 * x])
    points, others = control_points(mean), control_points(moved)
    triangles = triangles_of(points)
    there = remap(picture, pixel_map(others, points, triangles, FRAME), smooth=True)
    back = remap(there, pixel_map(points, others, triangles, FRAME), smooth=True)
    assert np.abs(back - picture)[30:190, 60:164].max() < 2.0
    for corner in (30, 36, 45, 8):
        px, py = np.round(moved[corner]).astype(int)
        assert np.linalg.norm(there[py, px, :2] - mean[corner]) < 1.5


def test_a_drawn_person_is_cut_out_of_the_background():
    shot = photo(draw_person(3), 0)
    person = cut_out(shot.pixels, shot.landmarks)
    skin, hair, cloth = share_out(shot.pixels, shot.landmarks, person)
    inside = shot.landmarks[[30, 33, 39, 42, 51]].astype(int)
    assert person[inside[:, 1], inside[:, 0]].all()
    assert not person[2, 2]
    assert not person[2, -3]
    assert crown_height(person, shot.landmarks) > 0.5
    assert skin[inside[:, 1], inside[:, 0]].all()
    assert not (skin & hair).any()
    assert not (hair & cloth).any()
    assert not ((skin | hair | cloth) & ~person).any()


def test_outline_distance_is_signed_and_cut():
    mask = np.zeros((60, 60), bool)
    mask[:, 30:] = True
    distance = outline_distance(mask, limit=10)
    assert distance[30, 29] < 0 < distance[30, 30]
    assert (distance.min(), distance.max()) == (-10, 10)


def test_filling_keeps_what_is_known_and_reaches_everywhere():
    pixels = np.zeros((FRAME, FRAME, 3), np.float32)
    pixels[80:120, 80:120] = (200, 100, 50)
    known = np.zeros((FRAME, FRAME), bool)
    known[80:120, 80:120] = True
    filled = fill_outside(pixels, known)
    assert np.allclose(filled[90:110, 90:110], (200, 100, 50))
    assert np.allclose(filled[60, 60], (200, 100, 50), atol=12)


def test_an_incomplete_copy_is_refused(tmp_path):
    with pytest.raises(DataError):
        fit(LFW(tmp_path / "nothing").people(TRAIN_LIST), tmp_path / "model.npz", np.zeros((1, 128)))
    write_miniature(tmp_path, people=1, photos=1)
    with pytest.raises(DataError):
        fit(LFW(tmp_path).people(TRAIN_LIST), tmp_path / "model.npz", np.zeros((1, 128)))


@pytest.mark.slow
def test_a_miniature_set_is_fitted_and_drawn_from(tmp_path):
    write_miniature(tmp_path)
    config = FitConfig(turn=9, sharpness=0.05, glasses=0.05, components=20, between=8, within=8)
    descriptors = training_descriptors(tmp_path)
    assert descriptors.shape == (14, 128)
    model = fit(LFW(tmp_path).people(TRAIN_LIST), tmp_path / "model.npz", descriptors, config)
    assert model.components == 20
    shot = photo(draw_person(0, model), 0, model=load_model(tmp_path / "model.npz"))
    assert shot.pixels.shape == (PHOTO_SIZE, PHOTO_SIZE, 3)
    assert shot.pixels.std() > 20
