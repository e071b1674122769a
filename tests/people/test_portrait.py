"""Drawn people: the same by seed, found by the detector, one person across photos, nobody real, plausible in NIR."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssn.errors import CheckpointError, DataError
from ssn.faces.align import align
from ssn.faces.descriptor import describe
from ssn.faces.detect import FaceDetector
from ssn.faces.landmarks import find_landmarks
from ssn.faces.read import read_image
from ssn.people.appearance_model import BANDS, DEFAULT_MODEL, load_model
from ssn.people.casting import NEAREST_DRAWN, NEAREST_REAL, Candidate, Cast, cast, distances, is_found
from ssn.people.demo import DEMO_NAMES
from ssn.people.photo_set import plan, write_set
from ssn.people.portrait import PHOTO_SIZE, Person, draw_person, photo, photo_landmarks
from ssn.people.worn import WORN, draw_worn

DEMO = DEFAULT_MODEL.parent / "demo"


@pytest.fixture(scope="module")
def company():
    """Four people who passed all checks."""
    return cast(4, seed=5)


@pytest.fixture(scope="module")
def shots(company):
    """Three VIS photos of each."""
    return [[photo(person, seed) for seed in range(3)] for person in company.people]


def test_a_photo_is_the_same_for_the_same_seeds_only():
    first, again, other = (photo(draw_person(3), seed, "nir", "scarf") for seed in (1, 1, 2))
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.landmarks, again.landmarks)
    assert not np.array_equal(first.pixels, other.pixels)
    assert not np.allclose(draw_person(3).coefficients, draw_person(4).coefficients)


def test_both_spectra_and_everything_worn_show_the_same_moment():
    person = draw_person(8)
    taken = [photo(person, 1, spectrum, worn) for spectrum in ("vis", "nir") for worn in WORN]
    for shot in taken:
        assert shot.pixels.shape == (PHOTO_SIZE, PHOTO_SIZE, 3)
        assert shot.pixels.dtype == np.uint8
        assert np.array_equal(shot.landmarks, taken[0].landmarks)
    assert {shot.spectrum for shot in taken} == {"vis", "nir-simulated"}
    assert np.allclose(photo_landmarks(person, 1), taken[0].landmarks, atol=1e-4)


def test_nir_is_gray_and_vis_is_not():
    person = draw_person(8)
    nir, vis = photo(person, 1, "nir").pixels.astype(int), photo(person, 1).pixels.astype(int)
    assert np.ptp(nir, axis=2).max() == 0
    assert np.ptp(vis, axis=2).mean() > 5


@pytest.mark.parametrize(("spectrum", "worn"), [("ir", "none"), ("vis", "hat"), ("nir-simulated", "none")])
def test_unknown_spectra_and_clothing_are_refused(spectrum, worn):
    with pytest.raises(DataError):
        photo(draw_person(0), 0, spectrum, worn)


def test_a_negative_number_is_nobody():
    with pytest.raises(DataError):
        draw_person(-1)
    with pytest.raises(DataError):
        cast(1, seed=-1)
    with pytest.raises(DataError):
        cast(0)


def test_the_detector_finds_one_face_and_dlib_agrees_with_the_landmarks(shots):
    detector = FaceDetector()
    for shot in (s for three in shots for s in three):
        found = find_landmarks(shot.pixels, detector.detect(shot.pixels)[0])
        eyes = np.linalg.norm(shot.landmarks[36:42].mean(axis=0) - shot.landmarks[42:48].mean(axis=0))
        away = np.linalg.norm(found - shot.landmarks, axis=1) / eyes
        assert away[17:].mean() < 0.08
        assert away.mean() < 0.10


def test_head_and_chin_are_in_the_picture_and_the_face_aligns(shots):
    for shot in (s for three in shots for s in three):
        reach = shot.landmarks[8] - shot.landmarks[27]
        crown = shot.landmarks[27] - reach
        assert (np.array([crown, shot.landmarks[8]]) > 0).all()
        assert (np.array([crown, shot.landmarks[8]]) < PHOTO_SIZE).all()
        assert align(shot.pixels, shot.landmarks).pixels.min(axis=(0, 1)).max() < 200


def test_a_person_stays_the_same_person(shots):
    each = np.array([[describe(s.pixels, s.landmarks) for s in three] for three in shots])
    count = len(each)
    between = distances(each.reshape(-1, 128), each.reshape(-1, 128)).reshape(count, 3, count, 3)
    same = [between[p, i, p, j] for p in range(count) for i in range(3) for j in range(i)]
    different = [between[p, :, q, :].min() for p in range(count) for q in range(p)]
    assert max(same) < min(different)


def test_nobody_is_near_a_training_person_or_another_drawn_one(company):
    real = load_model().descriptors
    assert len(real) == 4038
    mine = np.array(company.descriptors)
    assert distances(mine, real).min() >= NEAREST_REAL
    assert (distances(mine, mine) + 9 * np.eye(len(mine))).min() >= NEAREST_DRAWN


def test_a_longer_cast_begins_with_the_shorter_and_other_seeds_share_nobody(company):
    assert [p.number for p in cast(2, seed=5).people] == [p.number for p in company.people[:2]]
    assert cast(1, seed=6).people[0].number not in {p.number for p in company.people}


def test_who_is_like_somebody_real_or_drawn_or_not_found_is_turned_away(company):
    person, descriptor = company.people[0], company.descriptors[0]
    nobody, far = np.full((1, 128), 9.0), descriptor + np.float32(0.5)
    chosen = Cast()
    assert not chosen.consider(Candidate(person, descriptor), descriptor[None] + 0.01)
    assert chosen.consider(Candidate(person, descriptor), nobody)
    assert not chosen.consider(Candidate(person, descriptor + 0.01), nobody)
    assert not chosen.consider(Candidate(person, None), nobody)
    assert chosen.consider(Candidate(person, far), nobody)
    assert (chosen.like_real, chosen.like_drawn, chosen.not_found, len(chosen.people)) == (1, 1, 1, 2)


def test_a_picture_without_a_face_is_not_found(shots):
    blank = shots[0][0]
    assert is_found(blank)
    assert not is_found(type(blank)(np.full_like(blank.pixels, 90), blank.landmarks, "vis", "none"))


def test_the_mean_person_is_in_the_middle():
    model = load_model()
    shape, layers = model.appearance(np.zeros(model.components))
    assert np.allclose(shape, model.mean_shape + model.means["shape"].reshape(68, 2), atol=1e-3)
    assert abs(shape[30, 0] - PHOTO_SIZE / 2) < 4
    assert layers.skin.shape == (PHOTO_SIZE, PHOTO_SIZE, 3)


def test_the_model_survives_its_file_and_fits_the_repository(tmp_path):
    model = load_model()
    assert DEFAULT_MODEL.stat().st_size <= 12 * 2**20
    model.save(tmp_path / "copy.npz")
    copy = load_model(tmp_path / "copy.npz")
    for name in BANDS:
        assert np.allclose(copy.bases[name], model.bases[name], atol=np.abs(model.bases[name]).max() / 100)
    assert np.array_equal(photo(Person(1, np.zeros(copy.components)), 1, model=copy).pixels.shape, (224, 224, 3))


@pytest.mark.parametrize("content", [b"", b"no archive", "cut", None])
def test_a_damaged_model_is_said_to_be_damaged(tmp_path, content):
    path = tmp_path / "model.npz"
    if content == "cut":
        content = DEFAULT_MODEL.read_bytes()[:100_000]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError):
        load_model(path)


def test_what_is_worn_covers_what_it_should(shots):
    landmarks = shots[0][0].landmarks
    rng = np.random.default_rng(0)
    at = lambda cover, points: np.array([cover.mask[int(y), int(x)] for x, y in points])  # noqa: E731
    eyes, mouth = landmarks[36:48], landmarks[48:60]
    goggles, mask, scarf = (draw_worn(worn, landmarks, PHOTO_SIZE, rng) for worn in WORN[1:])
    assert at(goggles, eyes).min() > 0.9
    assert at(goggles, mouth).max() < 0.1
    for cover in (mask, scarf):
        assert at(cover, mouth).min() > 0.9
        assert at(cover, eyes).max() < 0.1
    assert draw_worn("none", landmarks, PHOTO_SIZE, rng) is None


def test_a_plan_covers_only_nir_photos():
    orders = plan([4, 7], 5, 2)
    assert len(orders) == 10
    assert len({order.file for order in orders}) == 10
    assert {order.spectrum for order in orders if order.worn != "none"} == {"nir"}
    assert sum(order.worn != "none" for order in orders) == 4


@pytest.mark.parametrize(("people", "images", "covered"), [(0, 2, 0), (1, 0, 0), (1, 2, 2), (1, 2, -1)])
def test_sizes_that_make_no_set_are_refused(tmp_path, people, images, covered):
    with pytest.raises(DataError):
        write_set(tmp_path, people, images, covered=covered)


@pytest.mark.slow
def test_a_set_is_written_as_it_is_listed(tmp_path):
    report = write_set(tmp_path / "set", 2, 4, seed=1, covered=1, workers=1)
    assert json.loads((tmp_path / "set" / "people.json").read_text()) == report
    assert report["images"] == len(report["photos"]) == 8
    for entry in report["photos"]:
        assert Image.open(tmp_path / "set" / entry["file"]).size == (PHOTO_SIZE, PHOTO_SIZE)
        assert len(entry["landmarks"]) == 68


def test_a_set_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError):
        write_set(tmp_path / "file", 1, 1)


def test_the_demo_people_are_complete_small_and_named():
    listed = json.loads((DEMO / "people.json").read_text())["people"]
    assert len(listed) == 24
    assert [person["name"] for person in listed] == list(DEMO_NAMES)
    files = [p["enrolment"] for p in listed] + [probe["file"] for p in listed for probe in p["probes"]]
    assert all((DEMO / file).is_file() for file in files)
    assert sum((DEMO / file).stat().st_size for file in files) <= 2 * 2**20
    for person in listed:
        worn = [probe["occlusion"] for probe in person["probes"]]
        assert len(worn) == 3
        assert sum(w != "none" for w in worn) == 1
        assert {probe["spectrum"] for probe in person["probes"]} == {"nir-simulated"}


def test_demo_pictures_are_no_photographs():
    """They carry no EXIF: nothing a camera, or a person, left behind."""
    for file in sorted(Path(DEMO).glob("*.jpg"))[:12]:
        assert not Image.open(file).getexif()


@pytest.mark.slow
def test_the_detector_finds_every_demo_picture():
    detector = FaceDetector()
    for file in sorted(DEMO.glob("*.jpg")):
        assert len(detector.detect(read_image(file))) == 1, file.name
