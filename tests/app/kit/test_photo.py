"""A photo and its faces: which can be used, in which spectrum, and what the page shows of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.kit.photo_html import found_faces, several_faces
from ssn.errors import NoFaceError


def test_an_open_choice_of_faces_is_asked_for(bench):
    assert "2 faces" in several_faces(bench.photo, None)
    assert several_faces(bench.photo, 0) == ""
    html = found_faces(bench.photo)
    assert html.count("face-box") == 2
    assert 'aria-label="Face 2"' in html
    assert "68 landmarks" in found_faces(bench.photo, 0)


@pytest.mark.parametrize("index", [-1, 1, 2])
def test_faces_that_cannot_be_used_are_refused(bench, index):
    with pytest.raises(NoFaceError):
        bench.photo.seen_as(index, "vis")


def test_the_spectrum_is_the_one_the_visitor_names_and_simulated_nir_is_never_called_nir(bench):
    assert bench.photo.seen_as(0, "vis").spectrum == "vis"
    assert bench.photo.seen_as(0, "nir").spectrum == "nir"
    assert bench.photo.seen_as(0, "simulate").spectrum == "nir-simulated"
    assert replace(bench.photo, simulated=True).seen_as(0, "nir").spectrum == "nir-simulated"


def test_titles_are_escaped(bench):
    assert "<b>" not in found_faces(replace(bench.photo, title="<b>"))


def test_a_picture_without_a_face_gives_its_place_back(services):
    """Refused photos must not use up the room for those opened at once."""
    for _ in range(4):
        with pytest.raises(NoFaceError):
            services.open_photo(np.full((60, 60, 3), 128, np.uint8), "Your photo")
    assert services.photos.acquire(blocking=False)
    services.photos.release()
