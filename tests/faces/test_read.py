"""Reading pictures: what each kind becomes, what is refused, and that refusals are typed and cheap."""

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
from hypothesis.extra import numpy as npst
from PIL import Image

from ssn.errors import ImageError, ImageTooLargeError, NotAnImageError
from ssn.faces import read
from ssn.faces.read import FORMATS, MAX_BYTES, MAX_PIXELS, SUFFIXES, read_image


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
    """(6, 4, 3): no two pixels alike, so that every turn and flip shows."""
    return np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3) * 3


def test_a_colour_picture_comes_back_as_it_was_from_bytes_path_text_and_pil(colours, tmp_path):
    (tmp_path / "p.png").write_bytes(encoded(Image.fromarray(colours)))
    sources = [
        encoded(Image.fromarray(colours)),
        tmp_path / "p.png",
        str(tmp_path / "p.png"),
        Image.fromarray(colours),
        Image.open(tmp_path / "p.png"),
        colours,
    ]
    for source in sources:
        found = read_image(source)
        assert found.dtype == np.uint8
        assert np.array_equal(found, colours)


# What a viewer must do to the stored pixels, from the EXIF standard, as numpy says it.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(colours, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF"):
        found = read_image(encoded(Image.fromarray(colours), kind, exif=exif))
        assert np.array_equal(found, UPRIGHT[orientation](colours)), kind


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0garbage", b"Exif\0\0"])
def test_damaged_exif_does_not_hide_the_picture(exif):
    picture = Image.new("RGB", (8, 8), (200, 100, 50))
    assert read_image(encoded(picture, "JPEG", exif=exif)).shape == (8, 8, 3)


def test_gray_and_bilevel_pictures_get_three_equal_channels():
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    assert np.array_equal(read_image(encoded(Image.fromarray(gray))), np.stack([gray] * 3, 2))
    bilevel = read_image(encoded(Image.fromarray(gray > 100)))
    assert np.array_equal(bilevel, np.where(gray > 100, 255, 0)[..., None].repeat(3, 2))


@pytest.mark.parametrize(("top", "white"), [(65535, 65535), (4000, 4095), (200, 255)])
def test_sixteen_bit_pictures_are_scaled_by_the_range_they_use(top, white):
    deep = np.linspace(0, top, 20).astype(np.uint16).reshape(4, 5)
    expected = np.round(deep * (255 / white)).astype(np.uint8)
    for kind in ("PNG", "TIFF"):
        found = read_image(encoded(Image.fromarray(deep), kind))
        assert np.array_equal(found[..., 0], expected), kind
        assert np.array_equal(found[..., 0], found[..., 2])


def test_an_almost_black_sixteen_bit_picture_stays_almost_black():
    assert read_image(np.eye(4, dtype=np.uint16)).max() == 1


def test_float_pictures_are_scaled_by_the_range_they_use():
    ramp = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    expected = np.round(ramp * 255)
    assert np.array_equal(read_image(encoded(Image.fromarray(ramp), "TIFF"))[..., 0], expected)
    assert np.array_equal(read_image(ramp)[..., 0], expected)
    assert np.array_equal(read_image(np.round(ramp * 255))[..., 0], expected)


def test_an_array_normalised_to_minus_one_and_one_keeps_its_contrast():
    ramp = np.linspace(-1, 1, 256).reshape(16, 16)
    assert np.array_equal(read_image(ramp)[..., 0].ravel(), np.arange(256))


def test_constant_arrays_are_read_without_a_division_by_zero():
    assert not read_image(np.zeros((3, 3))).any()
    assert not read_image(np.full((3, 3), -2.0)).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_floats_that_are_no_numbers_are_refused(value):
    with pytest.raises(NotAnImageError, match="no numbers"):
        read_image(np.array([[0.0, value]]))


def test_alpha_is_laid_on_white():
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 0] = 200
    rgba[0, :, 3] = (0, 255, 51)
    fifth = round(0.2 * 200 + 0.8 * 255), round(0.8 * 255)
    expected = np.array([[[255, 255, 255], [200, 0, 0], [fifth[0], fifth[1], fifth[1]]]])
    for source in (encoded(Image.fromarray(rgba)), Image.fromarray(rgba), rgba):
        assert np.abs(read_image(source).astype(int) - expected).max() <= 1
    gray = Image.fromarray(np.array([[[10, 0], [10, 255]]], np.uint8))
    assert gray.mode == "LA"
    assert read_image(encoded(gray))[0, :, 0].tolist() == [255, 10]


def test_transparent_entries_of_palette_gray_and_colour_pictures_become_white():
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putdata([0, 1])
    for kind in ("PNG", "GIF"):
        assert read_image(encoded(palette, kind, transparency=0)).tolist() == [[[255] * 3, [40, 50, 60]]], kind
    gray = Image.fromarray(np.array([[7, 9]], np.uint8))
    assert read_image(encoded(gray, transparency=7)).tolist() == [[[255] * 3, [9] * 3]]
    colour = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    assert read_image(encoded(colour, transparency=(1, 2, 3))).tolist() == [[[255] * 3, [4, 5, 6]]]


def test_cmyk_is_converted():
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    found = read_image(encoded(inks, "JPEG", quality=95)).mean(axis=(0, 1))
    assert found[0] > 200
    assert found[1:].max() < 80


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken_wherever_it_stands(kind):
    frames = [Image.new("RGB", (9, 7), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    opened = Image.open(io.BytesIO(data))
    assert opened.n_frames == 3
    opened.seek(2)
    for source in (data, opened):
        assert np.abs(read_image(source).astype(int) - (255, 0, 0)).max() <= 3


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


@given(
    npst.arrays(
        st.sampled_from([np.bool_, np.uint8, np.int16, np.uint16, np.int64, np.float16, np.float32, np.float64]),
        st.one_of(st.tuples(*[st.integers(1, 5)] * 2), st.tuples(*[st.integers(1, 5)] * 2, st.sampled_from([1, 3, 4]))),
    )
)
def test_any_array_becomes_a_picture_of_its_size_or_a_typed_error(array):
    try:
        found = read_image(array)
    except NotAnImageError:
        assert not np.isfinite(array.astype(float)).all() or np.ptp(array.astype(float)) > 1e300
        return
    assert found.dtype == np.uint8
    assert found.shape == (*array.shape[:2], 3)


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


def test_reading_leaves_the_callers_array_and_picture_as_they_were(colours):
    before = colours.copy()
    read_image(colours)
    assert np.array_equal(colours, before)
    picture = Image.fromarray(colours)
    read_image(picture)
    assert np.array_equal(np.asarray(picture), before)


def test_the_error_names_the_file_but_not_its_folders(tmp_path: Path):
    with pytest.raises(NotAnImageError) as caught:
        read_image(tmp_path / "gone.jpg")
    assert "gone.jpg" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_the_readable_endings_are_those_of_the_formats_and_files_of_them_are_read(colours, tmp_path):
    assert {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".jp2"} <= SUFFIXES
    assert {".eps", ".pdf", ".txt", ".svg", ".ico"}.isdisjoint(SUFFIXES)
    for suffix in sorted(SUFFIXES & {".jfif", ".jpe", ".apng", ".tif", ".dib", ".ppm", ".pgm", ".jp2", ".avif"}):
        file = tmp_path / f"p{suffix}"
        Image.fromarray(colours).resize((32, 32)).save(file)
        assert read_image(file).shape == (32, 32, 3), suffix


@pytest.mark.skipif("HEIF" not in FORMATS, reason="pillow-heif is not installed")
@pytest.mark.parametrize("suffix", [".heic", ".heif", ".hif"])
def test_heic_pictures_are_read_upright_and_damaged_ones_refused(suffix, tmp_path):
    gradient = np.zeros((48, 64, 3), np.uint8)
    gradient[..., 0], gradient[..., 1] = np.arange(64) * 4, np.arange(48)[:, None] * 5
    assert suffix in SUFFIXES
    (tmp_path / f"p{suffix}").write_bytes(data := encoded(Image.fromarray(gradient), "HEIF", quality=95))
    assert np.abs(read_image(tmp_path / f"p{suffix}").astype(int) - gradient).mean() < 4
    for part in (0.1, 0.5, 0.9):
        with pytest.raises(NotAnImageError):
            read_image(data[: int(len(data) * part)])


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_where_heic_cannot_be_read_it_is_named(brand, monkeypatch):
    monkeypatch.setattr(read, "FORMATS", [name for name in FORMATS if name != "HEIF"])
    with pytest.raises(NotAnImageError, match=r"HEIC pictures cannot be read here.*pillow-heif"):
        read_image(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(40))


def smooth(mode: str, width: int, height: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    gray = 128 + 90 * np.sin(x / 9) * np.cos(y / 13)
    if mode == "I;16":
        return Image.fromarray((gray * 257).astype(np.uint16))
    return Image.fromarray(gray.astype(np.uint8)).convert(mode)


@pytest.mark.skipif("JPEG2000" not in FORMATS, reason="Pillow without OpenJPEG")
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "I;16"])
def test_a_large_jpeg_2000_is_decoded_at_half_its_resolution_and_keeps_its_size(mode, monkeypatch):
    picture = smooth(mode, 161, 121)
    data = encoded(picture, "JPEG2000")
    whole = read_image(data)
    monkeypatch.setattr(read, "MAX_PIXELS_JPEG2000", 161 * 121 - 1)
    decoded = []
    monkeypatch.setattr(read.Jpeg2KImageFile, "load", _noting(read.Jpeg2KImageFile.load, decoded))
    found = read_image(data)
    assert decoded[0] == (81, 61)
    assert found.shape == whole.shape == (121, 161, 3)
    assert np.abs(found.astype(float) - whole).mean() < 3


def _noting(load, decoded: list):
    def loaded(picture):
        answer = load(picture)
        decoded.append(picture.size)
        return answer

    return loaded


@pytest.mark.skipif("JPEG2000" not in FORMATS, reason="Pillow without OpenJPEG")
def test_a_large_jpeg_2000_without_a_lower_resolution_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(read, "MAX_PIXELS_JPEG2000", 100)
    data = encoded(smooth("RGB", 64, 64), "JPEG2000", num_resolutions=1)
    for damaged in (data, encoded(smooth("RGB", 64, 64), "JPEG2000")[:400]):
        with pytest.raises(NotAnImageError, match="JPEG"):
            read_image(damaged)
