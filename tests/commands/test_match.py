"""``match`` and ``embed`` of many photos: what can be had is given, the rest is named."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssn.gallery.registry import INDICES
from ssn.gallery.verdict import RULES
from tests.gallery.test_registry import Newest
from tests.gallery.toys import save

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def people(tmp_path):
    for seed, name in enumerate(("Ada", "Ben", "Cid"), start=1):
        save(tmp_path / "people" / name / "a.png", seed)
    return tmp_path / "people"


@pytest.fixture
def photos(tmp_path):
    """Ada, Cid, no picture, and somebody unknown."""
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    return [save(tmp_path / "p1.png", 1, 2), save(tmp_path / "p3.png", 3, 2), bad, save(tmp_path / "p9.png", 9)]


def test_many_photos_give_a_list_and_the_unreadable_one_its_error(ask, people, photos, tmp_path):
    gallery = tmp_path / "g.db"
    assert ask("enrol", people, "--gallery", gallery).status == 0
    done = ask("match", *photos, "--gallery", gallery)
    assert done.status == 2
    assert [row["photo"] for row in done.data] == list(map(str, photos))
    assert [row["matches"][0]["person"] if row["matches"] else None for row in done.data][:3] == ["Ada", "Cid", None]
    assert ["error" in row for row in done.data] == [False, False, True, False]
    for row in done.data:
        assert set(row) == (
            {"photo", "matches", "error"} if "error" in row else {"photo", "face", "covered", "matches"}
        )
        for match in row["matches"]:
            assert set(match) == {"rank", "person", "score", "verdict"}
    assert [row["matches"][0]["verdict"] for row in done.data if row["matches"]] == ["match", "match", "no match"]
    assert str(photos[2]) in done.err


def test_one_photo_is_a_list_too_also_where_it_cannot_be_read(ask, people, photos):
    good = ask("match", photos[0], "--gallery", people, "--k", 2)
    assert (good.status, len(good.data), len(good.data[0]["matches"])) == (0, 1, 2)
    bad = ask("match", photos[2], "--gallery", people)
    assert bad.status == 2
    assert [row["matches"] for row in bad.data] == [[]]
    assert "not a readable picture" in bad.data[0]["error"]
    assert "error: " in bad.err


def test_a_photo_given_twice_is_answered_twice(ask, people, photos):
    done = ask("match", photos[0], photos[0], "--gallery", people)
    assert len(done.data) == 2
    assert done.data[0] == done.data[1]


def test_two_names_of_one_face_are_told_in_the_verdict(ask, people, photos):
    save(people / "Adele" / "a.png", 1, 7)
    done = ask("match", photos[0], "--gallery", people)
    assert "2 people reach the threshold" in done.out


def test_an_index_and_a_rule_from_outside_are_found_by_the_command(ask, people, photos, monkeypatch):
    for option in ("--index", "--rule"):
        refused = ask("match", photos[0], "--gallery", people, option, "toy")
        assert refused.status == 2
        assert "Use one of" in refused.err
    monkeypatch.setitem(INDICES, "toy", Newest)
    monkeypatch.setitem(RULES, "toy", lambda scores, thresholds: ["uncertain"] * len(scores))
    done = ask("match", photos[0], "--gallery", people, "--index", "toy", "--rule", "toy")
    assert [m["person"] for m in done.data[0]["matches"]] == ["Cid", "Ben", "Ada"]
    assert {m["verdict"] for m in done.data[0]["matches"]} == {"uncertain"}


def test_the_mean_over_templates_can_be_asked_for(ask, people, photos):
    save(people / "Ada" / "other.png", 50)
    best, mean = (ask("match", photos[0], "--gallery", people, "--over", over).data[0] for over in ("best", "mean"))
    scores = [next(m["score"] for m in row["matches"] if m["person"] == "Ada") for row in (best, mean)]
    assert scores[1] < scores[0] - 0.1
    assert ask("match", photos[0], "--gallery", people, "--over", "worst").status == 2


def test_embedding_many_gives_what_it_can(ask, photos):
    done = ask("embed", *photos)
    assert done.status == 2
    assert [row["photo"] for row in done.data["templates"]] == [str(photos[i]) for i in (0, 1, 3)]
    assert [row["photo"] for row in done.data["refused"]] == [str(photos[2])]
    assert "not a readable picture" in done.data["refused"][0]["reason"]
    assert all(abs(np.linalg.norm(row["vector"]) - 1) < 1e-4 for row in done.data["templates"])
    assert "3 of 4 photos embedded, 1 refused" in done.out
    assert ask("embed", *photos[:2]).status == 0


ODD = [b"caf\xe9.png", "李雷 é.png".encode(), b"\xff\xfe.png"]
SCRIPT = """
import sys
from ssn.__main__ import main
from ssn.commands import options
from ssn.recognizer import Recognizer
from tests.gallery.toys import ToyFinder, ToyRecognizer
Recognizer.load = lambda *_: ToyRecognizer()
options.shared_finder = lambda _: finder
finder = ToyFinder()
main()
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_no_file_name_and_no_console_ends_in_a_traceback_or_a_lost_json(tmp_path, encoding):
    folder = tmp_path / "people"
    folder.mkdir()
    for seed, name in enumerate(ODD):
        save(tmp_path / "x.png", seed).rename(os.fsdecode(os.fsencode(folder) + b"/" + name))
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}

    def run(*words: object) -> subprocess.CompletedProcess:
        words = [sys.executable, "-c", SCRIPT, *words]
        return subprocess.run(words, env=environment, capture_output=True, check=False, cwd=ROOT)

    gallery = tmp_path / "g.db"
    done = run("enrol", folder, "--gallery", gallery, "--json", tmp_path / "out.json")
    assert b"Traceback" not in done.stderr
    data = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [row["person"] for row in data["enrolled"]] == ["李雷 é"]
    assert {os.path.basename(os.fsencode(row["photo"])) for row in data["refused"]} == {ODD[0], ODD[2]}
    probes = [os.fsdecode(os.fsencode(folder) + b"/" + name) for name in ODD]
    shown = run("match", *probes, "--gallery", gallery, "--json", "-")
    assert b"Traceback" not in shown.stderr
    assert shown.returncode == 0
    rows = json.loads(shown.stdout.decode(encoding))
    assert [os.fsencode(row["photo"]) for row in rows] == [os.fsencode(probe) for probe in probes]
    assert rows[1]["matches"][0]["person"] == "李雷 é"
    said = run("match", *probes, "--gallery", gallery)
    assert said.returncode == 0
    assert b"Traceback" not in said.stderr
    assert said.stdout.count(b"1. ") == 3


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_a_closed_stream_ends_in_no_traceback(tmp_path, closed):
    photo = save(tmp_path / "Ada.png", 1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = tmp_path / "out.json"

    def run(*words: object) -> subprocess.CompletedProcess:
        line = shlex.join([sys.executable, "-c", SCRIPT, *map(str, words)])
        return subprocess.run(["sh", "-c", f"{line} {closed}"], env=environment, capture_output=True, cwd=ROOT)

    done = run("enrol", photo, "--name", "Ada", "--gallery", tmp_path / "g.db", "--json", out)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0
    assert json.loads(out.read_text())["enrolled"][0]["person"] == "Ada"
    shown = run("embed", photo, "--json", "-")
    assert b"Traceback" not in shown.stderr
    assert shown.returncode == (2 if closed.startswith(">") else 0)
    if closed == ">&-":
        assert b"standard output (it is closed)" in shown.stderr
