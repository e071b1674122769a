"""Teachers: the alignment an embedder expects, and a network in a file, run as onnxruntime runs it; who is near."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ssn.data import teachers
from ssn.data.face_store import FaceStore
from ssn.data.protocol import Sample
from ssn.data.teachers import (
    DLIB,
    EMBEDDER_RULE,
    TEMPLATE,
    NearRule,
    OnnxTeacher,
    StoredTeacher,
    arcface_crop,
    five_points,
    near_any,
    similarity,
    teacher_named,
    whole_people,
)
from ssn.errors import DataError
from tests.drawn import mean_landmarks


@given(st.floats(-3, 3), st.floats(0.2, 5), st.floats(-50, 50), st.floats(-50, 50))
def test_a_similarity_is_found_again(angle, scale, x, y):
    points = np.array([(0, 0), (4, 1), (2, 6), (-3, 2), (5, -2)], float)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(points, points @ turn.T + (x, y))
    assert np.allclose(found, np.hstack([turn, [[x], [y]]]), atol=1e-6)


def test_the_similarity_is_the_least_squares_solution():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 2))
    rows = [row for x, y in a for row in ((x, -y, 1, 0), (y, x, 0, 1))]
    p, q, x, y = np.linalg.lstsq(np.array(rows), b.ravel(), rcond=None)[0]
    assert np.allclose(similarity(a, b), [[p, -q, x], [q, p, y]])


def test_a_face_that_stands_in_the_template_is_left_as_it_is():
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = TEMPLATE[0], TEMPLATE[1]
    points[[30, 48, 54]] = TEMPLATE[2:]
    assert np.allclose(five_points(points), TEMPLATE)
    picture = np.random.default_rng(0).integers(0, 255, (112, 112, 3)).astype(np.uint8)
    assert np.abs(arcface_crop(picture, points).astype(int) - picture).max() <= 1
    bright = np.full((60, 60, 3), 200, np.uint8)
    assert arcface_crop(bright, points).min() == 200, "what lies outside the picture repeats its border"


class Session:
    """Says what it was asked, and answers with the means of the picture's left and right halves."""

    def __init__(self):
        self.asked = []

    def get_inputs(self):
        return [type("Input", (), {"name": "input", "shape": ["N", 3, 112, 112]})]

    def run(self, _outputs, feed):
        (batch,) = feed.values()
        self.asked.append((list(feed), batch))
        return [np.stack([batch[..., :56].mean(axis=(1, 2, 3)), batch[..., 56:].mean(axis=(1, 2, 3))], axis=1)]


def test_an_embedder_sees_normalised_pixels_and_its_mirror_image(monkeypatch, tmp_path):
    session = Session()
    monkeypatch.setattr(teachers, "_session", lambda _: session)
    image = np.random.default_rng(1).integers(0, 255, (144, 144, 3)).astype(np.uint8)
    image[:, :72] //= 4
    found = OnnxTeacher(tmp_path / "net.onnx", "net").describe(image, mean_landmarks() + 8)
    (names, batch), face = session.asked[0], arcface_crop(image, mean_landmarks() + 8)
    assert names == ["input"]
    assert (batch.shape, batch.dtype) == ((2, 3, 112, 112), np.float32)
    assert np.allclose(batch[0], (face.transpose(2, 0, 1).astype(float) - 127.5) / 128, atol=1e-6)
    assert np.array_equal(batch[1], batch[0, ..., ::-1])
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    assert found[0] == pytest.approx(found[1], abs=1e-5), "the mean of a face and its mirror image knows no side"


def test_a_store_keeps_an_embedders_descriptors_of_crops(monkeypatch, tmp_path):
    session = Session()
    monkeypatch.setattr(teachers, "_session", lambda _: session)
    teacher = OnnxTeacher(tmp_path / "net.onnx", "net-1")
    samples = [
        Sample(str(i), "vis", lambda i=i: np.full((128, 128, 3), 60 * i, np.uint8), mean_landmarks(), f"drawn-{i}")
        for i in range(3)
    ]
    for _ in range(2):
        faces, _ = FaceStore(tmp_path, workers=1).stored(samples, "toy", teacher)
        assert faces.descriptors.shape == (3, 2)
    assert len(session.asked) == 3
    assert np.allclose(faces.descriptors[0], teacher.describe(faces.pixels[0], faces.landmarks[0]), atol=1e-5)


def test_teachers_are_named_by_a_word_or_a_file(tmp_path):
    assert teacher_named("dlib") is DLIB
    assert teacher_named("mobilefacenet") == StoredTeacher("mobilefacenet")
    with pytest.raises(DataError, match="no network"):
        teacher_named(str(tmp_path / "none.onnx"))


def test_a_file_that_is_no_network_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "net.onnx").write_bytes(b"no network")
    with pytest.raises(DataError, match="onnxruntime can run"):
        teacher_named(str(tmp_path / "net.onnx"))


# --- who is near


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
    closer = near_any(a, b, NearRule("euclidean", 0.4))
    assert np.array_equal(closer[sure], (distances < 0.4)[sure]) or np.isclose(distances, 0.4).any()


def test_near_any_finds_the_needle_beyond_its_first_chunk():
    haystack = np.zeros((5000, 128), np.float32)
    haystack[:, 0] = 10
    haystack[4500, 0] = 0.3
    found = near_any(haystack, np.zeros((3, 128), np.float32))
    assert np.flatnonzero(found).tolist() == [4500]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10_000))
def test_near_any_by_cosine_is_the_largest_of_all_after_centring(count, others, seed):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=6)
    a, b = (shared + rng.normal(size=(n, 6)) for n in (count, others))
    mean = shared + 0.1
    cosines = (1 - cdist(a - mean, b - mean, "cosine")).max(axis=1)
    sure = np.abs(cosines - 0.6) > 1e-5
    assert np.array_equal(near_any(a, b, EMBEDDER_RULE, mean)[sure], (cosines >= 0.6)[sure])


@given(st.lists(st.tuples(st.booleans(), st.integers(-1, 4)), max_size=20))
def test_who_is_near_in_one_picture_is_left_out_with_all(pictures):
    chosen = np.array([near for near, _ in pictures], bool)
    identities = np.array([who for _, who in pictures], int)
    wanted = [near or any(n and w == who >= 0 for n, w in pictures) for near, who in pictures]
    assert whole_people(chosen, identities).tolist() == wanted
