"""``report`` as a script sees it."""

from __future__ import annotations

import csv
import json

import pytest

from tests.commands.running import run
from tests.evaluation.toy_scores import toy_run


def report(*words: object) -> int:
    """The exit status of the command, of few resamples."""
    return run("report", *words, "--resamples", "10")


def test_two_score_files_become_a_page_and_tables(tmp_path, capsys):
    for gain in (0.0, 0.06):
        toy_run(tmp_path / f"{gain}.npz", gain=gain)
    files = {kind: tmp_path / "out" / f"a.{kind}" for kind in ("html", "markdown", "csv", "latex", "json")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
    assert report(tmp_path / "0.0.npz", tmp_path / "0.06.npz", *options) == 0
    printed = capsys.readouterr().out
    assert "toy-0.06" in printed
    assert "VSANet" not in printed
    assert "NIR, maskBottom: TPR@FPR=1%" in printed
    assert "VSANet" in files["html"].read_text()
    assert "VSANet" in files["markdown"].read_text()
    assert r"\bottomrule" in files["latex"].read_text()
    own = [row for row in csv.DictReader(files["csv"].open()) if row["published"] == "no"]
    assert len(own) == 6
    data = json.loads(files["json"].read_text())
    assert [r["model"] for r in data["runs"]] == ["toy-0", "toy-0.06"]
    for row, line in zip(data["runs"][0]["rows"], own[::2], strict=True):
        assert 100 * row["measures"]["rank1"]["value"] == pytest.approx(float(line["rank1"]), abs=0.01)
    assert {"first", "second", "difference"} <= set(data["differences"][0])


EVALUATION = {
    "model": "m-1",
    "protocol": "lfw",
    "rows": [
        {
            "probe_spectrum": "nir-simulated",
            "occlusion": "maskTop",
            "auc": 0.9,
            "eer": 0.125,
            "accuracy": None,
            "tpr_at_fpr": {"0.01": 0.5, "0.001": None},
            "thresholds": {"0.01": 0.3},
            "counts": {"genuine": 10},
            "rank": [],
        }
    ],
    "notes": ["a note"],
}


def test_the_json_of_an_evaluation_is_a_run_without_curves(tmp_path, capsys):
    (tmp_path / "a.json").write_text(json.dumps(EVALUATION))
    assert report(tmp_path / "a.json", tmp_path / "a.json", "--html", tmp_path / "a.html") == 0
    page = (tmp_path / "a.html").read_text()
    assert "simulated NIR, maskTop" in page
    assert "Simulated NIR is made from VIS photos" in page
    assert "not known to compare the same pictures" in page
    assert "12.5" in page
    assert "<polyline" not in page
    assert "| **m-1** | 90.0 | 12.5 | 50.0 |" in capsys.readouterr().out


def test_the_open_set_of_an_evaluations_json_is_read_and_older_ones_have_none(tmp_path):
    opened = {"0.1": 0.25, "0.01": 0.5, "strangers": 4, "enrolled": 4}
    rows = [{**EVALUATION["rows"][0], "occlusion": name, "open_set": opened} for name in ("none", "maskTop")]
    (tmp_path / "a.json").write_text(json.dumps({**EVALUATION, "rows": rows}))
    assert report(tmp_path / "a.json", "--html", tmp_path / "a.html", "--json", tmp_path / "out.json") == 0
    (made,) = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert made["rows"][1]["measures"]["fnir_at_0.01"]["value"] == 0.5
    assert "before and after the mask" in (tmp_path / "a.html").read_text()


def test_a_json_that_names_its_scores_has_curves(tmp_path):
    toy_run(tmp_path / "scores.npz")
    (tmp_path / "a.json").write_text(json.dumps({**EVALUATION, "scores": "scores.npz"}))
    assert report(tmp_path / "a.json", "--html", tmp_path / "a.html") == 0
    assert "<polyline" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "There is no run"),
        ("not json", "no evaluation"),
        ("[]", "no evaluation"),
        ('{"rows": []}', "no evaluation"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, capsys, text, said):
    if text is not None:
        (tmp_path / "a.json").write_text(text)
    assert report(tmp_path / "a.json") == 2
    assert said in capsys.readouterr().err


def test_three_runs_stand_beside_each_other_the_third_to_be_shown(tmp_path):
    path, page = tmp_path / "a.json", tmp_path / "a.html"
    path.write_text(json.dumps(EVALUATION))
    assert report(path, path, path, "--html", page) == 0
    text = page.read_text()
    assert [f"<h3>Run {name}</h3>" in text for name in "ABCD"] == [True, True, True, False]


def test_a_place_that_cannot_be_written_is_said(tmp_path, capsys):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(EVALUATION))
    assert report(path, "--html", path / "below" / "a.html") == 2
    assert "cannot be written" in capsys.readouterr().err
