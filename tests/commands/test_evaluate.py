"""``evaluate`` on every data set by the command line, and what it stores in a card."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ssn.commands.evaluate import thresholds_of
from ssn.data import acquire
from ssn.errors import DataError
from ssn.evaluation import face_set
from ssn.evaluation.measure import Evaluation, Row
from ssn.models.checkpoint import load_model, update_card
from ssn.recognizer import Recognizer
from tests.commands.running import run
from tests.data import miniature


@pytest.fixture
def untouched(monkeypatch) -> list:
    """Every face that is made into simulated NIR."""
    calls, real = [], face_set.simulated_nir_face
    monkeypatch.setattr(face_set, "simulated_nir_face", lambda face: calls.append(face) or real(face))
    return calls


@pytest.mark.parametrize("name", ["casia", "lamp-hq", "buaa", "oulu", "folder"])
def test_every_set_is_measured_on_real_nir_that_is_never_simulated(name, evaluated, untouched, tmp_path, capsys):
    make = {
        "casia": lambda root: miniature.casia(root, learned=1, tested=2, probes=1),
        "lamp-hq": lambda root: miniature.lamp_hq(root, learned=1, tested=2),
        "buaa": lambda root: miniature.buaa(root, people=3, tested=2),
        "oulu": lambda root: miniature.oulu(root, people=3, tested=2),
        "folder": lambda root: miniature.folder(root, people=2),
    }
    make[name](tmp_path / "set")
    data = evaluated("--protocol", name, "--root", tmp_path / "set")
    assert data["protocol"].startswith(name)
    assert [row["probe_spectrum"] for row in data["rows"]] == ["nir"] * 3
    assert untouched == []
    assert data["rows"][0]["counts"]["gallery"] == 2
    assert len(data["rows"][0]["rank"]) == 5
    assert data["failures"] == []
    shown = capsys.readouterr().out
    assert "simulated" not in shown
    assert "failures to acquire: 0" in shown


def test_a_missing_and_a_faceless_picture_are_listed_and_the_rest_is_measured(evaluated, tmp_path, capsys):
    base = miniature.casia(tmp_path / "set", learned=1, tested=2, probes=2)
    first, second = sorted((base / "s2" / "NIR").rglob("*.bmp"))
    first.unlink()
    second.write_bytes((Path(__file__).parents[2] / "assets" / "favicon.png").read_bytes())
    data = evaluated("--protocol", "casia", "--root", tmp_path / "set")
    assert data["rows"][0]["counts"]["no_face"] == 2
    assert data["rows"][0]["counts"]["probes"] == 2
    assert [failure["why"] for failure in data["failures"]] == ["missing", "no face detected"]
    shown = capsys.readouterr().out
    assert f"{first.name}: missing" in shown
    assert "failures to acquire: 2 (1 missing, 1 no face detected)" in shown


def test_all_folds_give_mean_and_deviation_and_align_every_picture_once(evaluated, tmp_path, monkeypatch, capsys):
    miniature.casia(tmp_path / "set", learned=1, tested=2, probes=1, folds=map(str, range(1, 11)))
    aligned, real = [], acquire.aligned_crop

    def counted(picture, landmarks):
        aligned.append(picture)
        return real(picture, landmarks)

    monkeypatch.setattr(acquire, "aligned_crop", counted)
    data = evaluated("--protocol", "casia", "--root", tmp_path / "set", "--fold", "all")
    assert data["protocol"] == "casia, 10 folds"
    assert len(data["folds"]) == 10
    assert data["rows"][0]["rank1"]["folds"] == 10
    assert data["rows"][0]["rank1"]["std"] == 0
    assert len(aligned) == len(set(aligned)) == 4
    assert "±" in capsys.readouterr().out


def test_nir_is_simulated_beside_real_nir_only_where_it_is_asked_for(evaluated, untouched, tmp_path):
    root = miniature.folder(tmp_path / "set", people=2)
    for person in range(2):
        miniature.write_picture(root / f"Person {person}" / "c.jpg", person, 2, "vis")
    rows = ["path,identity,spectrum,split"]
    for person in range(2):
        for path, spectrum, split in (
            ("a.jpg", "vis", "gallery"),
            ("c.jpg", "vis", "probe"),
            ("NIR/b.jpg", "nir", "probe"),
        ):
            rows.append(f"Person {person}/{path},{person},{spectrum},{split}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    words = ("--protocol", "folder", "--root", root, "--table", tmp_path / "table.csv")
    assert [row["probe_spectrum"] for row in evaluated(*words)["rows"][::3]] == ["vis", "nir"]
    assert untouched == []
    data = evaluated(*words, "--simulate-nir")
    assert [row["probe_spectrum"] for row in data["rows"][::3]] == ["vis", "nir", "nir-simulated"]
    assert len(untouched) == 2
    assert {face.spectrum for face in untouched} == {"vis"}


@pytest.mark.parametrize("people", [2, 3])
def test_few_people_are_measured_as_far_as_that_goes(people, evaluated):
    data = evaluated("--people", people, "--probes", 2)
    assert data["rows"][0]["accuracy"] is None
    assert data["rows"][0]["counts"]["genuine"] == 2 * people
    assert 0 <= data["rows"][0]["auc"] <= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--thresholds",), "Add --write-card"),
        (("--thresholds", "--write-card", "--fast"), "full precision"),
        (("--thresholds", "--write-card", "--fold", "all"), "one fold"),
        (("--protocol", "casia"), "--root"),
        (("--protocol", "nonsense"), "no protocol"),
        (("--fold", "99"), "no fold"),
        (("--occlusions", "none,hat"), "'hat' is no occlusion"),
        (("--family", "nobody"), "no family 'nobody'"),
        (("--family", "onnx"), "--onnx"),
        (("--scores", "a.json"), "ending .npz"),
    ],
)
def test_what_cannot_be_measured_or_kept_is_refused_before_anything_is(words, said, capsys, monkeypatch):
    monkeypatch.setattr(Recognizer, "load", lambda *_: pytest.fail("too late"))
    assert run("evaluate", *words) == 2
    assert said in capsys.readouterr().err


# --- what is stored in a card


def copied(checkpoint: Path, tmp_path: Path) -> Path:
    path = tmp_path / "own.safetensors"
    path.write_bytes(checkpoint.read_bytes())
    return path


def test_write_card_stores_measures_and_leaves_the_thresholds(evaluated, random_checkpoint, tmp_path):
    """It overwrote the thresholds with those of whatever had been measured."""
    path = copied(random_checkpoint, tmp_path)
    before = load_model(path)[1]
    data = evaluated("--people", 2, "--probes", 1, "--write-card", "--checkpoint", path)
    after = load_model(path)[1]
    assert after.model_id == before.model_id
    assert after.measures["synthetic, fold 1"]["rows"] == data["rows"]
    assert all({"0.1", "0.01", "strangers"} <= row["open_set"].keys() for row in data["rows"]), (
        "before and after the mask"
    )
    assert (after.thresholds, after.thresholds_from) == (before.thresholds, before.thresholds_from)


def test_too_few_impostors_make_no_thresholds_and_leave_the_file_alone(evaluated, random_checkpoint, tmp_path, capsys):
    path = copied(random_checkpoint, tmp_path)
    before = path.read_bytes()
    words = ("--people", 2, "--probes", 1, "--write-card", "--thresholds", "--checkpoint", path)
    assert run("evaluate", *words, "--device", "cpu", "--cache", tmp_path / "cache") == 2
    assert "2 impostor comparisons" in capsys.readouterr().err
    assert path.read_bytes() == before


def evaluation(impostors: int, precision: str = "float32") -> Evaluation:
    scores = [(0.3, 0.5), (0.4, 0.45), (0.2, 0.6)]
    rows = [
        Row("vis", "none", 1, 0, 1, {}, {"0.01": a, "0.001": b}, {}, impostors=impostors + i)
        for i, (a, b) in enumerate(scores)
    ]
    return Evaluation("m", "p", rows, precision=precision)


def test_one_threshold_must_hold_in_every_row_and_says_where_it_comes_from():
    scores, source = thresholds_of(evaluation(1000))
    assert scores == {"0.01": 0.4, "0.001": 0.6}
    assert source == {"protocol": "p", "impostors": 1000, "precision": "float32"}
    with pytest.raises(DataError, match=r"999 impostor comparisons cannot tell .* 1 in 1000"):
        thresholds_of(evaluation(999))
    with pytest.raises(DataError, match="precision"):
        thresholds_of(evaluation(1000, "bfloat16"))


def test_a_card_keeps_where_its_thresholds_come_from(random_checkpoint, tmp_path):
    path = copied(random_checkpoint, tmp_path)
    source = {"protocol": "p", "impostors": 1000, "precision": "float32"}
    card = update_card(path, {"p": {"rows": []}}, {"0.01": 0.1}, source)
    assert load_model(path)[1] == card
    assert (card.thresholds, card.thresholds_from) == ({"0.01": 0.1}, source)
    assert update_card(path, {}).thresholds_from == source


def test_a_card_written_before_that_was_kept_still_loads(random_checkpoint, tmp_path):
    path = tmp_path / "old.safetensors"
    with safe_open(str(random_checkpoint), framework="pt") as file:
        metadata = {key: value for key, value in file.metadata().items() if key != "thresholds_from"}
    save_file(load_file(random_checkpoint), path, metadata)
    card = load_model(path)[1]
    assert card.thresholds == load_model(random_checkpoint)[1].thresholds
    assert card.thresholds_from == {}
