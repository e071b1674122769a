"""Training crops from a miniature tar and a miniature LFW, and the teacher that describes them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import cdist

from ssn.data import crops as module
from ssn.data.crops import load_crops, near_any
from ssn.errors import DataError
from ssn.faces.align import alignment_transform, warp
from ssn.faces.descriptor import centred, describe
from ssn.faces.detect import FaceDetector, central_face
from ssn.faces.landmarks import find_landmarks
from ssn.faces.read import read_image


def write_set(folder: Path, stem: str, pictures: dict[str, np.ndarray], descriptors: np.ndarray, **changes) -> None:
    """``stem.tar`` of lossless WebP, out of order and in a folder as archives often are, and ``stem.npz`` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{stem}.tar", "w") as tar:
        for file, pixels in sorted(pictures.items(), reverse=True):
            out = io.BytesIO()
            Image.fromarray(pixels).save(out, "WEBP", lossless=True)
            info = tarfile.TarInfo(f"{stem}/{file}")
            info.size = len(out.getvalue())
            tar.addfile(info, io.BytesIO(out.getvalue()))
    facts = {
        "name": np.array(list(pictures)),
        "identity": np.arange(len(pictures)) // 2,
        "landmarks": np.arange(len(pictures) * 136, dtype=np.float64).reshape(-1, 68, 2),
        "descriptor": descriptors,
    } | changes
    np.savez(folder / f"{stem}.npz", **{key: value for key, value in facts.items() if value is not None})


def drawn(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"{i:03d}.webp": rng.integers(0, 256, (144, 144, 3), dtype=np.uint8) for i in range(count)}


def random_descriptors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 128)) * 0.1


# --- sets of ready crops


def test_a_set_comes_back_with_every_picture_at_its_facts(tmp_path):
    pictures, descriptors = drawn(5), random_descriptors(5)
    write_set(tmp_path / "faces", "one", pictures, descriptors, identity=np.array([4, 4, -1, 0, -1]))
    crops, counts = load_crops(tmp_path / "cache", faces=tmp_path / "faces")
    assert len(crops) == 5
    assert np.array_equal(crops.pixels, np.stack(list(pictures.values())))
    assert np.allclose(crops.descriptors, descriptors)
    assert crops.landmarks[2, 1, 0] == 2 * 136 + 2
    assert crops.identities.tolist() == [4, 4, -1, 0, -1]
    assert crops.sources.tolist() == ["one"] * 5
    assert counts == {"one": {"images": 5, "left_out": 0}}
    assert (crops.landmarks.dtype, crops.descriptors.dtype) == (np.float32, np.float32)


def test_people_of_different_sets_are_different_people(tmp_path):
    write_set(tmp_path, "b", drawn(4, 1), random_descriptors(4, 1))
    write_set(tmp_path, "a", drawn(4, 2), random_descriptors(4, 2), identity=np.array([7, 7, -1, 3]))
    write_set(tmp_path, "c", drawn(2, 3), random_descriptors(2, 3), identity=np.array([-1, -1]))
    crops, counts = load_crops(tmp_path / "cache", faces=tmp_path)
    assert list(counts) == ["a", "b", "c"]
    assert crops.identities.tolist() == [7, 7, -1, 3, 8, 8, 9, 9, -1, -1]


def test_the_cache_is_enough_the_second_time(tmp_path):
    write_set(tmp_path / "faces", "one", drawn(3), random_descriptors(3))
    first, _ = load_crops(tmp_path / "cache", faces=tmp_path / "faces")
    (tmp_path / "faces" / "one.tar").write_bytes(b"gone")
    second, _ = load_crops(tmp_path / "cache", faces=tmp_path / "faces")
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.descriptors, second.descriptors)


def test_a_cache_that_was_cut_short_is_built_again(tmp_path):
    write_set(tmp_path / "faces", "one", drawn(3), random_descriptors(3))
    half = tmp_path / "cache" / "one.part"
    half.mkdir(parents=True)
    (half / "pixels.npy").write_bytes(b"half")
    crops, _ = load_crops(tmp_path / "cache", faces=tmp_path / "faces")
    assert len(crops) == 3
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["one"]


@pytest.mark.parametrize(
    "change",
    [
        {"identity": None},
        {"descriptor": random_descriptors(2)},
        {"landmarks": np.zeros((3, 5, 2))},
        {"name": np.array(["000.webp", "001.webp", "other.webp"])},
        {"name": np.array(["000.webp", "001.webp", "001.webp"])},
    ],
    ids=["no identities", "too few descriptors", "five landmarks", "a picture missing", "a name twice"],
)
def test_a_set_whose_parts_do_not_fit_is_refused_and_not_cached(tmp_path, change):
    write_set(tmp_path / "faces", "one", drawn(3), random_descriptors(3), **change)
    with pytest.raises(DataError):
        load_crops(tmp_path / "cache", faces=tmp_path / "faces")
    assert not (tmp_path / "cache" / "one").exists()


def test_pictures_of_another_size_are_refused(tmp_path):
    write_set(tmp_path, "one", {"a.webp": np.zeros((1, 1, 3), np.uint8)}, random_descriptors(1))
    with pytest.raises(DataError, match="144"):
        load_crops(tmp_path / "cache", faces=tmp_path)


@pytest.mark.parametrize("damage", ["no npz", "text npz", "text tar", "cut tar"])
def test_a_damaged_set_is_refused(tmp_path, damage):
    write_set(tmp_path, "one", drawn(3), random_descriptors(3))
    tar, npz = tmp_path / "one.tar", tmp_path / "one.npz"
    if damage == "no npz":
        npz.unlink()
    elif damage == "text npz":
        npz.write_text("text")
    elif damage == "text tar":
        tar.write_text("text")
    else:
        tar.write_bytes(tar.read_bytes()[: tar.stat().st_size // 2])
    with pytest.raises(DataError):
        load_crops(tmp_path / "cache", faces=tmp_path)


def test_nothing_to_train_on_says_so(tmp_path):
    with pytest.raises(DataError, match="nothing to train on"):
        load_crops(tmp_path)
    with pytest.raises(DataError, match="nothing to train on"):
        load_crops(tmp_path, faces=tmp_path)


# --- who is left out


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 10_000))
def test_near_any_is_the_smallest_of_all_distances(count, others, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=(n, 128)).astype(np.float32) * 0.032 for n in (count, others))
    found = near_any(a, b)
    if not others:
        assert found.tolist() == [False] * count
        return
    distances = cdist(a.astype(float), b.astype(float)).min(axis=1, initial=np.inf)
    sure = np.abs(distances - 0.5) > 1e-4
    assert np.array_equal(found[sure], distances[sure] < 0.5)
    assert np.array_equal(near_any(a, b, 0.4)[sure], (distances < 0.4)[sure]) or np.isclose(distances, 0.4).any()


def test_near_any_finds_the_needle_beyond_its_first_chunk():
    haystack = np.zeros((5000, 128), np.float32)
    haystack[:, 0] = 10
    haystack[4500, 0] = 0.3
    found = near_any(haystack, np.zeros((3, 128), np.float32))
    assert np.flatnonzero(found).tolist() == [4500]


@pytest.fixture
def lfw_of_demo(demo, tmp_path) -> Path:
    """LFW's tree with demo people: three to learn from, one to test on, and a photo without a face."""
    root = tmp_path / "lfw"
    names = ["Ann_Lee", "Ben_Oz", "Cy_Po", "Di_Qu"]
    for name, person in zip(names, demo, strict=False):
        folder = root / "images" / name
        folder.mkdir(parents=True)
        Image.fromarray(read_image(person.enrolment)).save(folder / f"{name}_0001.jpg", quality=95)
    Image.new("RGB", (250, 250), "gray").save(root / "images" / "Ben_Oz" / "Ben_Oz_0002.jpg")
    (root / "peopleDevTrain.txt").write_text("3\nAnn_Lee\t1\nBen_Oz\t2\nCy_Po\t1\n")
    (root / "peopleDevTest.txt").write_text("1\nDi_Qu\t1\n")
    return root


def test_lfw_is_cut_described_and_freed_of_test_people(lfw_of_demo, tmp_path):
    """A ready set holds one crop of the test person and one of nobody: the first must go, LFW's own must stay."""
    root = lfw_of_demo
    image = read_image(root / "images" / "Di_Qu" / "Di_Qu_0001.jpg")
    points = find_landmarks(image, central_face(image, FaceDetector().detect(image)))
    known = describe(image, points)
    far = known + 10
    write_set(tmp_path / "faces", "one", drawn(2), np.stack([known, far]), identity=np.array([5, 2]))
    crops, counts = load_crops(tmp_path / "cache", lfw=root, faces=tmp_path / "faces", workers=1)
    assert counts == {
        "one": {"images": 1, "left_out": 1},
        "lfw-peopleDevTrain": {"images": 3, "left_out": 0},
    }
    assert crops.sources.tolist() == ["one"] + ["lfw-peopleDevTrain"] * 3
    assert crops.identities.tolist() == [2, 6, 7, 8]
    assert np.allclose(crops.descriptors[0], far)
    ann = read_image(root / "images" / "Ann_Lee" / "Ann_Lee_0001.jpg")
    points = find_landmarks(ann, central_face(ann, FaceDetector().detect(ann)))
    assert np.array_equal(crops.pixels[1], warp(ann, alignment_transform(points, 144), 144))
    assert np.allclose(crops.descriptors[1], describe(ann, points), atol=1e-5)
    eyes = crops.landmarks[1:, 36:48].mean(axis=1)
    assert np.allclose(eyes, (72, 48), atol=0.01)


def test_a_list_whose_photos_show_no_face_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "lfw" / "images" / "Ann_Lee"
    folder.mkdir(parents=True)
    Image.new("RGB", (100, 100), "gray").save(folder / "Ann_Lee_0001.jpg")
    (tmp_path / "lfw" / "peopleDevTest.txt").write_text("1\nAnn_Lee\t1\n")
    monkeypatch.setattr(module, "_process", lambda paths, what, workers: map(module._crop_and_describe, paths))
    with pytest.raises(DataError, match="shows a face"):
        load_crops(tmp_path / "cache", lfw=tmp_path / "lfw")


# --- the teacher


def test_the_teacher_knows_two_photos_of_one_demo_person_from_another_person(demo):
    detector = FaceDetector()

    def seen(path: Path) -> np.ndarray:
        image = read_image(path)
        return describe(image, find_landmarks(image, central_face(image, detector.detect(image))))

    own = [probe.file for probe in demo[0].probes if probe.occlusion == "none"]
    assert own
    other = seen(demo[1].enrolment)
    first = seen(demo[0].enrolment)
    assert first.shape == (128,)
    assert first.dtype == np.float32
    assert np.array_equal(first, seen(demo[0].enrolment))
    for path in own:
        assert np.linalg.norm(first - seen(path)) < np.linalg.norm(first - other)
    assert np.linalg.norm(first - other) > 0.4


def test_centring_takes_off_the_mean_and_makes_unit_length():
    descriptors = random_descriptors(6).astype(np.float32) + 0.2
    mean = descriptors.mean(axis=0)
    found = centred(descriptors, mean)
    expected = [(d - mean) / np.linalg.norm(d - mean) for d in descriptors]
    assert np.allclose(found, expected, atol=1e-5)
    assert np.isfinite(centred(mean[None], mean)).all(), "the mean itself has no direction, and no division by zero"
