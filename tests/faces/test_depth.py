"""Bit depth of camera frames: guessed from what is there, never by a hot pixel, alike in a series, or said."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from ssn.errors import NotAnImageError
from ssn.faces.depth import guessed_white, white_of
from ssn.faces.read import pages, read_image, read_series


def frame(demo, bits: int, light: float = 1.0) -> np.ndarray:
    """A NIR photo of a synthetic person as a camera of so many bits stores it, uint16."""
    gray = np.asarray(Image.open(demo[0].probes[0].file).convert("L"), np.float64)
    top = 2**bits - 1
    return np.round(gray / gray.max() * light * top).astype(np.uint16)


def as_file(array: np.ndarray, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_frames_of_every_depth_come_out_equally_bright(demo, bits):
    deep = frame(demo, bits)
    wanted = np.round(deep * (255 / (2**bits - 1)))
    for source in (deep, as_file(deep, "PNG"), as_file(deep, "TIFF")):
        assert np.abs(read_image(source)[..., 0] - wanted).max() <= 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_hot_pixels_do_not_decide_the_depth(demo, bits):
    deep = frame(demo, bits)
    clean = read_image(deep)
    for place in [(0, 0), (100, 50), (deep.shape[0] - 1, deep.shape[1] - 1)]:
        hot = deep.copy()
        hot[place] = 65535
        seen = read_image(hot)
        assert seen[place].tolist() == [255] * 3
        seen[place] = clean[place]
        assert np.array_equal(seen, clean)


def test_the_depth_is_the_smallest_that_holds_all_but_one_in_a_thousand():
    values = np.zeros(10_000, np.uint16)
    values[:10] = 60_000
    assert guessed_white(values) == 255
    values[10] = 60_000
    assert guessed_white(values) == 65535
    assert [guessed_white(np.full((4, 4), top, np.uint16)) for top in (255, 256, 1024, 4096, 16384)] == [
        2**bits - 1 for bits in (8, 10, 12, 14, 16)
    ]
    assert guessed_white(np.linspace(0, 1, 100)) == 1.0


@pytest.mark.parametrize("light", [0.9, 0.2, 0.05])
def test_the_frames_of_a_series_are_scaled_alike(demo, light):
    bright, dark = frame(demo, 14), frame(demo, 14, light)
    first, second = read_series([bright, as_file(dark, "TIFF")])
    assert np.abs(second - np.round(dark * (255 / 16383))[..., None]).max() <= 1
    assert np.array_equal(first, read_image(bright))
    assert second.mean() == pytest.approx(light * first.mean(), abs=1)


def test_a_series_of_ordinary_pictures_is_as_they_are_one_by_one(demo):
    files = [person.enrolment for person in demo[:3]]
    for together, file in zip(read_series(files), files, strict=True):
        assert np.array_equal(together, read_image(file))
    assert read_series([]) == []


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_the_depth_can_be_said(demo, bits):
    dark = frame(demo, bits, 0.03)
    wanted = np.round(dark * (255 / (2**bits - 1)))[..., None]
    assert np.abs(read_image(dark, bits=bits) - wanted).max() <= 1
    assert np.abs(read_series([dark], bits=bits)[0] - wanted).max() <= 1
    assert read_image(dark).mean() > read_image(dark, bits=bits).mean()


@pytest.mark.parametrize("bits", [0, 7, 17])
def test_depths_that_no_camera_has_are_refused(bits):
    with pytest.raises(NotAnImageError, match="bits"):
        white_of(bits)
    with pytest.raises(NotAnImageError, match="bits"):
        read_image(np.zeros((4, 4), np.uint16), bits=bits)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP"])
def test_the_pages_of_a_file_can_be_counted_and_chosen(kind):
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    frames = [Image.new("RGB", (12, 9), colour) for colour in colours]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    assert pages(out.getvalue()) == 3
    for page, colour in enumerate(colours):
        assert np.abs(read_image(out.getvalue(), page=page).astype(int) - colour).max() <= 6
    for wrong in (3, 99, -1):
        with pytest.raises(NotAnImageError, match=f"no page {wrong}"):
            read_image(out.getvalue(), page=wrong)


def test_what_a_telephone_keeps_beside_a_photo_is_no_page():
    out = io.BytesIO()
    Image.new("RGB", (12, 9), "red").save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (6, 4), "gray")])
    assert pages(out.getvalue()) == 1
    assert read_image(out.getvalue()).shape == (9, 12, 3)


def test_a_deep_file_of_several_pages_keeps_its_depth(demo):
    first, second = frame(demo, 14), frame(demo, 12)
    out = io.BytesIO()
    Image.fromarray(first).save(out, "TIFF", save_all=True, append_images=[Image.fromarray(second)])
    assert pages(out.getvalue()) == 2
    assert np.array_equal(read_image(out.getvalue(), page=1), read_image(second))


def test_a_single_picture_has_one_page(demo):
    assert pages(demo[0].enrolment) == 1
    assert pages(np.zeros((4, 4), np.uint8)) == 1
    with pytest.raises(NotAnImageError, match="no page 1"):
        read_image(np.zeros((4, 4), np.uint8), page=1)


FILES = [
    (".png", []),
    (".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_NONE]),
    (".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW]),
    (".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE]),
]
"""How OpenCV, which knows nothing of Pillow, writes 16-bit colours."""


def colours_as_file(deep: np.ndarray, suffix: str, options: list[int]) -> bytes:
    """(H, W, 3) uint16 RGB → a file's bytes."""
    done, data = cv2.imencode(suffix, np.ascontiguousarray(deep[..., ::-1]), options)
    assert done
    return data.tobytes()


@pytest.mark.parametrize(("suffix", "options"), FILES)
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_colours_of_every_depth_come_out_equally_bright(demo, bits, suffix, options):
    deep = np.stack([frame(demo, bits), frame(demo, bits, 0.8), frame(demo, bits, 0.6)], axis=-1)
    found = read_image(colours_as_file(deep, suffix, options))
    assert np.abs(found - np.round(deep * (255 / (2**bits - 1)))).max() <= 1
    said = read_image(colours_as_file(deep, suffix, options), bits=16)
    assert np.abs(said - np.round(deep * (255 / 65535))).max() <= 1


def test_deep_colours_are_turned_upright_from_any_page(demo):
    first, second = (np.stack([frame(demo, bits)] * 3, axis=-1)[:60, :40] for bits in (14, 12))
    done, data = cv2.imencodemulti(".tiff", [first, second])
    assert done
    assert np.array_equal(read_image(data.tobytes(), page=1), read_image(second))
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    block = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    plain = colours_as_file(first, ".png", [])
    turned = plain[:33] + block + plain[33:]  # after the header, which is always as long
    assert np.array_equal(read_image(turned), np.rot90(read_image(first), -1))


def with_lines(deep: np.ndarray, where: str) -> np.ndarray:
    """A frame with what is no light in it."""
    spoilt, (height, width) = deep.copy(), deep.shape
    if where == "column":
        spoilt[:, width // 3] = 65535
    elif where == "two columns":
        spoilt[:, [width // 3, width // 2]] = 65535
    elif where == "wide column":
        spoilt[:, width // 3 : width // 3 + 2] = 65535
    elif where == "row":
        spoilt[height // 3] = 65535
    elif where == "counter":
        spoilt[:2] = np.random.default_rng(0).integers(0, 65536, width)
    else:
        spoilt[np.random.default_rng(0).random(deep.shape) < 0.004] = 65535
    return spoilt


@pytest.mark.parametrize("where", ["column", "two columns", "wide column", "row", "counter", "single pixels"])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_lines_that_are_no_light_do_not_decide_the_depth(demo, bits, where):
    deep = frame(demo, bits)
    for source in (spoilt := with_lines(deep, where), as_file(spoilt, "PNG"), as_file(spoilt, "TIFF")):
        seen = read_image(source)[..., 0]
        same = spoilt == deep
        assert np.array_equal(seen[same], read_image(deep)[..., 0][same])


def test_bright_things_of_some_width_do_decide_it(demo):
    deep = frame(demo, 12)
    deep[20:40, 20:40] = 16000
    assert guessed_white(deep) == 2**14 - 1


def tiff(array: np.ndarray, order: str = "<", photometric: int = 1, kind: int = 1) -> bytes:
    """A gray TIFF file of one strip; ``kind`` is 1 for unsigned values and 2 for signed ones."""
    data = array.astype(array.dtype.newbyteorder(order)).tobytes()
    (height, width), bits = array.shape, array.dtype.itemsize * 8
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 134), (277, 1), (278, height)]
    tags += [(279, len(data)), (339, kind)]
    mark = b"II" if order == "<" else b"MM"
    entries = [struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags]
    head = mark + struct.pack(order + "HIH", 42, 8, len(tags)) + b"".join(entries) + bytes(4)
    return head.ljust(134, b"\0") + data


@pytest.mark.parametrize("bits", [12, 16])
def test_a_negative_is_read_as_what_it_shows(demo, bits):
    deep = frame(demo, bits)
    wanted = read_image(deep)
    assert np.abs(read_image(tiff(2**bits - 1 - deep, photometric=0)).astype(int) - wanted).max() <= 1
    assert np.array_equal(read_image(tiff(deep)), wanted)


def test_unsigned_values_of_32_bits_do_not_turn_negative(demo):
    gray = frame(demo, 16).astype(np.uint32)
    full = read_image(tiff(gray * 65537))[..., 0]
    top = np.sort(gray, axis=None)[-1 - gray.size // 1000]  # beyond 16 bits white is what is brightest
    assert np.abs(full - np.round(np.minimum(gray / top, 1) * 255)).max() <= 1
    assert np.array_equal(read_image(tiff(gray)), read_image(frame(demo, 16)))


@pytest.mark.parametrize("spot", [-32768, 32767])
def test_hot_and_cold_pixels_do_not_decide_the_range_of_signed_values(demo, spot):
    less_dark_frame = frame(demo, 12).astype(np.int16) - 900
    clean = read_image(tiff(less_dark_frame, kind=2))
    spoilt = less_dark_frame.copy()
    spoilt[9, 9] = spot
    seen = read_image(tiff(spoilt, kind=2))
    seen[9, 9] = clean[9, 9]
    assert np.abs(seen.astype(int) - clean).max() <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_few_dead_pixels_are_black_and_many_are_refused(demo, value):
    values = frame(demo, 12).astype(np.float32) / 4095
    clean = read_image(as_file(values, "TIFF"))
    values[3, 4] = value
    seen = read_image(as_file(values, "TIFF"))
    assert seen[3, 4].max() <= clean.min() + 1
    seen[3, 4] = clean[3, 4]
    assert np.array_equal(seen, clean)
    values[:9] = value
    with pytest.raises(NotAnImageError, match="no numbers"):
        read_image(values)


def gray_with_transparency(gray: np.ndarray, opaque: np.ndarray) -> bytes:
    """A 16-bit PNG file of two channels, which OpenCV does not write."""
    rows = np.dstack([gray, opaque]).astype(">u2")
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">IIBBBBB", *gray.shape[::-1], 16, 4, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize("form", ["gray.png", ".png", ".tiff", "array"])
@pytest.mark.parametrize("opaque", [4095, 65535])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_pictures_with_transparency_keep_their_depth_and_lie_on_white(demo, bits, opaque, form):
    deep = frame(demo, bits)
    clear = np.full_like(deep, opaque)
    clear[:10] = 0
    colours = np.dstack([deep] * 3 + [clear])
    stored = colours[..., [3, 0, 1, 2]]  # whose last becomes the first, as OpenCV has blue before red
    if form == "gray.png":
        source = gray_with_transparency(deep, clear)
    else:
        source = colours if form == "array" else colours_as_file(stored, form, [])
    seen = read_image(source)
    assert (seen[:10] == 255).all()
    assert np.abs(seen[10:, :, 0] - np.round(deep[10:] * (255 / (2**bits - 1)))).max() <= 1


def test_a_tiff_of_a_kind_that_is_not_read_is_not_called_damaged(demo):
    with pytest.raises(NotAnImageError, match="This kind of TIFF"):
        read_image(tiff(frame(demo, 16).astype(np.float64), kind=3))
