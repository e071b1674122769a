"""Which face of a photo the command line takes: what it says, in text, JSON and as a numbered picture."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ssn.__main__ import main
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


@pytest.mark.parametrize("layout", [LARGE_LEFT, SMALL_LEFT, THREE], ids=["large left", "small left", "three"])
def test_the_clear_subject_is_enrolled_from_a_folder_and_alone_and_it_is_said(
    layout, demo, finder, recognizer, checkpoint, tmp_path, capsys
):
    (tmp_path / "people" / "Somebody").mkdir(parents=True)
    photo = tmp_path / "people" / "Somebody" / "group.png"
    group(demo, *layout).save(photo)
    gallery, out = tmp_path / "gallery.db", tmp_path / "out.json"
    assert run("enrol", photo.parents[1], "--gallery", gallery, "--checkpoint", checkpoint, "--json", out) == 0
    (entry,) = json.loads(out.read_text())["enrolled"]
    assert (entry["face"]["number"], entry["face"]["of"]) == (1, len(layout[0]))
    assert "largest of" in entry["face"]["reason"]
    assert "group.png: face 1 is taken" in capsys.readouterr().err
    assert run("match", demo[0].enrolment, "--gallery", gallery, "--checkpoint", checkpoint, "--json", out) == 0
    (probe,) = json.loads(out.read_text())
    assert probe["matches"][0]["score"] > 0.8, "the large face is the one enrolled"
    assert run("match", photo, "--gallery", gallery, "--checkpoint", checkpoint, "--json", out) == 0
    (probe,) = json.loads(out.read_text())
    assert (probe["face"]["number"], probe["face"]["of"]) == (1, len(layout[0]))


def test_where_nobody_is_clearly_meant_the_choice_is_drawn_and_followed(demo, checkpoint, tmp_path, capsys):
    photo, choice, out = tmp_path / "two.png", tmp_path / "choice.png", tmp_path / "out.json"
    group(demo, [(220, 10), (200, 250)], (470, 240)).save(photo)
    words = ("embed", photo, "--checkpoint", checkpoint, "--json", out)
    assert run(*words, "--numbered", choice) == 2
    error = capsys.readouterr().err
    assert "2 faces" in error
    assert "1 (the largest) to 2" in error
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
