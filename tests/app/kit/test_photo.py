"""A photo and its faces: which can be used, in which spectrum, and what the page shows of them."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.kit import photo as kit
from app.kit.photo_html import crowd_list, found_faces, largest_is_chosen, several_faces
from app.kit.pictures import landmarks_in_photo
from app.workbench.bench import open_photo
from app.workbench.probe import turn_page
from app.workbench.trail import weight
from ssn.errors import ImageError, NoFaceError, NotAnImageError
from ssn.faces.read import read_image
from ssn.gallery.store import Match


def test_an_open_choice_of_faces_is_asked_for(bench):
    assert "2 faces" in several_faces(bench.photo, None)
    assert "clicking" in several_faces(bench.photo, None)
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
    assert services.photos.take()
    services.photos.release()


def group(demo, sides: list[tuple[int, int]]) -> np.ndarray:
    """Photos of the demo people, ``(side, x)`` of each, on gray."""
    picture = Image.new("RGB", (760, 330), "gray")
    for person, (side, x) in zip(demo, sides, strict=False):
        picture.paste(Image.open(person.enrolment).convert("RGB").resize((side, side)), (x, 10))
    return np.asarray(picture)


def test_who_is_clearly_meant_is_chosen_and_the_reason_is_on_the_page(services, demo):
    bench = open_photo(services, group(demo, [(100, 20), (300, 220), (110, 560)]), "vis", "Your photo")
    assert bench.index == 1
    assert len(bench.photo.boxes) == 3
    middle = sum(bench.photo.boxes[1].xyxy[::2]) / 2
    assert 220 < middle < 520, "the large one"
    said = several_faces(bench.photo, bench.index)
    assert "Face 2 is chosen: the largest of 3 faces" in said
    assert "info" in said
    assert several_faces(bench.photo, 0) == "", "the visitor's own choice needs no reason"


def test_where_nobody_is_clearly_meant_the_largest_is_chosen_and_why_is_said(services, demo):
    bench = open_photo(services, group(demo, [(280, 20), (300, 340)]), "vis", "Your photo")
    assert bench.index == 1
    said = largest_is_chosen(bench.photo, 1)
    assert "2 faces: number 2, the largest, is chosen" in said
    assert largest_is_chosen(bench.photo, 0) == "", "the visitor's own choice needs no reason"
    assert "times as large" in several_faces(bench.photo, None), "who is enrolled is asked"


def test_faces_are_numbered_from_left_to_right(services, demo):
    photo = services.open_photo(group(demo, [(250, 500), (160, 5), (150, 250)]), "")
    middles = [box.xyxy[0] + box.xyxy[2] for box in photo.boxes]
    assert middles == sorted(middles)
    assert photo.largest == max(range(3), key=lambda place: photo.boxes[place].area) == 2
    for box, face in zip(photo.boxes, photo.faces, strict=True):
        centre = landmarks_in_photo(face).mean(axis=0)
        assert box.xyxy[0] < centre[0] < box.xyxy[2], "a box and its face stay together"


def test_everybody_in_a_photo_is_named_where_they_are_and_in_the_list(bench):
    known = Match(1, "Ada <b>", 1, 0.7123, 1, "match")
    stranger = replace(known, person="Eve", score=0.1, verdict="no match")
    html = found_faces(bench.photo, 0, {0: known, 1: stranger})
    assert 'aria-label="Face 1: Ada &lt;b&gt;, match"' in html
    assert 'aria-label="Face 2: no match"' in html
    assert "<b>no match</b>" in html
    assert "Ada <b>" not in html
    rows = crowd_list(bench.photo, 0, {0: known}).split("<li>")[1:]
    assert len(rows) == 2
    assert 'aria-pressed="true"' in rows[0]
    assert "0.712" in rows[0]
    assert "button" not in rows[1], "it could not be aligned"
    one = replace(bench.photo, boxes=bench.photo.boxes[:1], faces=bench.photo.faces[:1])
    assert crowd_list(one, 0, {}) == ""


def test_all_faces_can_be_chosen_from_up_to_a_number_and_the_others_are_counted(services, demo, monkeypatch):
    picture = group(demo, [(170, 5), (160, 190), (150, 370), (140, 540)])
    assert len(services.open_photo(picture, "").boxes) == 4
    monkeypatch.setattr(kit, "MOST_FACES", 3)
    photo = services.open_photo(picture, "")
    assert (len(photo.boxes), len(photo.faces), photo.smaller) == (3, 3, 1)
    assert "3 faces · 1 smaller ones" in found_faces(photo)
    assert "4 faces" in several_faces(photo, None)


def test_a_dark_photo_is_brightened_and_a_turned_one_found_and_said_so(services, demo):
    image = read_image(demo[0].enrolment)
    dark = services.open_photo((image * 0.08).astype(np.uint8), "")
    assert dark.subject.reason == "the only face"
    assert "brightened" in found_faces(dark, 0)
    assert dark.faces[0].pixels.mean() > 60
    assert "brightened" not in found_faces(services.open_photo(image[::-1, ::-1], ""), 0)
    with pytest.raises(NoFaceError, match="too dark"):
        services.open_photo(np.full((200, 240, 3), 4, np.uint8), "")


def pages_of(*pictures: Image.Image, kind: str = "TIFF") -> bytes:
    out = io.BytesIO()
    pictures[0].save(out, kind, save_all=True, append_images=pictures[1:])
    return out.getvalue()


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP"])
def test_the_first_page_with_a_face_is_shown_and_the_others_are_offered(services, demo, kind):
    faces = [Image.open(person.enrolment).convert("RGB") for person in demo[:2]]
    file = pages_of(Image.new("RGB", faces[0].size, "gray"), *faces, kind=kind)
    bench = open_photo(services, file, "vis", "Your photo")
    assert (bench.photo.page, bench.photo.pages) == (1, 3)
    html = found_faces(bench.photo, 0)
    assert "Page 2 of 3" in html
    assert re.findall(r'data-page="(\d)"[^>]*aria-pressed="(\w+)"', html) == [
        ("0", "false"),
        ("1", "true"),
        ("2", "false"),
    ]
    other = turn_page(services, bench, 2)
    assert other.photo.page == 2
    assert np.abs(other.photo.preview.astype(int) - bench.photo.preview).mean() > 5
    assert weight([bench, other]) < weight([bench]) + weight([other]) - len(file) + 1, "the file is held once"
    with pytest.raises(NoFaceError, match="page 1 of 3"):
        turn_page(services, bench, 0)
    for wrong in (3, -1):
        with pytest.raises(NotAnImageError, match="no page"):
            turn_page(services, bench, wrong)


def test_a_file_of_one_page_is_not_kept_and_offers_none(services, demo):
    bench = open_photo(services, demo[0].enrolment.read_bytes(), "vis", "Your photo")
    assert bench.photo.file is None
    assert "data-page" not in found_faces(bench.photo, 0)
    with pytest.raises(ImageError, match="no other pages"):
        turn_page(services, bench, 1)


def test_pages_without_a_face_are_refused_together(services):
    with pytest.raises(NoFaceError, match="first 2 pages of 2"):
        services.open_photo(pages_of(*[Image.new("RGB", (80, 60), colour) for colour in ("gray", "tan")]), "")
