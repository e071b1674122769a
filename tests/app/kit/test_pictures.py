"""Pictures: what value becomes what colour, where points land, and that a mask survives its journey."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.kit import pictures
from ssn.faces.align import align


def test_colour_maps_are_tables_of_256_colours():
    for table in pictures.COLOURS.values():
        assert table.shape == (256, 3)
        assert table.dtype == np.uint8


def test_shift_is_blue_below_white_at_and_red_above_zero():
    row = pictures.colourise(np.array([[-1.0, 0.0, 1.0]]), -1, 1, "shift", side=3)[1]
    (less, same, more) = row.astype(int)
    assert less[2] > less[0] + 60
    assert more[0] > more[2] + 60
    assert same.min() >= 250


def test_values_outside_the_scale_are_clipped():
    picture = pictures.colourise(np.array([[-5.0, 9.0]]), 0, 1, "response", side=2)
    assert (picture[0, 0] == pictures.COLOURS["response"][0]).all()
    assert (picture[0, 1] == pictures.COLOURS["response"][255]).all()


@pytest.mark.parametrize("kind", ["indicator", "response", "shift"])
def test_a_map_without_span_is_drawn_without_dividing_by_zero(kind):
    picture = pictures.heat_map(np.zeros((4, 4), np.float32), 0, 0, kind, np.full((128, 128, 3), 90, np.uint8))
    assert picture.size == (pictures.MAP_SIDE, pictures.MAP_SIDE)


def test_overlaid_shift_of_zero_leaves_the_face_bare():
    face = np.full((128, 128, 3), 90, np.uint8)
    picture = np.asarray(pictures.heat_map(np.zeros((16, 16), np.float32), -1, 1, "shift", face))
    assert (picture == 90).all()


def test_heat_map_without_a_face_shows_the_pure_colours():
    picture = np.asarray(pictures.heat_map(np.ones((16, 16), np.float32), 0, 1, "indicator"))
    assert (picture == pictures.COLOURS["indicator"][255]).all()


def test_legend_runs_through_the_same_colours():
    gradient = pictures.css_gradient("shift", steps=3)
    ends = pictures.COLOURS["shift"][[0, 255]]
    for colour in ends:
        assert f"#{bytes(colour).hex()}" in gradient


@pytest.mark.parametrize(("size", "expected"), [((1200, 600), 640 / 1200), ((100, 50), 3.0), ((640, 640), 1.0)])
def test_preview_scale_is_new_over_old(size, expected):
    shown, scale = pictures.preview(np.zeros((size[1], size[0], 3), np.uint8))
    assert scale == pytest.approx(expected)
    assert shown.shape == (round(size[1] * scale), round(size[0] * scale), 3)


def test_landmarks_return_to_the_photo_they_came_from(landmarks):
    photo = np.zeros((300, 320, 3), np.uint8)
    points = landmarks * 1.7 + (40, 25)
    assert np.allclose(pictures.landmarks_in_photo(align(photo, points)), points, atol=1e-6)


def test_landmarks_are_drawn_where_they_are():
    drawn = np.asarray(pictures.with_landmarks(np.zeros((60, 60, 3), np.uint8), np.array([[10.0, 20.0]]), scale=2.0))
    assert (drawn[40, 20] == pictures.LANDMARK_COLOUR).all()
    assert not drawn[10, 50].any()


def test_thumbnail_is_the_middle_square():
    image = np.zeros((40, 100, 3), np.uint8)
    image[:, 30:70] = 255
    shown = pictures.thumbnail(image, 32)
    assert shown.size == (32, 32)
    assert np.asarray(shown).min() == 255


def test_png_keeps_every_pixel():
    pixels = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    again = np.asarray(Image.open(io.BytesIO(pictures.encode(pixels, "PNG"))))
    assert (again == pixels).all()


def test_stored_pictures_are_served_as_what_they_are():
    pixels = np.zeros((8, 8, 3), np.uint8)
    assert pictures.stored_uri(pictures.encode(pixels, "PNG")).startswith("data:image/png;")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP")
    assert pictures.stored_uri(buffer.getvalue()).startswith("data:image/webp;")


def test_a_stored_picture_is_sent_small():
    pixels = np.full((128, 128, 3), (200, 40, 90), np.uint8)
    address = pictures.stored_thumbnail(pictures.encode(pixels, "PNG"), 96)
    shown = Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/webp;base64,"))))
    assert shown.size == (96, 96)
    assert np.abs(np.asarray(shown.convert("RGB")).astype(int) - pixels[0, 0]).max() < 6


def test_mask_survives_packing():
    mask = np.random.default_rng(2).random((128, 128)) > 0.5
    assert (pictures.unpack_mask(pictures.pack_mask(mask)) == mask).all()


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "é"])
def test_damaged_masks_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - base64 raises its own kinds of it
        pictures.unpack_mask(text)
