"""Which face of a photo the command line takes: what it says, in text, JSON and as a numbered picture."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from app.kit.photo import open_photo
from ssn.__main__ import main
from ssn.answers.faces import take_face
from ssn.faces.read import read_image


def run(*words) -> int:
    """The exit status of a command."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code or 0


def group(demo, sides: list[tuple[int, int]], size: tuple[int, int]) -> Image.Image:
    """Photos of the demo people, ``(side, x)`` of each, on gray."""
    picture = Image.new("RGB", size, (128, 128, 128))
    for person, (side, x) in zip(demo, sides, strict=False):
        picture.paste(Image.open(person.enrolment).convert("RGB").resize((side, side)), (x, 10))
    return picture


LARGE_LEFT = ([(300, 20), (110, 330)], (760, 330))
SMALL_LEFT = ([(300, 250), (120, 20)], (800, 330))
THREE = ([(300, 220), (100, 20), (110, 560)], (760, 330))
LAYOUTS = {"large left": (1, LARGE_LEFT), "small left": (2, SMALL_LEFT), "three": (2, THREE)}


@pytest.mark.parametrize(("number", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_clear_subject_is_enrolled_from_a_folder_and_alone_and_it_is_said(
    number, layout, demo, finder, recognizer, checkpoint, tmp_path, capsys
):
    (tmp_path / "people" / "Somebody").mkdir(parents=True)
    photo = tmp_path / "people" / "Somebody" / "group.png"
    group(demo, *layout).save(photo)
    gallery, out = tmp_path / "gallery.db", tmp_path / "out.json"
    assert run("enrol", photo.parents[1], "--gallery", gallery, "--checkpoint", checkpoint, "--json", out) == 0
    (entry,) = json.loads(out.read_text())["enrolled"]
    assert (entry["face"]["number"], entry["face"]["of"]) == (number, len(layout[0]))
    assert "largest of" in entry["face"]["reason"]
    assert f"group.png: face {number} is taken" in capsys.readouterr().err
    assert run("match", demo[0].enrolment, "--gallery", gallery, "--checkpoint", checkpoint, "--json", out) == 0
    (probe,) = json.loads(out.read_text())
    assert probe["matches"][0]["score"] > 0.8, "the large face is the one enrolled"
    assert run("match", photo, "--gallery", gallery, "--checkpoint", checkpoint, "--json", out) == 0
    (probe,) = json.loads(out.read_text())
    assert (probe["face"]["number"], probe["face"]["of"]) == (number, len(layout[0]))


def test_where_nobody_is_clearly_meant_the_choice_is_drawn_and_followed(demo, checkpoint, tmp_path, capsys):
    photo, choice, out = tmp_path / "two.png", tmp_path / "choice.png", tmp_path / "out.json"
    group(demo, [(220, 10), (200, 250)], (470, 240)).save(photo)
    words = ("embed", photo, "--checkpoint", checkpoint, "--json", out)
    assert run(*words, "--numbered", choice) == 2
    error = capsys.readouterr().err
    assert "2 faces" in error
    assert "1 to 2 from left to right; the largest is number 1" in error
    assert "--numbered" in error
    drawn, plain = read_image(choice), read_image(photo)
    assert drawn.shape == plain.shape
    assert (drawn != plain).any(axis=2)[:, :235].any()
    assert (drawn != plain).any(axis=2)[:, 235:].any()
    vectors = []
    for number in ("1", "2"):
        assert run(*words, "--face", number) == 0
        (row,) = json.loads(out.read_text())["templates"]
        assert row["face"] == {"number": int(number), "of": 2, "reason": "chosen by its number"}
        vectors.append(row["vector"])
    assert np.dot(*vectors) < 0.9
    assert run(*words, "--face", "3") == 2
    assert "no face number 3" in capsys.readouterr().err


def test_a_choice_that_cannot_be_written_is_one_line(demo, checkpoint, tmp_path, capsys):
    (tmp_path / "file").touch()
    for file in (tmp_path / "file" / "where.png", tmp_path / "what.xyz", tmp_path / "what.psd", tmp_path):
        assert run("embed", demo[0].enrolment, "--checkpoint", checkpoint, "--numbered", file) == 2
        assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_the_bits_of_a_dark_deep_frame_can_be_said(bits, demo, checkpoint, tmp_path):
    gray = np.asarray(Image.open(demo[0].probes[0].file).convert("L"), np.float64)
    Image.fromarray(np.round(gray * 0.4 / 255 * (2**bits - 1)).astype(np.uint16)).save(tmp_path / "deep.png")
    out, vectors = tmp_path / "out.json", []
    for photo in (tmp_path / "deep.png", demo[0].probes[0].file):
        said = ("--bits", bits) if photo.suffix == ".png" else ()
        words = ("embed", photo, "--spectrum", "nir", "--checkpoint", checkpoint, "--json", out, *said)
        assert run(*words) == 0
        vectors.append(json.loads(out.read_text())["templates"][0]["vector"])
    assert np.dot(*vectors) > 0.9


def test_a_page_of_a_file_can_be_chosen(demo, checkpoint, tmp_path, capsys):
    pages = [Image.open(person.enrolment).convert("RGB") for person in demo[:2]]
    photo, out = tmp_path / "pages.tif", tmp_path / "out.json"
    pages[0].save(photo, save_all=True, append_images=pages[1:])
    vectors = []
    for source in ((photo, "--page", "1"), (demo[1].enrolment,)):
        assert run("embed", *source, "--checkpoint", checkpoint, "--json", out) == 0
        vectors.append(json.loads(out.read_text())["templates"][0]["vector"])
    assert np.dot(*vectors) > 0.999
    assert run("embed", photo, "--page", "2", "--checkpoint", checkpoint) == 2
    assert "no page 2" in capsys.readouterr().err


def test_what_is_about_one_photo_is_refused_for_several(demo, checkpoint, tmp_path, capsys):
    photos = [person.enrolment for person in demo[:2]]
    gallery = tmp_path / "gallery.db"
    people = tmp_path / "people"
    people.mkdir()
    (people / "Ada.jpg").write_bytes(photos[0].read_bytes())
    drawn = ("--numbered", tmp_path / "faces.png")
    for words in (
        ("embed", *photos, *drawn),
        ("match", *photos, "--gallery", people, *drawn),
        ("enrol", people, "--gallery", gallery, *drawn),
        ("enrol", people, "--gallery", gallery, "--face", "2"),
        ("enrol", people, "--gallery", gallery, "--page", "1"),
    ):
        assert run(*words, "--checkpoint", checkpoint) == 2
        assert f"{words[-2]} is about one photo" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people"]


def test_another_face_of_a_photo_is_other_content_and_the_same_one_is_not(demo, checkpoint, tmp_path):
    photo, gallery, out = tmp_path / "two.png", tmp_path / "gallery.db", tmp_path / "out.json"
    group(demo, *LARGE_LEFT).save(photo)
    words = ("enrol", photo, "--name", "X", "--gallery", gallery, "--checkpoint", checkpoint, "--json", out)
    told = []
    for choice in ((), ("--face", "2"), ("--face", "2"), ()):
        assert run(*words, *choice) == 0
        data = json.loads(out.read_text())
        told.append([row["face"]["number"] for row in data["enrolled"]] or ["already"] * len(data["already"]))
    assert told == [[1], [2], ["already"], ["already"]]


def test_a_number_is_that_of_the_page_and_of_the_numbered_picture(demo, finder, checkpoint, tmp_path):
    photo, choice, out = tmp_path / "three.png", tmp_path / "choice.png", tmp_path / "out.json"
    group(demo, [(150, 220), (200, 10), (170, 400)], (600, 230)).save(photo)
    page = open_photo(finder, photo.read_bytes(), "")
    assert [sorted(box.area for box in page.boxes).index(box.area) for box in page.boxes] == [2, 0, 1]
    middles = []
    for number in (1, 2, 3):
        words = ("embed", photo, "--face", number, "--numbered", choice, "--checkpoint", checkpoint, "--json", out)
        assert run(*words) == 0
        (row,) = json.loads(out.read_text())["templates"]
        assert row["face"]["number"] == number
        found = finder.find_in(photo)
        taken = take_face(finder, found, "vis", number)
        assert np.array_equal(taken.pixels, page.faces[number - 1].pixels)
        middles.append(found.faces[taken.subject.index].xyxy[0])
    assert middles == sorted(middles)
    assert (read_image(choice) != read_image(photo)).any()


def test_the_numbered_picture_is_not_written_over_the_photo(demo, checkpoint, tmp_path, capsys):
    photo = tmp_path / "one.png"
    Image.open(demo[0].enrolment).save(photo)
    before = photo.read_bytes()
    (tmp_path / "link.png").symlink_to(photo)
    for place in (photo, tmp_path / "link.png"):
        assert run("embed", photo, "--numbered", place, "--checkpoint", checkpoint) == 2
        assert "is the photo itself" in capsys.readouterr().err
    assert photo.read_bytes() == before


@pytest.mark.parametrize("empty", [1, 2, 5])
@pytest.mark.parametrize("kind", ["tif", "gif", "webp"])
def test_without_a_page_the_first_with_a_face_is_taken_and_told(kind, empty, demo, checkpoint, tmp_path, capsys):
    face = Image.open(demo[0].enrolment).convert("RGB")
    none = [Image.new("RGB", face.size, (90 + 25 * place, 90, 90)) for place in range(empty)]
    photo, out = tmp_path / f"pages.{kind}", tmp_path / "out.json"
    none[0].save(photo, save_all=True, append_images=[*none[1:], face])
    assert run("embed", photo, "--checkpoint", checkpoint, "--json", out) == 0
    assert f"holds {empty + 1} pages, of which page {empty}, counted from 0 and the first" in capsys.readouterr().err
    (row,) = json.loads(out.read_text())["templates"]
    assert row["face"]["page"] == empty
    none[0].save(photo, save_all=True, append_images=none[1:] or [Image.new("RGB", face.size)])
    assert run("embed", photo, "--checkpoint", checkpoint) == 2
    assert "On the first" in capsys.readouterr().err
