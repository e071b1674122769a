"""The registry: what is asked for by name, what is refused, and a set that is added from outside."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from ssn.__main__ import main
from ssn.data.protocol import Protocol, Sample
from ssn.data.registry import DATA_SETS, DataRequest, DataSet
from ssn.errors import DataError
from ssn.recognizer import Recognizer
from tests.drawn import mean_landmarks
from tests.pixel_recognizer import PixelRecognizer


def run(*words) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code or 0


@dataclass(frozen=True)
class ToyOptions:
    shades: int = field(default=3, metadata={"help": "how many gray people there are"})
    fold: int = 1


def read_toy(options: ToyOptions, _cache: Path | None) -> Protocol:
    def person(i: int, seed: int, spectrum) -> Sample:
        pixels = np.random.default_rng((i, seed // 9)).integers(0, 255, (128, 128, 3)).astype(np.uint8)
        return Sample(str(i), spectrum, lambda: pixels, mean_landmarks())

    people = range(options.shades)
    gallery = [person(i, 0, "vis") for i in people]
    probes = [person(i, options.fold, "nir") for i in people]
    return Protocol(f"toy, fold {options.fold}", gallery, probes)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(DATA_SETS, "toy", DataSet("gray squares", ToyOptions, read_toy, folds=2))


def test_a_set_added_from_outside_is_in_the_help_and_can_be_measured(toy, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Recognizer, "load", lambda *_: PixelRecognizer())
    assert run("evaluate", "--help") == 0
    shown = "".join(character for character in capsys.readouterr().out if character.isalnum() or character == "-")
    assert "toygraysquares" in shown
    assert "--shades" in shown
    out = tmp_path / "out.json"
    words = ("--device", "cpu", "--cache", tmp_path / "cache", "--json", out)
    assert run("evaluate", "--protocol", "toy", "--shades", 4, "--fold", "all", *words) == 0
    data = json.loads(out.read_text())
    assert data["protocol"] == "toy, 2 folds"
    assert data["folds"][1]["rows"][0]["counts"]["gallery"] == 4


def test_a_name_that_is_not_registered_is_refused_with_those_that_are(toy):
    with pytest.raises(DataError, match="synthetic, lfw, folder, casia, lamp-hq, buaa, oulu, toy"):
        DataRequest("nonsense").read()


@pytest.mark.parametrize(
    ("protocol", "given", "unread"),
    [
        ("synthetic", {"pairs": "pairs.txt"}, "--pairs"),
        ("casia", {"people": 4}, "--people"),
        ("lfw", {"vis_list": Path("x")}, "--vis-list"),
        ("buaa", {"light": "Weak"}, "--light"),
    ],
)
def test_an_option_that_the_set_does_not_read_is_refused(protocol, given, unread):
    with pytest.raises(DataError, match=f"{protocol} does not read {unread}"):
        DataRequest(protocol, None, given).read()


def test_an_unread_option_is_refused_on_the_command_line(capsys):
    assert run("evaluate", "--pairs", "pairs.txt") == 2
    assert "synthetic does not read --pairs" in capsys.readouterr().err


@pytest.mark.parametrize("fold", ["x", "", "-1", "1.5", "99", "²", "0"])
def test_what_is_no_fold_is_refused(fold):
    with pytest.raises(DataError, match="fold"):
        DataRequest("synthetic", fold, {"people": 2}).read_folds()


@pytest.mark.parametrize("protocol", ["folder", "buaa", "oulu"])
def test_a_set_without_folds_refuses_them(protocol):
    with pytest.raises(DataError, match="no folds"):
        DataRequest(protocol, "all", {"root": Path("x")}).read_folds()


def test_all_folds_are_read_and_one_is_not_all(toy):
    assert [p.name for p in DataRequest("toy", "all").read_folds()] == ["toy, fold 1", "toy, fold 2"]
    with pytest.raises(DataError, match="One fold"):
        DataRequest("toy", "all").read()
    assert DataRequest("toy", "2", {"shades": 5}).read().name == "toy, fold 2"


def test_what_is_learned_from_has_people_and_what_is_given_stays():
    assert DataRequest("synthetic").to_train().given == {"train_people": 200}
    assert DataRequest("synthetic", "2", {"train_people": 5}).to_train() == DataRequest(
        "synthetic", "2", {"train_people": 5}
    )
    assert DataRequest("casia", given={"root": "R"}).to_train().given == {"root": "R"}


def test_all_folds_are_one_request_each(toy):
    assert DataRequest("toy", "all", {"shades": 4}).by_fold() == [
        DataRequest("toy", "1", {"shades": 4}),
        DataRequest("toy", "2", {"shades": 4}),
    ]
    for alone in (DataRequest("toy", "2"), DataRequest("oulu")):
        assert alone.by_fold() == [alone]
    with pytest.raises(DataError, match="no folds"):
        DataRequest("oulu", "all").by_fold()
