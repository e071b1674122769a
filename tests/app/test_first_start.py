"""The gallery a process starts with: the whole demo set or none of it, whoever else starts, and in its own folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app import first_start as module
from app.evaluation.sources import earlier_runs
from app.first_start import default_gallery, open_gallery
from app.kit.demo_people import DemoPerson, DemoSet
from ssn.errors import DataError, GalleryError, NotAnImageError
from ssn.gallery.sqlite import Gallery

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_model_has_its_own_gallery_file(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "data_folder", lambda: tmp_path)
    assert default_gallery("a-1") != default_gallery("b-2")
    assert default_gallery("a-1").parent == tmp_path


def test_a_new_gallery_holds_the_demo_people_and_an_old_one_is_left_alone(recognizer, demo, tmp_path):
    path = tmp_path / "new" / "gallery.db"
    people = DemoSet(tuple(DemoPerson(one.name, one.enrolment) for one in demo[:2]))
    with open_gallery(path, recognizer, people) as gallery:
        enrolled = gallery.people()
        assert sorted(one.name for one in enrolled) == sorted(one.name for one in demo[:2])
        gallery.delete_person(enrolled[0].id)
    with open_gallery(path, recognizer, people) as gallery:
        assert len(gallery.people()) == 1
    assert list(path.parent.glob("*.part*")) == []


def test_a_first_start_that_fails_leaves_no_gallery(recognizer, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    path = tmp_path / "gallery.db"
    with pytest.raises(NotAnImageError):
        open_gallery(path, recognizer, DemoSet((DemoPerson("X", broken),)))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["broken.jpg"]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("file/g.db", "its folder cannot be made"),
        ("file", "a file of another kind"),
        ("folder", "a folder"),
    ],
)
def test_a_gallery_that_cannot_be_made_is_told_by_its_own_name_and_why(recognizer, tmp_path, where, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"no gallery" * 200)
    with pytest.raises(GalleryError) as told:
        open_gallery(tmp_path / where, recognizer, DemoSet())
    assert f"{tmp_path / where} cannot be opened as a gallery: " in told.value.what
    assert words in told.value.what
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_user_without_a_home_is_told(monkeypatch):
    """As a container's user that is only a number."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    with pytest.raises(DataError, match="--gallery"):
        default_gallery("m")
    assert earlier_runs() == {}


def test_a_gallery_in_memory_needs_no_file(recognizer):
    with open_gallery(":memory:", recognizer, DemoSet()) as gallery:
        assert isinstance(gallery, Gallery)
        assert gallery.people() == []


@pytest.mark.parametrize(
    "model_id", ["../../x", "/etc/x", "..", "", "a/b", "a\\b", "C:x", ".hidden", "é" * 300, "a\0b"]
)
def test_no_model_id_leads_out_of_the_data_folder(monkeypatch, tmp_path, model_id):
    monkeypatch.setattr(module, "data_folder", lambda: tmp_path)
    path = default_gallery(model_id)
    assert path.resolve().parent == tmp_path.resolve()
    path.touch()
    assert default_gallery(model_id.replace("x", "y") + "1") != path


def test_the_gallery_of_an_ordinary_model_keeps_its_name(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "data_folder", lambda: tmp_path)
    assert default_gallery("light-cnn-partial-0123456789ab") == tmp_path / "light-cnn-partial-0123456789ab.db"


START = """
import sys, time
from pathlib import Path
from app import first_start
from app.kit.demo_people import DemoPerson, DemoSet
import numpy as np

class Slow:
    model_id, device = "toy-1", "cpu"
    def face(self, source, index=0):
        time.sleep(0.15)
        return source
    def embed_batch(self, faces, enrolled):
        return np.eye(256, dtype=np.float32)[: len(faces)]
recognizer = Slow()
first_start.picture_of = lambda face: b""
first_start.shared_finder = lambda device: Slow()
people = DemoSet(tuple(DemoPerson(f"P{i}", Path(f"{i}.jpg")) for i in range(12)))
Path(sys.argv[2]).touch()
while not Path(sys.argv[3]).exists():
    time.sleep(0.005)
time.sleep(float(sys.argv[4]))
with first_start.open_gallery(sys.argv[1], recognizer, people) as gallery:
    print(len(gallery.people()))
"""


@pytest.mark.parametrize("later", [0.0, 0.3, 1.0])
def test_two_first_starts_at_once_both_find_everybody(tmp_path, later):
    """Two real processes; the second begins while the first is still filling its gallery."""
    path, go = tmp_path / "gallery.db", tmp_path / "go"
    processes = []
    for number, delay in enumerate((0.0, later)):
        command = [sys.executable, "-c", START, path, tmp_path / f"ready{number}", go, delay]
        command = [str(part) for part in command]
        processes.append(
            subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    while not all((tmp_path / f"ready{number}").exists() for number in range(2)):
        assert all(process.poll() is None for process in processes), "a process ended before it began"
        time.sleep(0.02)
    go.touch()
    for process in processes:
        out, problem = process.communicate(timeout=120)
        assert process.returncode == 0, problem
        assert out.strip() == "12"
    with Gallery(path, "toy-1") as gallery:
        assert len(gallery.people()) == 12, "and nobody twice"
    assert [place.name for place in tmp_path.iterdir() if ".part" in place.name] == []


def test_what_a_killed_first_start_left_is_cleaned_up_once_it_is_old(recognizer, tmp_path):
    path = tmp_path / "gallery.db"
    old, young = tmp_path / "gallery.db.1-aaaa.part", tmp_path / "gallery.db.2-bbbb.part"
    for part in (old, young):
        part.touch()
    os.utime(old, (0, 0))
    open_gallery(path, recognizer, DemoSet()).close()
    assert (old.exists(), young.exists()) == (False, True)


def test_a_place_without_hard_links_gets_its_gallery_too(recognizer, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", refuse)
    with open_gallery(tmp_path / "gallery.db", recognizer, DemoSet()) as gallery:
        assert gallery.people() == []


def test_a_full_disk_is_told_as_one(recognizer, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "link", refuse)
    with pytest.raises(GalleryError, match="No space left"):
        open_gallery(tmp_path / "gallery.db", recognizer, DemoSet())
    assert list(tmp_path.iterdir()) == []
