"""The command line as a script sees it: what it prints, the JSON it writes, and how it refuses."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssn.__main__ import main
from ssn.gallery.sqlite import Gallery
from ssn.models.checkpoint import load_model
from tests.commands.running import run


@pytest.fixture
def photo(demo):
    return demo[0].enrolment


@pytest.fixture
def folder(demo, tmp_path):
    """A gallery folder of six people."""
    for person in demo[:6]:
        place = tmp_path / "people" / person.name
        place.mkdir(parents=True)
        (place / person.enrolment.name).write_bytes(person.enrolment.read_bytes())
    return tmp_path / "people"


def test_embed_writes_unit_vectors_of_the_model(photo, checkpoint, tmp_path):
    out = tmp_path / "out.json"
    assert run("embed", photo, "--checkpoint", checkpoint, "--device", "cpu", "--json", out) == 0
    data = json.loads(out.read_text())
    assert data["model"] == load_model(checkpoint)[1].model_id
    assert np.linalg.norm(data["templates"][0]["vector"]) == pytest.approx(1, abs=1e-4)


def test_match_finds_the_very_photo_that_was_enrolled(demo, folder, checkpoint, capsys):
    assert run("match", demo[3].enrolment, "--gallery", folder, "--checkpoint", checkpoint, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["photo"] == str(demo[3].enrolment)
    assert row["matches"][0]["person"] == demo[3].name
    assert 0.95 < row["matches"][0]["score"] < 1, "the mirror image is enrolled too"
    assert [m["rank"] for m in row["matches"]] == [1, 2, 3, 4, 5]
    assert row["matches"] == sorted(row["matches"], key=lambda m: -m["score"])


def test_enrol_makes_a_gallery_that_match_searches(demo, folder, checkpoint, tmp_path, capsys):
    gallery = tmp_path / "gallery.db"
    assert run("enrol", folder, "--gallery", gallery, "--checkpoint", checkpoint) == 0
    assert run("enrol", demo[7].enrolment, "--gallery", gallery, "--name", "Seventh", "--checkpoint", checkpoint) == 0
    capsys.readouterr()
    assert run("match", demo[7].enrolment, "--gallery", gallery, "--checkpoint", checkpoint, "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)[0]["matches"][0]["person"] == "Seventh"
    with Gallery(gallery, load_model(checkpoint)[1].model_id) as store:
        assert {p.name for p in store.people()} == {p.name for p in demo[:6]} | {"Seventh"}


def test_an_unreadable_photo_in_a_folder_is_named_and_the_others_are_enrolled(folder, checkpoint, tmp_path):
    (folder / "Broken.jpg").write_bytes(b"not a picture")
    out = tmp_path / "out.json"
    assert run("enrol", folder, "--gallery", tmp_path / "g.db", "--checkpoint", checkpoint, "--json", out) == 0
    data = json.loads(out.read_text())
    assert len(data["enrolled"]) == 6
    assert [r["photo"].rsplit("/", 1)[-1] for r in data["refused"]] == ["Broken.jpg"]


def bad_photo(kind, tmp_path):
    path = tmp_path / "photo.png"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("hello")
    elif kind == "no face":
        Image.new("RGB", (300, 300), "gray").save(path)
    elif kind == "bomb":
        Image.new("1", (9000, 6000)).save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "empty"),
        ("text", "not a readable picture"),
        ("no face", "No face"),
        ("bomb", "megapixels"),
        ("missing", "no picture file"),
    ],
)
def test_a_bad_photo_is_one_readable_line_and_leaves_no_file(kind, words, checkpoint, tmp_path, capsys):
    gallery = tmp_path / "gallery.db"
    photo = bad_photo(kind, tmp_path)
    if kind == "missing":
        assert run("embed", photo, "--checkpoint", checkpoint, "--json", tmp_path / "o.json") == 2
    else:
        assert run("enrol", photo, "--name", "X", "--gallery", gallery, "--checkpoint", checkpoint) == 2
        with Gallery(gallery, "any") as store:
            assert store.people() == []
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert words in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "o.json").exists()


def test_several_faces_are_refused_until_one_is_chosen(demo, checkpoint, tmp_path, capsys):
    two = [Image.open(p.enrolment).convert("RGB").resize((200, 200)) for p in demo[:2]]
    both = Image.new("RGB", (400, 200))
    both.paste(two[0], (0, 0))
    both.paste(two[1], (200, 0))
    both.save(tmp_path / "both.png")
    assert run("embed", tmp_path / "both.png", "--checkpoint", checkpoint) == 2
    assert "2 faces" in capsys.readouterr().err
    assert run("embed", tmp_path / "both.png", "--face", "1", "--checkpoint", checkpoint) == 0


def test_a_gallery_of_another_model_is_refused(demo, random_checkpoint, tmp_path, capsys, recognizer):
    gallery = tmp_path / "gallery.db"
    with Gallery(gallery, "another-model") as store:
        from ssn.recognizer import Template

        store.enrol("Somebody", Template(np.eye(1, 256, dtype=np.float32)[0], "another-model"))
    assert run("match", demo[0].enrolment, "--gallery", gallery, "--checkpoint", random_checkpoint) == 2
    assert "another-model" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("embed", "{photo}", "--spectrum", "ultraviolet"),
        ("embed", "{photo}", "--occlusion", "hat"),
        ("evaluate", "--protocol", "nonsense"),
        ("evaluate", "--protocol", "lfw", "--root", "/nowhere"),
        ("match", "{photo}", "--gallery", "/nowhere"),
        ("embed", "{photo}", "--checkpoint", "/nowhere.safetensors"),
        ("train", "--stage", "nonsense"),
    ],
    ids=lambda words: "-".join(words[:1] + words[-1:]),
)
def test_wrong_words_are_refused_with_what_to_do(words, photo, checkpoint, capsys):
    words = [str(photo) if word == "{photo}" else word for word in words]
    if "--checkpoint" not in words and words[0] != "train":
        words += ["--checkpoint", str(checkpoint)]
    assert run(*words) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_without_a_word_it_says_what_it_can_do(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "enrol" in capsys.readouterr().out


def test_help_of_the_module_lists_every_command():
    done = subprocess.run([sys.executable, "-m", "ssn", "--help"], capture_output=True, text=True, check=True)
    for command in ("embed", "enrol", "match", "explain", "train", "evaluate", "synth"):
        assert command in done.stdout


def test_evaluate_needs_no_data_set_and_writes_the_documented_rows(checkpoint, tmp_path):
    out = tmp_path / "out.json"
    words = (
        "evaluate",
        "--people",
        "6",
        "--checkpoint",
        checkpoint,
        "--device",
        "cpu",
        "--cache",
        tmp_path,
        "--json",
        out,
    )
    assert run(*words) == 0
    data = json.loads(out.read_text())
    assert data["protocol"] == "synthetic, fold 1"
    assert [row["occlusion"] for row in data["rows"]] == ["none", "maskTop", "maskBottom"]
    for row in data["rows"]:
        assert row["probe_spectrum"] == "nir-simulated"
        assert row["counts"] == {"genuine": 24, "impostor": 120, "probes": 24, "gallery": 6, "no_face": 0}
        assert len(row["rank"]) == 5
    assert any("simulated" in note for note in data["notes"])


PRESSED = """
import runpy, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts something behind itself ignores it

class Presses:
    def find_spec(self, name, *_):
        if name == "torch":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Presses())
sys.argv = ["ssn", "--help"]
runpy.run_module("ssn", run_name="__main__", alter_sys=True)
"""


def test_ctrl_c_while_the_libraries_are_read_ends_in_no_traceback():
    root = Path(__file__).resolve().parents[2]
    words = [sys.executable, "-c", PRESSED]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == -signal.SIGINT
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
