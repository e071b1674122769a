"""Several teachers as one: how they are written, and what their descriptors become."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.data.joined_teachers import ONLY_DLIB, joined_descriptors, teachers_named
from ssn.data.teachers import DLIB, StoredTeacher
from ssn.data.training_faces import training_faces
from ssn.errors import DataError
from tests.data.ready_crops import drawn, random_descriptors, write_set


@pytest.mark.parametrize(
    ("text", "names", "weights"),
    [
        ("dlib", ["dlib"], [1]),
        ("net", ["net"], [1]),
        ("dlib:0.3+net:0.7", ["dlib", "net"], [0.3, 0.7]),
        (" dlib + net:2", ["dlib", "net"], [1, 2]),
    ],
)
def test_teachers_are_written_with_their_weights(text, names, weights):
    found = teachers_named(text)
    assert [each.name for each in found.parts] == names
    assert list(found.weights) == weights


def test_a_card_says_who_taught():
    assert teachers_named("dlib") == ONLY_DLIB
    assert ONLY_DLIB.words == "dlib face recognition ResNet v1, 128-d descriptors"
    assert teachers_named("dlib:0.3+net:0.7").words == f"0.3 × {ONLY_DLIB.words} + 0.7 × net"
    assert teachers_named("dlib:0.3+net:0.7").parts == (DLIB, StoredTeacher("net"))


@pytest.mark.parametrize(
    "text", ["", "dlib:", "dlib:x", "dlib:0", "dlib:-1+net", ":1", "dlib+dlib:2", "net:inf", "a:nan"]
)
def test_what_are_no_teachers_is_refused(text):
    with pytest.raises(DataError):
        teachers_named(text)


def test_faces_of_two_teachers_have_the_descriptors_of_both(tmp_path):
    write_set(tmp_path, "one", drawn(6), random_descriptors(6), identity=np.arange(6))
    own = np.random.default_rng(5).normal(size=(6, 9))
    np.savez(tmp_path / "one.net.npz", name=np.array([f"{i:03d}.webp" for i in range(6)]), descriptor=own)
    faces, _ = training_faces(None, tmp_path / "cache", tmp_path, teachers_named("dlib:1+net:3"))
    assert faces.descriptors.shape == (6, 137)
    a, b = random_descriptors(6), own
    units = [(x - x.mean(0)) / np.linalg.norm(x - x.mean(0), axis=1, keepdims=True) for x in (a, b)]
    wanted = 0.25 * units[0] @ units[0].T + 0.75 * units[1] @ units[1].T
    assert np.allclose(faces.descriptors @ faces.descriptors.T, wanted, atol=1e-5)


def test_cosines_of_joined_descriptors_are_the_weighted_mean_of_the_teachers_own():
    rng = np.random.default_rng(0)
    parts = [rng.normal(0.4, 1, (7, 5)), 30 * rng.normal(-1, 1, (7, 9)), rng.normal(size=(7, 3))]
    weights = (3, 7, 10)
    whole = joined_descriptors(parts, weights)
    assert whole.shape == (7, 17)
    assert whole.dtype == np.float32
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)
    for i in range(7):
        for j in range(7):
            expected = 0.0
            for part, weight in zip(parts, (0.15, 0.35, 0.5), strict=True):
                a, b = part[i] - part.mean(0), part[j] - part.mean(0)
                expected += weight * a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            assert whole[i] @ whole[j] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("lengths", "weights", "words"),
    [((4, 4), (1,), "weights"), ((4, 4), (1, 0), "weights"), ((), (), "weights"), ((4, 5), (1, 1), "same faces")],
)
def test_parts_that_do_not_go_together_are_refused(lengths, weights, words):
    with pytest.raises(DataError, match=words):
        joined_descriptors([np.ones((length, 3)) for length in lengths], weights)
