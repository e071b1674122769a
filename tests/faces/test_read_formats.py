"""The kinds of file that are read: their endings, HEIC, and JPEG 2000 at half its resolution."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ssn.errors import NotAnImageError
from ssn.faces import read
from ssn.faces.read import FORMATS, SUFFIXES, read_image
from tests.faces.pictures import encoded


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
