"""``evaluate`` by the command line: filed, resumed, reported, beside other methods, with open sets and covers."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssn.commands.evaluate import evaluate
from ssn.evaluation.metrics.open_set import fnir_at_fpir, searches, strangers_of
from ssn.evaluation.remembering import RememberingRecognizer
from ssn.evaluation.scores import ScoreFile
from ssn.recognizer import Recognizer
from tests.commands.running import run
from tests.data import miniature
from tests.pixel_recognizer import PixelRecognizer, RememberingPixels, TracedPixels

ROOT = Path(__file__).parents[2]

SCRIPT = """
import os, signal, sys
from ssn.__main__ import main
from ssn.recognizer import Recognizer
from tests.pixel_recognizer import PixelRecognizer

class Killed(PixelRecognizer):
    calls = 0
    def embed_gray(self, *words):
        self.calls += 1
        if self.calls == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_gray(*words)

Recognizer.load = lambda *_: Killed()
main(sys.argv[2:])
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_a_run_killed_in_the_middle_goes_on_to_the_same_json(tmp_path):
    miniature.folder(tmp_path / "set", people=3)

    def start(at: int, name: str) -> int:
        words = ["evaluate", "--protocol", "folder", "--root", tmp_path / "set", "--cache", tmp_path / "cache"]
        words += ["--workers", 1, "--device", "cpu", "--scores", tmp_path / name / "run.npz"]
        words += ["--json", tmp_path / name / "out.json", "--open-set"]
        command = [sys.executable, "-c", SCRIPT, str(at), *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True).returncode

    assert start(3, "killed") == -9
    assert len(ScoreFile.open(tmp_path / "killed" / "run.npz").rows()) == 1, "gallery and one row were described"
    assert start(-1, "whole") == 0
    assert start(-1, "killed") == 0
    killed, whole = ((tmp_path / name / "out.json").read_bytes() for name in ("killed", "whole"))
    assert killed == whole
    assert json.loads(whole)["scores"] == "run.npz"


def test_rows_on_file_are_not_measured_again_and_another_set_is_refused(evaluated, tmp_path, monkeypatch, capsys):
    root = miniature.folder(tmp_path / "set", people=2)
    words = ("--protocol", "folder", "--root", root, "--scores", tmp_path / "a.npz", "--occlusions", "none,maskTop")
    first = evaluated(*words)
    monkeypatch.setattr(PixelRecognizer, "embed_gray", lambda *_: pytest.fail("measured again"))
    assert evaluated(*words) == first
    monkeypatch.undo()
    monkeypatch.setattr(Recognizer, "load", lambda *_: PixelRecognizer(TracedPixels()))
    miniature.write_picture(root / "Person 1" / "NIR" / "b.jpg", 7, 5, "nir")
    assert run("evaluate", *words, "--cache", tmp_path / "cache", "--workers", 1) == 2
    assert "holds another run" in capsys.readouterr().err


def test_open_set_is_that_of_a_gallery_without_half_of_the_people(evaluated, tmp_path, capsys):
    root = miniature.folder(tmp_path / "set", people=4)
    words = ("--protocol", "folder", "--root", root, "--scores", tmp_path / "a.npz", "--occlusions", "none,maskBottom")
    data = evaluated(*words)
    file = ScoreFile.open(tmp_path / "a.npz")
    for row, filed in zip(data["rows"], file.rows(), strict=True):
        matrix, probes, gallery = filed.identification(file.comparisons)
        known = ~np.isin(gallery, strangers_of(gallery))
        naive = searches(matrix[:, known], probes, gallery[known])
        assert row["open_set"] == {
            "0.1": fnir_at_fpir(naive, 0.1).fnir,
            "0.01": fnir_at_fpir(naive, 0.01).fnir,
            "strangers": 2,
            "enrolled": 2,
        }
    said = capsys.readouterr().out
    assert "open set, FNIR" in said
    assert "2 searches for enrolled people, 2 for strangers" in said
    without = evaluated(*words, "--no-open-set")
    assert [row["open_set"] for row in without["rows"]] == [{}, {}]
    assert "open set" not in capsys.readouterr().out


def test_an_open_set_that_is_asked_for_and_cannot_be_is_an_error(evaluated, tmp_path, capsys):
    """Of two people one is a stranger, of whom nobody is left to be told from, where the other has no probe."""
    root = miniature.folder(tmp_path / "set", people=2)
    table = tmp_path / "table.csv"
    rows = ["Person 0/a.jpg,0,vis,gallery", "Person 1/a.jpg,1,vis,gallery", "Person 0/NIR/b.jpg,0,nir,probe"]
    table.write_text("\n".join(["path,identity,spectrum,split", *rows]))
    words = ("--protocol", "folder", "--root", root, "--table", table, "--occlusions", "none")
    assert evaluated(*words)["rows"][0]["open_set"] == {}
    assert run("evaluate", *words, "--cache", tmp_path / "cache", "--workers", 1, "--open-set") == 2
    assert "open set needs" in capsys.readouterr().err


def test_a_method_with_the_same_network_looks_at_no_picture_again(evaluated, tmp_path, monkeypatch):
    looked: list[int] = []

    class Counted(RememberingPixels):
        def embed_gray(self, gray, *given):
            looked.append(len(gray))
            return super().embed_gray(gray, *given)

    monkeypatch.setattr(RememberingRecognizer, "load", lambda *_: Counted(TracedPixels()))
    root, weights = miniature.folder(tmp_path / "set", people=2), tmp_path / "own.safetensors"
    words = ("--protocol", "folder", "--root", root, "--occlusions", "maskTop", "--checkpoint", weights)
    alone = evaluated(*words)
    once = sum(looked)
    looked.clear()
    both = evaluated(*words, "--family", "light-cnn", "--family-checkpoint", weights)
    assert both["families"]["light-cnn"]["rows"] == alone["rows"]
    assert sum(looked) == once > 0


def test_other_checkpoints_are_measured_on_the_same_faces(evaluated, tmp_path, monkeypatch, capsys):
    """Another network, "other", turns every picture round before it looks."""

    class Turned(PixelRecognizer):
        def embed_gray(self, gray, *given):
            return super().embed_gray(gray.flip(2), *given)

    def load(file: Path, *_):
        made = (Turned if file.stem == "other" else PixelRecognizer)(TracedPixels())
        made.card = replace(made.card, model_id=file.stem)
        return made

    monkeypatch.setattr(Recognizer, "load", load)
    root = miniature.folder(tmp_path / "set", people=4)
    words = [
        "--protocol",
        "folder",
        "--root",
        root,
        "--scores",
        tmp_path / "a.npz",
        "--beside",
        tmp_path / "other.safetensors",
    ]
    page = tmp_path / "a.html"
    data = evaluated(*words, "--family", "light-cnn", "--html", page, "--no-pictures")
    assert list(data["beside"]) == ["other"]
    assert list(data["families"]) == ["light-cnn"]
    assert data["beside"]["other"]["scores"] == "a-other.npz"
    assert data["families"]["light-cnn"]["rows"] == data["rows"]
    assert data["beside"]["other"]["rows"] != data["rows"]
    shown = page.read_text()
    names = re.findall(r"<dt>(run .)</dt><dd><code>(.*?)</code>", shown)
    assert [name for name, _ in names] == ["run A", "run B", "run C"]
    assert names[1][1] == "other"
    assert shown.count("<dt>command</dt>") == 1, "one command measured all"
    assert f"--beside {tmp_path}/other.safetensors" in shown
    assert "<img" not in shown
    assert "Pictures are left out of this page" in shown
    assert "Worst errors" in shown
    assert "Open set, before and after the mask" in shown
    assert run("evaluate", *words, "--beside", tmp_path / "b" / "other.safetensors") == 2
    assert "measured already" in capsys.readouterr().err


def test_covers_are_drawn_reported_and_a_page_has_errors_groups_and_the_command(evaluated, tmp_path):
    root = miniature.folder(tmp_path / "set", people=4)
    rows = ["path,identity,spectrum,split,group"]
    for person in range(4):
        group = "older" if person < 2 else "younger"
        rows.append(f"Person {person}/a.jpg,{person},vis,gallery,{group}")
        rows.append(f"Person {person}/NIR/b.jpg,{person},nir,probe,{group}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    words = ["--protocol", "folder", "--root", root, "--table", tmp_path / "table.csv"]
    names = "none,goggles,surgical,scarf"
    data = evaluated(*words, "--occlusions", names, "--html", tmp_path / "a.html")
    assert [row["occlusion"] for row in data["rows"]] == names.split(",")
    assert "Drawn on the photos: goggles, surgical, scarf. Methods are not told what these hide." in data["notes"]
    page = (tmp_path / "a.html").read_text()
    for said in ("Worst errors", 'alt="saliency"', "By group", "older; NIR, goggles", "--occlusions none,goggles"):
        assert said in page
    assert "Failures to acquire" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("name", "make", "occlusions", "table"),
    [
        ("casia", miniature.casia, "maskTop,maskBottom", "IV"),
        ("lamp-hq", miniature.lamp_hq, "maskTop,maskBottom", "V"),
        ("buaa", miniature.buaa, "maskTop,maskBottom", "VI"),
        ("oulu", miniature.oulu, "maskTop,maskBottom", "VI"),
    ],
)
def test_one_command_gives_a_table_of_the_paper(evaluated, tmp_path, name, make, occlusions, table):
    make(tmp_path / "set")
    families = "light-cnn,saliency,spectrum-transfer,inpainting,spectrum-transfer+inpainting"
    files = [word for kind in ("markdown", "latex", "csv") for word in (f"--{kind}", tmp_path / f"t.{kind}")]
    data = evaluated(
        "--protocol", name, "--root", tmp_path / "set", "--occlusions", occlusions, "--family", families, *files
    )
    assert list(data["families"]) == families.split(",")
    assert all(f"layout of Table {table}" in (tmp_path / f"t.{kind}").read_text() for kind in ("markdown", "latex"))
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    for occlusion in occlusions.split(","):
        ours = [row["method"] for row in rows if (row["occlusion"], row["published"]) == (occlusion, "no")]
        theirs = [row["method"] for row in rows if (row["occlusion"], row["published"]) == (occlusion, "yes")]
        assert len(ours) == 6
        assert "SSN, the paper's" in theirs
        assert len(theirs) > 8
    own = [row for row in rows if row["published"] == "no" and row["occlusion"] == "maskTop"]
    expected = [data["rows"][0]["rank"][0], *(data["families"][f]["rows"][0]["rank"][0] for f in data["families"])]
    assert [float(row["rank1"]) for row in own] == pytest.approx([100 * share for share in expected], abs=0.01)


def test_the_options_are_those_that_are_documented():
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for name in (
        "scores",
        "html",
        "markdown",
        "latex",
        "csv",
        "family",
        "open_set",
        "occlusions",
        "tell_covers",
        "beside",
    ):
        assert name in evaluate.__annotations__
        assert f"--{name.replace('_', '-')}" in text
