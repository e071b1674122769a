"""Any ONNX embedder, tried with a model written by hand: its output is the picture it is given."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.errors import DataError
from ssn.evaluation.families import FAMILIES, Material
from ssn.evaluation.families.onnx_embedder import ARCFACE_POINTS, arcface_crop, five_points
from ssn.faces.types import AlignedFace
from tests.drawn import mean_landmarks

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is optional and not installed")


def field(number: int, value: int | bytes) -> bytes:
    """One field of a protobuf message."""

    def varint(n: int) -> bytes:
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def flatten_model(shape: list[int | str]) -> bytes:
    """An ONNX file with one Flatten node (onnx.proto3: the numbers are those of its fields)."""

    def value_info(name: bytes, sides: list[int | str]) -> bytes:
        dims = b"".join(field(1, field(1, s) if isinstance(s, int) else field(2, s.encode())) for s in sides)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))

    node = field(1, b"x") + field(2, b"y") + field(4, b"Flatten")
    graph = field(1, node) + field(2, b"g") + field(11, value_info(b"x", shape))
    graph += field(12, value_info(b"y", ["n", "d"]))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def patterned(seed: int) -> AlignedFace:
    rng = np.random.default_rng(seed)
    pixels = np.kron(rng.integers(20, 230, (16, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    return AlignedFace(pixels, mean_landmarks(), np.eye(2, 3))


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_model_sees_the_face_in_its_own_frame_size_and_colours(tmp_path, channels, batch):
    path = tmp_path / "flatten.onnx"
    path.write_bytes(flatten_model([batch, channels, 56, 56]))
    family = FAMILIES["onnx"].build(Material(onnx=path))
    faces = [patterned(seed) for seed in range(20)]
    vectors = family.describe(faces)
    assert vectors.shape == (20, channels * 56 * 56)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    crop = arcface_crop(faces[3], (56, 56)).astype(float) / 127.5 - 1
    expected = (crop @ [0.299, 0.587, 0.114])[None] if channels == 1 else crop.transpose(2, 0, 1)
    np.testing.assert_allclose(vectors[3], expected.ravel() / np.linalg.norm(expected), atol=1e-5)
    assert family.compare(vectors, vectors).argmax(axis=1).tolist() == list(range(20))


def test_the_five_points_go_where_arcface_has_them():
    """A face whose five points are ArcFace's, shrunk and moved, is warped back onto them."""
    placed = mean_landmarks()
    target = ARCFACE_POINTS * 0.6 + [20, 30]
    for indices, point in zip(([*range(36, 42)], [*range(42, 48)], [30], [48], [54]), target, strict=True):
        placed[indices] = point
    pixels = np.zeros((128, 128, 3), np.uint8)
    for x, y in np.rint(target).astype(int):
        pixels[y - 1 : y + 2, x - 1 : x + 2] = 255
    np.testing.assert_allclose(five_points(placed), target)
    crop = arcface_crop(AlignedFace(pixels, placed, np.eye(2, 3)), (112, 112))[..., 0]
    for x, y in np.rint(ARCFACE_POINTS).astype(int):
        assert crop[y, x] > 200
    assert crop.mean() < 20


@pytest.mark.parametrize(
    "shape", [[1, 4, 56, 56], [1, 3, "h", "w"], [1, 3, 56], [2, 3, 56, 56]], ids=["channels", "size", "rank", "batch"]
)
def test_a_model_that_is_no_embedder_of_faces_is_refused(tmp_path, shape):
    path = tmp_path / "other.onnx"
    path.write_bytes(flatten_model(shape))
    with pytest.raises(DataError, match="reads"):
        FAMILIES["onnx"].build(Material(onnx=path))


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"nothing")
    for path in (tmp_path / "a.onnx", tmp_path / "missing.onnx"):
        with pytest.raises(DataError, match="no ONNX model"):
            FAMILIES["onnx"].build(Material(onnx=path))
