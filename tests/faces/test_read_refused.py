"""What is no picture, or too large a one: refusals are typed, and come before anything costs much."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ssn.errors import ImageError, ImageTooLargeError, NotAnImageError
from ssn.faces.read import MAX_BYTES, MAX_PIXELS, read_image
from tests.faces.pictures import encoded


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_a_file_that_was_cut_off_is_refused(kind):
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    assert read_image(data).shape == (60, 60, 3)
    for part in (0.02, 0.3, 0.7):
        with pytest.raises(NotAnImageError):
            read_image(data[: int(len(data) * part)])


def test_a_lazily_opened_picture_that_was_cut_off_is_refused():
    data = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)))
    with pytest.raises(NotAnImageError):
        read_image(Image.open(io.BytesIO(data[: len(data) // 2])))


def test_empty_text_missing_and_odd_files_are_refused(tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(NotAnImageError, match="empty"):
        read_image(tmp_path / "empty.jpg")
    with pytest.raises(NotAnImageError, match="empty"):
        read_image(b"")
    (tmp_path / "text.jpg").write_text("I am a letter.")
    with pytest.raises(NotAnImageError, match="not a readable picture"):
        read_image(tmp_path / "text.jpg")
    for path in (tmp_path / "no.jpg", tmp_path, "/dev/zero", "a\0b.png", "x" * 5000):
        with pytest.raises(NotAnImageError):
            read_image(path)


def test_formats_that_run_other_programs_are_not_opened():
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    assert Image.open(io.BytesIO(script)).format == "EPS", "Pillow itself would open it"
    with pytest.raises(NotAnImageError):
        read_image(script)


def png_with_header(width: int, height: int, data: bytes = b"") -> bytes:
    """A gray PNG whose header tells a size its data need not have."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bomb(kind: str) -> bytes:
    """50 megapixels in few bytes."""
    if kind == "PNG":
        return png_with_header(10_000, 5_000, zlib.compress(bytes(10_001) * 5_000, 9))
    return encoded(Image.new("L", (10_000, 5_000)), kind, **{"TIFF": {"compression": "tiff_lzw"}}.get(kind, {}))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF"])
def test_a_bomb_of_fifty_megapixels_is_refused_before_it_is_decoded(kind):
    data = bomb(kind)
    assert len(data) < MAX_BYTES
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(ImageTooLargeError, match="50 megapixels"):
        read_image(data)
    spent, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 0.2
    assert peak < 5 * 2**20


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (20_000, 10_000), (MAX_PIXELS + 1, 1)])
def test_a_header_that_promises_too_much_is_refused(size):
    with pytest.raises(ImageTooLargeError):
        read_image(png_with_header(*size))


def test_a_picture_just_below_the_limit_is_read():
    found = read_image(png_with_header(10_000, 4_000, zlib.compress(bytes(10_001) * 4_000, 1)))
    assert found.shape == (4_000, 10_000, 3)


def test_too_many_bytes_are_refused_unread(tmp_path):
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    for source in (tmp_path / "huge.png", bytes(MAX_BYTES + 1)):
        with pytest.raises(ImageTooLargeError, match="MB"):
            read_image(source)


def test_arrays_and_pil_pictures_above_the_limit_are_refused():
    with pytest.raises(ImageTooLargeError):
        read_image(np.broadcast_to(np.uint8(0), (7_000, 7_000, 3)))
    with pytest.raises(ImageTooLargeError):
        read_image(Image.new("1", (7_000, 7_000)))


@pytest.mark.parametrize("shape", [(0, 4, 3), (4,), (4, 4, 2), (4, 4, 5), (1, 4, 4, 3), ()])
def test_arrays_of_other_shapes_are_refused(shape):
    with pytest.raises(NotAnImageError, match="shape"):
        read_image(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [object, "U3", np.complex64, "datetime64[s]"])
def test_arrays_of_other_types_are_refused(dtype):
    with pytest.raises(NotAnImageError, match="array of"):
        read_image(np.zeros((4, 4), dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_floats_that_are_no_numbers_are_refused(value):
    with pytest.raises(NotAnImageError, match="no numbers"):
        read_image(np.array([[0.0, value]]))


@given(st.binary(min_size=1, max_size=300))
def test_random_bytes_give_only_typed_errors(data):
    with pytest.raises(ImageError):
        read_image(data)


HEADERS = [encoded(Image.new("RGB", (24, 24), (9, 99, 199)), kind) for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP")]


@settings(max_examples=200)
@pytest.mark.filterwarnings("ignore")
@given(
    data=st.sampled_from(HEADERS),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damaged_pictures_are_read_or_give_typed_errors(data, damage):
    broken = bytearray(data)
    for place, value in damage:
        broken[int(place * len(broken))] = value
    with contextlib.suppress(ImageError):
        assert read_image(bytes(broken)).shape[2] == 3


def test_the_error_names_the_file_but_not_its_folders(tmp_path: Path):
    with pytest.raises(NotAnImageError) as caught:
        read_image(tmp_path / "gone.jpg")
    assert "gone.jpg" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
