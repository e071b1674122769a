"""Whose photos lie in a folder, and what in it is no photo: every entry is in one of two lists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from ssn.errors import DataError
from ssn.faces.read import FORMATS, SUFFIXES, read_image
from ssn.gallery.people_folder import DEEPEST, read_folder
from tests.gallery.toys import save


def names(folder: Path) -> dict[str, str]:
    return {photo.path.relative_to(folder).as_posix(): photo.name for photo in read_folder(folder).photos}


def reasons(folder: Path) -> dict[str, str]:
    return {other.path.relative_to(folder).as_posix(): other.reason for other in read_folder(folder).skipped}


def test_the_name_is_that_of_the_first_folder_however_deep_a_photo_lies(tmp_path):
    for place in ("Ada/2020/a.jpg", "Ben/2020/a.jpg", "Ben/x/y/z/b.png", "Cid/c.webp", "Dee.jpg", "2020/e.jpg"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    assert names(tmp_path) == {
        "Ada/2020/a.jpg": "Ada",
        "Ben/2020/a.jpg": "Ben",
        "Ben/x/y/z/b.png": "Ben",
        "Cid/c.webp": "Cid",
        "Dee.jpg": "Dee",
        "2020/e.jpg": "2020",
    }
    deep = {photo.path.name for photo in read_folder(tmp_path).photos if photo.deeper}
    assert deep == {"a.jpg", "b.png"}


def test_what_is_no_photo_is_named_with_its_reason_and_the_sums_agree(tmp_path):
    files = ["Ada/a.JPG", "Ada/b.heic", "Ada/notes.txt", "Ada/.hidden.jpg", "Ada/bare", "Ada/@eaDir/a.jpg"]
    files += ["__MACOSX/Ada/._a.jpg", ".git/x/y.png", "Thumbs.db", "Ben/.thumbs/b.png"]
    for place in files:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "x.jpg").touch()
    (tmp_path / "Link").symlink_to(outside)
    (tmp_path / "Ada" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "Ada" / "good.jpg").symlink_to(outside / "x.jpg")
    (tmp_path / "Ada" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "Ada" / "pipe.jpg")
    heic = {"Ada/b.heic": "Ada"} if ".heic" in SUFFIXES else {}  # it takes an optional decoder
    assert names(tmp_path) == {"Ada/a.JPG": "Ada", "Ada/good.jpg": "Ada", **heic}
    found = reasons(tmp_path)
    words = {
        "Ada/b.heic": ".heic",
        "Ada/notes.txt": ".txt",
        "Ada/.hidden.jpg": "hidden file",
        "Ada/bare": "no suffix",
        "Ada/@eaDir/a.jpg": "service folder @eaDir",
        "__MACOSX/Ada/._a.jpg": "service folder __MACOSX",
        ".git/x/y.png": "hidden folder .git",
        "Thumbs.db": ".db",
        "Ben/.thumbs/b.png": "hidden folder .thumbs",
        "Link": "link to a folder",
        "Ada/loop": "link to a folder",
        "Ada/gone.jpg": "leads nowhere",
        "Ada/pipe.jpg": "no regular file",
    }
    words = {place: word for place, word in words.items() if place not in heic}
    assert {place: word for place, word in words.items() if word not in found[place]} == {}
    assert len(found) + len(names(tmp_path)) == len(files) + 5


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may open any folder")
def test_a_folder_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "shut").mkdir(mode=0)
    assert "cannot be opened" in reasons(tmp_path)["shut"]


@pytest.mark.skipif(os.name != "posix", reason="links need rights there")
def test_links_to_themselves_are_named(tmp_path):
    (tmp_path / "Ada.jpg").touch()
    for name in ("round.jpg", "round"):
        (tmp_path / name).symlink_to(name)
    (tmp_path / "to").symlink_to("fro")
    (tmp_path / "fro").symlink_to("to")
    assert names(tmp_path) == {"Ada.jpg": "Ada"}
    found = reasons(tmp_path)
    assert found.keys() == {"round.jpg", "round", "to", "fro"}
    assert all("cannot be looked at" in reason for reason in found.values())


def test_folders_within_each_other_without_end_are_named(tmp_path):
    (tmp_path / "Ada.jpg").touch()
    deep = tmp_path.joinpath(*["a"] * DEEPEST)
    deep.mkdir(parents=True)
    (deep / "in.jpg").touch()
    (deep / "b").mkdir()
    (deep / "b" / "out.jpg").touch()
    assert set(names(tmp_path)) == {"Ada.jpg", f"{'a/' * DEEPEST}in.jpg"}
    assert reasons(tmp_path) == {f"{'a/' * DEEPEST}b": f"more than {DEEPEST} folders within each other"}


def test_the_suffixes_are_those_of_the_decoder(tmp_path):
    assert {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"} <= SUFFIXES
    assert (".avif" in SUFFIXES) == ("AVIF" in FORMATS)
    assert SUFFIXES.isdisjoint({".eps", ".pdf", ".txt", ""})
    tried = 0
    for suffix in sorted(SUFFIXES):
        kind = Image.registered_extensions()[suffix]
        if kind in Image.SAVE:
            Image.new("RGB", (40, 40), "teal").save(tmp_path / f"x{suffix}")
            assert read_image(tmp_path / f"x{suffix}").shape == (40, 40, 3)
            tried += 1
    assert tried > 8
    assert len(names(tmp_path)) == tried


def test_a_folder_without_photos_says_what_is_there_instead(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        read_folder(tmp_path / "missing")
    with pytest.raises(DataError, match="holds no photos"):
        read_folder(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"1 other files, such as .*notes\.txt"):
        read_folder(tmp_path)
    save(tmp_path / "Ada.png", 1)
    assert names(tmp_path) == {"Ada.png": "Ada"}
