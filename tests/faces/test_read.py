"""Reading pictures: what each kind becomes."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from ssn.errors import NotAnImageError
from ssn.faces.read import read_image
from tests.faces.pictures import encoded

ROOT = Path(__file__).resolve().parents[2]


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


def test_reading_leaves_the_callers_array_and_picture_as_they_were(colours):
    before = colours.copy()
    read_image(colours)
    assert np.array_equal(colours, before)
    picture = Image.fromarray(colours)
    read_image(picture)
    assert np.array_equal(np.asarray(picture), before)


MODES = ("1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr", "HSV")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("clear", [False, True])
def test_strips_put_together_are_the_picture(mode, clear, monkeypatch):
    pixels = np.random.default_rng(3).integers(0, 256, (37, 23, 4)).astype(np.uint8)
    picture = Image.fromarray(pixels).convert("P" if mode == "PA" else mode.replace("LA", "RGBA"))
    picture = picture.convert(mode)
    if clear and mode in ("L", "P", "RGB"):
        picture.info["transparency"] = {"RGB": tuple(pixels[0, 0, :3].tolist())}.get(mode, 7)
    whole = picture
    if mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        whole = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    monkeypatch.setattr("ssn.faces.read.STRIP", 50)
    assert np.array_equal(read_image(picture), np.asarray(whole.convert("RGB")))


ROOM = """
import resource, sys
import numpy as np
from PIL import Image
from ssn.faces.read import read_image
path, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
Image.linear_gradient("L").resize((width, height)).convert(sys.argv[4]).save(path)
read_image(Image.new("RGB", (64, 64)))
pid = open("/proc/self/clear_refs", "w")
pid.write("5")
pid.close()
def held(what):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(what)) * 1024
before = held("VmRSS")
assert read_image(open(path, "rb").read()).shape == (height, width, 3)
print((held("VmHWM") - before) / (3 * width * height))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("mode", "kind"), [("RGB", "jpg"), ("RGBA", "png"), ("CMYK", "jpg")])
def test_a_large_picture_takes_little_room_beside_itself(tmp_path, mode, kind):
    """The decoder's own copy has four bytes a pixel, the answer three; what is on the way between them is small."""
    asked = [sys.executable, "-c", ROOM, str(tmp_path / f"large.{kind}"), "5000", "4000", mode]
    said = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT)
    assert said.returncode == 0, said.stderr
    assert float(said.stdout) < 2.8, "times the pixels of the answer"
