"""``cohort`` as a script sees it, on sets of drawn crops and a recogniser without a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssn.commands.cohort import People, drawn_people, set_groups
from ssn.data.groups import is_child
from ssn.errors import DataError
from ssn.gallery.cohort import cohort_of, load_cohort
from tests.drawn import mean_landmarks
from tests.gallery.toys import TOY, ToyRecognizer


def write_set(folder: Path, name: str, count: int, originals: list[str], identities=None, points: int | None = None):
    """Crops of noise squares, each somebody else unless ``identities`` say so."""
    squares = np.random.default_rng(len(name)).integers(30, 220, (count, 18, 18, 3))
    path = folder / f"{name}.npy"
    np.save(path, np.kron(squares, np.ones((1, 8, 8, 1))).astype(np.uint8))
    np.savez(
        path.with_suffix(".npz"),
        landmarks=np.repeat(mean_landmarks()[None] + 8, count if points is None else points, axis=0),
        identity=np.full(count, -1) if identities is None else identities,
        original=np.array(originals),
    )
    return path


@pytest.fixture
def toy_embeds(monkeypatch):
    """The toy has no fast way."""
    really = ToyRecognizer.embed_batch
    monkeypatch.setattr(
        ToyRecognizer, "embed_batch", lambda self, faces, fast=False, enrolled=False: really(self, faces, enrolled)
    )


def test_it_writes_a_cohort_of_that_model(ask, toy, toy_embeds, tmp_path):
    old = write_set(tmp_path, "utkface", 140, [f"{20 + i % 60}_{i % 2}_0_.jpg" for i in range(140)])
    out = tmp_path / "made" / "toy.cohort.safetensors"
    done = ask("cohort", "--faces", old, "--people", 60, "--held-out", 80, "--out", out)
    assert done.status == 0, done.err
    found = load_cohort(out)
    assert found.model_id == TOY
    assert done.data["facts"]["sets"] == ["utkface"]
    assert {row["condition"] for row in done.data["conditions"]} == set(found.adults)
    for row in done.data["conditions"]:
        assert row["z_at_0.01"] < row["z_at_0.001"] < row["z_at_1e-05"]
    assert cohort_of(tmp_path / "made" / "toy.safetensors", TOY) is not None
    assert "100 %" in done.err


def test_counts_are_for_all_sets_or_one_each(ask, toy, toy_embeds, tmp_path):
    sets = [write_set(tmp_path, name, 140, [f"{i}.jpg" for i in range(140)]) for name in ("one", "other")]
    out = tmp_path / "toy.cohort.safetensors"
    flags = [word for path in sets for word in ("--faces", path)]
    done = ask("cohort", *flags, "--people", 30, "--people", 40, "--held-out", 80, "--out", out)
    assert done.status == 0, done.err
    assert (done.data["facts"]["people"], done.data["facts"]["held_out"]) == (70, 160)
    assert done.data["facts"]["means_of"] == ["one", "other"]
    refused = ask("cohort", *flags, "--people", 30, "--people", 30, "--people", 30, "--out", out)
    assert refused.status == 2
    assert "--people was given 3 times" in refused.err


def test_people_are_drawn_once_and_nobody_is_in_both_halves(tmp_path):
    identities = np.repeat(np.arange(40), 3)
    path = write_set(tmp_path, "set", 120, [f"{i}.jpg" for i in range(120)], identities)
    first, second = drawn_people(path, 20, 20, seed=1)
    pixels, seen = np.load(path), []
    for face in first.faces + second.faces:
        seen += [who for who, crop in zip(identities, pixels, strict=True) if (crop[8:-8, 8:-8] == face.pixels).all()]
    assert sorted(seen) == list(range(40))
    with pytest.raises(DataError, match="40 people"):
        drawn_people(path, 21, 20, seed=1)


def test_a_set_and_its_facts_must_belong_together(ask, tmp_path):
    path = write_set(tmp_path, "set", 50, ["a"] * 50, points=49)
    refused = ask("cohort", "--faces", path, "--people", 20, "--held-out", 20)
    assert refused.status == 2
    assert "belong together" in refused.err
    missing = ask("cohort", "--faces", tmp_path / "none.npy")
    assert missing.status == 2
    assert "no set of crops" in missing.err


def test_a_child_is_in_no_group_of_adults():
    assert set_groups("utkface", "30_1_2_x.jpg") == (
        "utkface",
        "utkface, age 30–44",
        "utkface, female",
        "utkface, Asian",
    )
    assert set_groups("utkface", "9_1_2_x.jpg") == ("utkface, age 0–12",)
    assert set_groups("aaf", "00012A16.jpg") == ("aaf, age 13–17",)
    assert set_groups("celeba", "000001.jpg") == ("celeba",)
    assert is_child("aaf, age 13–17")
    assert not is_child("aaf, age 18–29")


def test_who_is_there_twice_is_told_by_one_network_surely_or_by_two_together():
    def at(distance: float, cosine: float) -> np.ndarray:
        descriptors = np.zeros((2, 128))
        descriptors[1, 0] = distance
        units = np.array([[1.0, 0.0], [cosine, (1 - cosine**2) ** 0.5]])
        return People([None, None], [(), ()], descriptors, units).same

    assert at(0.29, -1.0)[0, 1]
    assert at(0.59, 0.66)[0, 1]
    assert not at(0.59, 0.64)[0, 1]
    assert not at(0.61, 0.99)[0, 1]
    lone = People([None] * 2, [(), ()], np.array([[0.0] * 128, [0.004] * 128]), np.full((2, 1), np.nan))
    mixed = lone + People([None], [()], np.full((1, 128), np.nan), np.ones((1, 2)))
    assert mixed.same.tolist() == [[True, True, False], [True, True, False], [False, False, False]]


def test_who_is_there_three_times_is_told_by_way_of_the_photo_between():
    descriptors = np.zeros((4, 128))
    descriptors[:, 0] = 0.0, 0.28, 0.56, 1.5
    same = People([None] * 4, [()] * 4, descriptors, np.zeros((4, 1))).same
    assert same.tolist() == [[True, True, True, False]] * 3 + [[False, False, False, True]]
