"""``enrol``: every file accounted for, nothing twice, nothing untold, and Ctrl+C in the middle."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image

from ssn.gallery.sqlite import Gallery
from tests.gallery.toys import TOY, picture, save


@pytest.fixture
def people(tmp_path):
    """Four people, of whom two have folders by year."""
    folder = tmp_path / "people"
    for place, seed in (("Ada/2020/a.png", 1), ("Ben/2020/a.png", 2), ("Cid/c.png", 3), ("Dee.png", 4)):
        save(folder / place, seed)
    return folder


@pytest.fixture
def gallery(tmp_path):
    return tmp_path / "g.db"


def enrolled(gallery) -> dict[str, int]:
    with Gallery(gallery, TOY) as store:
        return {person.name: person.templates for person in store.people()}


def test_people_are_named_by_the_first_folder_and_deeper_photos_are_told(ask, people, gallery):
    done = ask("enrol", people, "--gallery", gallery)
    assert done.status == 0
    assert enrolled(gallery) == {"Ada": 1, "Ben": 1, "Cid": 1, "Dee": 1}
    assert done.data["deeper"] == 2
    assert "2 lie in folders within a person's folder" in done.out
    assert {row["photo"] for row in done.data["enrolled"]} == {str(p) for p in people.rglob("*.png")}, "whole paths"


def test_every_file_is_enrolled_refused_or_skipped_with_its_path_and_reason(ask, people, gallery):
    (people / "Ada" / "x.heic.txt").write_text("no photo")
    (people / "Ada" / "bad.jpg").write_bytes(b"no picture")
    Image.new("RGB", (128, 128), "gray").save(people / "Ben" / "wall.jpg")
    (people / "Link").symlink_to(people / "Ada")
    (people / ".cache").mkdir()
    save(people / ".cache" / "a.png", 9)
    done = ask("enrol", people, "--gallery", gallery)
    data = done.data
    assert {os.path.relpath(r["photo"], people) for r in data["refused"]} == {"Ada/bad.jpg", "Ben/wall.jpg"}
    assert {os.path.relpath(r["photo"], people) for r in data["skipped"]} == {"Ada/x.heic.txt", "Link", ".cache/a.png"}
    assert all(row["reason"] for row in data["refused"] + data["skipped"])
    assert data["found"] == 9 == sum(len(data[k]) for k in ("enrolled", "already", "refused", "skipped", "not_reached"))
    for row in data["refused"] + data["skipped"]:
        assert row["photo"] in done.err
    assert "4 photos enrolled" in done.out
    assert "2 refused, 3 skipped" in done.out


def test_each_photo_is_searched_once_and_never_again(ask, toy_finder, people, gallery):
    ask("enrol", people, "--gallery", gallery)
    assert toy_finder.detections == 4
    save(people / "Ada" / "new.png", 1, noise=5)
    (people / "Ada" / "copy.png").write_bytes((people / "Ada" / "2020" / "a.png").read_bytes())
    again = ask("enrol", people, "--gallery", gallery)
    assert toy_finder.detections == 5
    assert [len(again.data[key]) for key in ("enrolled", "already", "refused")] == [1, 5, 0]
    assert "5 enrolled before" in again.out
    assert enrolled(gallery) == {"Ada": 2, "Ben": 1, "Cid": 1, "Dee": 1}
    single = ask("enrol", people / "Dee.png", "--name", "Dee", "--gallery", gallery)
    assert len(single.data["already"]) == 1
    other = ask("enrol", people / "Dee.png", "--name", "Dee", "--spectrum", "nir", "--gallery", gallery)
    assert len(other.data["enrolled"]) == 1, "another spectrum is other content"


def test_progress_is_shown_with_the_time_left(ask, people, gallery):
    done = ask("enrol", people, "--gallery", gallery)
    assert "4/4" in done.err
    assert "<" in done.err, "elapsed<remaining"


ENDS = [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)]
"""Ctrl+C, a service that is stopped, a terminal that is closed."""


@pytest.fixture(autouse=True)
def heard():
    """As in a terminal, whatever started the tests: nohup ignores SIGHUP."""
    number = getattr(signal, "SIGHUP", signal.SIGTERM)
    before = signal.signal(number, signal.SIG_DFL)
    yield
    signal.signal(number, before)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is none here")
def test_what_was_started_with_nohup_goes_on(ask, toy_finder, people, tmp_path, monkeypatch):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    wish_an_end_at_the_second(toy_finder, monkeypatch, "SIGHUP")
    assert ask("enrol", people, "--gallery", tmp_path / "g.db").data["interrupted"] is False


def wish_an_end_at_the_second(toy_finder, monkeypatch, wish: str) -> None:
    find, calls = toy_finder.find, []

    def press_at_the_second(image):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(getattr(signal, wish))
        return find(image)

    monkeypatch.setattr(toy_finder, "find", press_at_the_second)


@pytest.mark.parametrize(("wish", "status"), ENDS)
def test_after_ctrl_c_it_says_what_it_did_and_goes_on_from_there(
    ask, toy_finder, people, gallery, monkeypatch, wish, status
):
    wish_an_end_at_the_second(toy_finder, monkeypatch, wish)
    handler = signal.getsignal(getattr(signal, wish))
    done = ask("enrol", people, "--gallery", gallery)
    assert done.status == status
    assert done.data["interrupted"]
    assert [len(done.data[key]) for key in ("enrolled", "not_reached")] == [2, 2]
    assert "2 photos enrolled" in done.out
    assert "2 not reached: interrupted" in done.out
    assert len(enrolled(gallery)) == 2
    assert signal.getsignal(getattr(signal, wish)) is handler
    again = ask("enrol", people, "--gallery", gallery)
    assert again.status == 0
    assert [len(again.data[key]) for key in ("enrolled", "already")] == [2, 2]


def test_the_same_face_under_a_second_name_is_told(ask, people, gallery):
    ask("enrol", people, "--gallery", gallery)
    save(people / "Adele.png", 1, noise=2)
    done = ask("enrol", people, "--gallery", gallery)
    (row,) = done.data["enrolled"]
    assert (row["person"], row["looks_like"]["person"]) == ("Adele", "Ada")
    assert row["looks_like"]["score"] > 0.9
    assert 'looks like "Ada"' in done.err


@pytest.mark.parametrize("name", ["ada", "ADA", "aDa"])
def test_a_name_in_another_case_is_refused_with_the_way_out(ask, people, gallery, name):
    ask("enrol", people, "--gallery", gallery)
    photo = save(people.parent / "new.png", 9)
    refused = ask("enrol", photo, "--name", name, "--gallery", gallery)
    assert refused.status == 2
    assert "--exact-name" in refused.err
    assert "Ada" in refused.err
    save(people / name / "new.png", 9)
    in_a_folder = ask("enrol", people, "--gallery", gallery)
    assert "--exact-name" in in_a_folder.data["refused"][0]["reason"]
    assert ask("enrol", photo, "--name", name, "--exact-name", "--gallery", gallery).status == 0
    assert {"Ada", name} <= set(enrolled(gallery))


@pytest.mark.parametrize("name", ["Ada\u200b", " A\ufeffda", "Ada\u202e"])
def test_invisible_characters_make_nobody_else(ask, people, gallery, name):
    ask("enrol", people, "--gallery", gallery)
    done = ask("enrol", save(people.parent / "new.png", 1, 3), "--name", name, "--gallery", gallery)
    assert done.data["enrolled"][0]["person"] == "Ada"
    assert done.data["enrolled"][0]["given_name"] == name
    assert enrolled(gallery)["Ada"] == 2


def test_a_gallery_in_use_is_no_damaged_gallery(ask, people, gallery):
    import sqlite3

    ask("enrol", people, "--gallery", gallery)
    other = sqlite3.connect(gallery, isolation_level=None)
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN EXCLUSIVE")
    done = ask("enrol", people, "--gallery", gallery)
    other.close()
    assert done.status == 2
    assert "in use by another program" in done.err


def test_a_full_disk_ends_the_batch_in_words_and_who_is_enrolled_stays(ask, people, gallery, monkeypatch):
    really, calls = Gallery.enrol, []

    def full_at_the_second(self, *words, **more):
        calls.append(1)
        if len(calls) > 1:
            pages = self._rows("PRAGMA page_count")[0][0]
            self._rows(f"PRAGMA max_page_count={pages}")  # SQLite's own full disk
            words = (words[0], words[1], bytes(200_000), *words[3:])
        return really(self, *words, **more)

    monkeypatch.setattr(Gallery, "enrol", full_at_the_second)
    done = ask("enrol", people, "--gallery", gallery)
    assert done.status == 2
    assert "error: Not all photos could be enrolled. The disk is full" in done.err
    assert len(calls) == 2, "nobody else is tried"
    assert [len(done.data[key]) for key in ("enrolled", "refused", "not_reached")] == [1, 1, 2]
    assert not done.data["interrupted"]
    assert "2 not reached: the gallery cannot be written" in done.out
    assert enrolled(gallery) == {"Ada": 1}
    monkeypatch.setattr(Gallery, "enrol", really)
    again = ask("enrol", people, "--gallery", gallery)
    assert [len(again.data[key]) for key in ("enrolled", "already")] == [3, 1]


def test_the_picture_is_stored_as_it_was_embedded(ask, people, gallery):
    ask("enrol", people, "--gallery", gallery)
    with Gallery(gallery, TOY) as store:
        stored = store.stored_face(store.templates_of(store.person("Dee").id)[0][0])
    assert (stored.pixels == picture(4)).all()


def test_that_a_file_has_more_pages_is_told_until_one_is_chosen(ask, people, gallery):
    file = people.parent / "pages.tif"
    picture(1).save(file, save_all=True, append_images=[picture(2), picture(3)])
    told = ask("enrol", file, "--name", "Ada", "--gallery", gallery)
    assert "pages.tif: holds 3 pages, of which the first is taken. Choose another with --page 1 to 2." in told.err
    chosen = ask("enrol", file, "--name", "Ben", "--page", "1", "--gallery", gallery)
    assert "holds" not in chosen.err
    one = ask("enrol", save(people.parent / "one.png", 4), "--name", "Dee", "--gallery", gallery)
    assert "holds" not in one.err


@pytest.mark.parametrize(("wish", "status"), ENDS)
@pytest.mark.parametrize("command", ["embed", "match"])
def test_of_many_probes_an_interruption_gives_what_was_done(
    ask, toy_finder, people, gallery, monkeypatch, command, wish, status
):
    ask("enrol", people, "--gallery", gallery)
    photos = sorted(people.rglob("*.png"))
    wish_an_end_at_the_second(toy_finder, monkeypatch, wish)
    done = ask(command, *photos, *(("--gallery", gallery) if command == "match" else ()))
    assert done.status == status
    if command == "embed":
        assert [len(done.data[key]) for key in ("templates", "refused", "not_reached")] == [2, 0, 2]
        assert "2 of 4 photos embedded, 0 refused, 2 not reached: interrupted." in done.out
    else:
        assert [row["photo"] for row in done.data] == list(map(str, photos))
        assert ["Not reached" in row.get("error", "") for row in done.data] == [False, False, True, True]


def test_nobody_is_searched_for_among_some_of_a_folder(ask, toy_finder, people, gallery, monkeypatch):
    (people / "Ada" / "notes.txt").touch()
    whole = ask("match", people / "Dee.png", "--gallery", people)
    assert "4 photos enrolled in memory, 0 refused, 1 skipped." in whole.err
    find, calls = toy_finder.find, []

    def press_at_the_third(image):  # the probe is the first
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return find(image)

    monkeypatch.setattr(toy_finder, "find", press_at_the_third)
    done = ask("match", people / "Dee.png", "--gallery", people)
    assert (done.status, done.out, done.data) == (130, "", None)
    assert "2 not reached: interrupted" in done.err


def test_a_folder_in_which_nobody_could_be_enrolled_is_no_gallery(ask, people, tmp_path):
    Image.new("RGB", (128, 128), "gray").save(save(tmp_path / "walls" / "Ada" / "a.png", 1))
    (tmp_path / "walls" / "bad.jpg").write_bytes(b"no picture")
    done = ask("match", people / "Dee.png", "--gallery", tmp_path / "walls")
    assert done.status == 2
    assert "0 photos enrolled in memory, 2 refused" in done.err
    assert "could be enrolled" in done.err
    assert done.out == ""


@pytest.mark.parametrize("odd", ["a\nb", "\x1b[2J\x1b[31m", "a\rEve", "a\u2028b", "\u202egpj.a", "a\x07\x9b2Jb"])
def test_a_file_name_neither_steers_the_terminal_nor_forges_a_line(ask, people, gallery, odd):
    save(people / "Cid" / f"{odd}.png", 3, 4)
    (people / "Cid" / f"{odd}.txt").touch()
    (people / "Cid" / f"{odd}.jpg").write_bytes(b"no picture")
    save(people / odd / "x.png", 8)
    done = ask("enrol", people, "--gallery", gallery)
    assert not {c for c in odd if not c.isprintable()} & set(done.err.replace("\r", "").replace("\n", ""))
    for suffix, fate in ((".png", "enrolled"), (".txt", "skipped"), (".jpg", "refused")):
        assert str(people / "Cid" / f"{odd}{suffix}") in {row["photo"] for row in done.data[fate]}
        escaped = odd.encode("unicode_escape").decode()
        assert f"Cid/{escaped}{suffix}: " in done.err if odd.isascii() else True
    alone = ask("embed", people / "Cid" / f"{odd}.png", people / "Cid" / f"{odd}.jpg")
    assert len(alone.out.splitlines()) == 2
    assert len(alone.err.splitlines()) == 1


@pytest.mark.parametrize("what", ["folder", "zip", "one photo"])
def test_photos_of_one_person_can_be_given_with_the_name(ask, people, gallery, what):
    folder = people.parent / "holidays"
    for place, seed in (("IMG_1.png", 1), ("IMG_2.png", 2), ("2020/IMG_3.png", 3)):
        save(folder / place, seed)
    source, count = {
        "folder": (folder, 3),
        "zip": (Path(shutil.make_archive(str(people.parent / "holidays"), "zip", folder)), 3),
        "one photo": (folder / "IMG_1.png", 1),
    }[what]
    done = ask("enrol", source, "--name", "Ada", "--gallery", gallery)
    assert enrolled(gallery) == {"Ada": count}
    assert "file names" not in done.out
    if what == "folder":
        other = ask("enrol", folder, "--gallery", people.parent / "other.db")
        assert "2 lie in no person's folder, and count as people of their own file names." in other.out
        assert (other.data["named_by_file"], other.data["deeper"]) == (2, 0)


@pytest.mark.parametrize("missing", ["people", "photo.jpg", "people.zip", "people.csv"])
def test_what_is_not_there_is_said_to_be_missing(ask, tmp_path, gallery, missing):
    done = ask("enrol", tmp_path / missing, "--name", "Ada", "--gallery", gallery)
    assert done.status == 2
    assert f"There is no folder or photo {tmp_path / missing}." in done.err
    assert not gallery.exists()


def test_a_gallery_without_a_name_would_keep_nothing_and_is_refused(ask, people):
    for name in ("", " "):
        done = ask("enrol", people, "--gallery", name)
        assert done.status == 2
        assert "The gallery has no name" in done.err


@pytest.mark.parametrize("command", ["embed", "match"])
def test_a_folder_among_the_photos_is_called_one(ask, people, gallery, command):
    ask("enrol", people, "--gallery", gallery)
    done = ask(command, people, people / "Dee.png", *(("--gallery", gallery) if command == "match" else ()))
    assert done.status == 2
    assert "people is a folder, not a picture." in done.err


def test_that_a_packed_folder_of_people_becomes_one_person_is_told(ask, people, gallery):
    packed = shutil.make_archive(str(people.parent / "packed"), "zip", people.parent, "people")
    done = ask("enrol", packed, "--gallery", gallery)
    assert enrolled(gallery) == {"people": 4}
    assert 'All are "people": if the folders within are people, give that folder, or pack these.' in done.out
    assert "All are" not in ask("enrol", people, "--gallery", gallery).out
