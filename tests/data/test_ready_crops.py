"""Sets of ready crops: a miniature tar and what its .npz says of it, read once, and refused where they do not fit."""

from __future__ import annotations

import tarfile

import numpy as np
import pytest

from ssn.data.training_faces import training_faces
from ssn.errors import DataError
from tests.data.ready_crops import drawn, random_descriptors, write_set


def test_a_set_comes_back_with_every_picture_at_its_facts(tmp_path):
    pictures, descriptors = drawn(5), random_descriptors(5)
    write_set(tmp_path / "faces", "one", pictures, descriptors, identity=np.array([4, 4, -1, 0, -1]))
    crops, counts = training_faces(None, tmp_path / "cache", tmp_path / "faces")
    assert len(crops) == 5
    assert np.array_equal(crops.pixels, np.stack(list(pictures.values())))
    assert np.allclose(crops.descriptors, descriptors)
    assert crops.landmarks[2, 1, 0] == 2 * 136 + 2
    assert crops.identities.tolist() == [4, 4, -1, 0, -1]
    assert crops.sources.tolist() == ["one"] * 5
    assert counts == {"one": {"images": 5, "left_out": 0, "compared with": "nobody"}}
    assert (crops.landmarks.dtype, crops.descriptors.dtype) == (np.float32, np.float32)


def test_people_of_different_sets_are_different_people(tmp_path):
    write_set(tmp_path, "b", drawn(4, 1), random_descriptors(4, 1))
    write_set(tmp_path, "a", drawn(4, 2), random_descriptors(4, 2), identity=np.array([7, 7, -1, 3]))
    write_set(tmp_path, "c", drawn(2, 3), random_descriptors(2, 3), identity=np.array([-1, -1]))
    crops, counts = training_faces(None, tmp_path / "cache", tmp_path)
    assert list(counts) == ["a", "b", "c"]
    assert crops.identities.tolist() == [7, 7, -1, 3, 8, 8, 9, 9, -1, -1]


def test_pictures_are_read_from_the_archive_once(tmp_path, monkeypatch):
    write_set(tmp_path / "faces", "one", drawn(3), random_descriptors(3))
    first, _ = training_faces(None, tmp_path / "cache", tmp_path / "faces")
    monkeypatch.setattr(tarfile, "open", lambda *_: pytest.fail("read again"))
    second, _ = training_faces(None, tmp_path / "cache", tmp_path / "faces")
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.descriptors, second.descriptors)


def test_another_archive_of_the_same_name_is_another_set(tmp_path):
    """The cache was keyed by the archive's name alone: a new one was never read."""
    write_set(tmp_path / "faces", "one", drawn(3), random_descriptors(3))
    training_faces(None, tmp_path / "cache", tmp_path / "faces")
    other = drawn(4, seed=9)
    write_set(tmp_path / "faces", "one", other, random_descriptors(4, 9))
    crops, counts = training_faces(None, tmp_path / "cache", tmp_path / "faces")
    assert np.array_equal(crops.pixels, np.stack(list(other.values())))
    assert counts["one"]["images"] == 4


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
        training_faces(None, tmp_path / "cache", tmp_path / "faces")
    assert not list((tmp_path / "cache").rglob("pixels.npy"))


def test_pictures_of_another_size_are_refused(tmp_path):
    write_set(tmp_path, "one", {"a.webp": np.zeros((1, 1, 3), np.uint8)}, random_descriptors(1))
    with pytest.raises(DataError, match="144"):
        training_faces(None, tmp_path / "cache", tmp_path)


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
        training_faces(None, tmp_path / "cache", tmp_path)


def test_nothing_to_train_on_says_so(tmp_path):
    with pytest.raises(DataError, match="nothing to train on"):
        training_faces(None, tmp_path)
    with pytest.raises(DataError, match="nothing to train on"):
        training_faces(None, tmp_path, tmp_path)


# --- who is left out
