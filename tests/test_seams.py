"""The seams: what is registered from outside is offered by the command line and by the page, without another change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from app.flags import parse_arguments
from app.kit.demo_people import DemoSet
from app.page import build_demo
from app.services import Services
from ssn.__main__ import app as commands
from ssn.__main__ import command_line
from ssn.commands.options import read_probe
from ssn.data.protocol import Protocol
from ssn.data.registry import DATA_SETS, DataSet
from ssn.errors import ExplanationError
from ssn.explanation.methods.registry import METHODS, Method, attribute
from ssn.explanation.pair import PairScore
from ssn.faces.occlude import OCCLUSIONS, OcclusionKind, named_mask
from ssn.gallery.exact import ExactIndex
from ssn.gallery.registry import INDICES, open_store
from ssn.gallery.sqlite import Gallery
from ssn.training.search.variants import VARIANTS
from tests.explanation.toys import MaxEmbedder


def left_side(landmarks: np.ndarray) -> np.ndarray:
    """Hides all that lies left of the nose's tip."""
    return np.tile(np.arange(128) < landmarks[30, 0], (128, 1))


def nothing_matters(score, face, baseline, labels, level):
    """A method that finds every pixel equally unimportant."""
    yield 1.0, torch.full(face.shape[-2:], float(level))


@pytest.fixture
def occlusion(monkeypatch) -> str:
    monkeypatch.setitem(OCCLUSIONS, "leftSide", OcclusionKind("Left side", left_side))
    return "leftSide"


@pytest.fixture
def method(monkeypatch) -> str:
    monkeypatch.setitem(METHODS, "nothing", Method("Nothing matters", nothing_matters, parameters={"level": 0.25}))
    return "nothing"


@pytest.fixture
def index(monkeypatch) -> str:
    monkeypatch.setitem(INDICES, "backwards", ExactIndex)
    return "backwards"


@pytest.fixture
def data_set(monkeypatch) -> str:
    monkeypatch.setitem(
        DATA_SETS, "nobody", DataSet("no pictures at all", NobodyOptions, lambda options, cache: Protocol("nobody"))
    )
    return "nobody"


@dataclass(frozen=True)
class NobodyOptions:
    """It needs nothing."""


def help_of(*words: str) -> str:
    """The help text, its lines joined."""
    result = CliRunner().invoke(commands, [*words, "--help"], env={"COLUMNS": "400", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


def choices_of(recognizer, elem_id: str) -> list[tuple]:
    """What the page offers in the component of that id."""
    with Gallery(":memory:", recognizer.model_id) as gallery:
        page = build_demo(Services(recognizer, gallery, DemoSet()))
    (component,) = (block for block in page.blocks.values() if getattr(block, "elem_id", None) == elem_id)
    return list(component.choices)


def test_before_they_are_registered_they_are_nowhere(recognizer):
    assert "leftSide" not in help_of("embed")
    assert "nothing" not in help_of("explain").replace("nothing,", "").split("--method")[1].split("--")[0]
    assert ("Left side", "leftSide") not in choices_of(recognizer, "occlusion")


@pytest.mark.parametrize("command", ["embed", "match", "explain"])
def test_an_occlusion_is_a_choice_of_the_commands(occlusion, command):
    assert "none|maskTop|maskBottom|leftSide" in help_of(command)


def test_an_occlusion_is_a_choice_of_the_page_and_hides_what_it_says(occlusion, recognizer, landmarks):
    assert ("Left side", "leftSide") in choices_of(recognizer, "occlusion")
    assert np.array_equal(named_mask(occlusion, landmarks), left_side(landmarks))


def test_an_occlusion_is_laid_on_a_probe(occlusion, recognizer, demo):
    probe = read_probe(recognizer, demo[0].enrolment, occlusion=occlusion)
    assert np.array_equal(probe.mask, left_side(probe.landmarks))
    assert not probe.pixels[probe.mask].any()


def test_a_method_is_named_by_the_command_and_offered_by_the_page(method, recognizer):
    assert "nothing" in help_of("explain").split("--method")[1].split("--rather-than")[0]
    assert ("Nothing matters", "nothing") in choices_of(recognizer, "why-method")


def test_a_method_is_run_watched_and_refuses_what_is_no_parameter_of_its(method):
    score = PairScore(MaxEmbedder(), "vis", torch.eye(6)[0])
    face = np.full((8, 8), 0.5, np.float32)
    assert (attribute(score, face, method).map == 0.25).all()
    assert (attribute(score, face, method, parameters={"level": 2}).map == 2).all()
    with pytest.raises(ExplanationError, match="no parameter"):
        attribute(score, face, method, parameters={"depth": 2})


def test_an_index_is_a_choice_of_the_search_and_of_the_page(index, capsys, recognizer, tmp_path):
    assert "exact|backwards" in help_of("match")
    assert parse_arguments(["--index", index]).index == index
    with pytest.raises(SystemExit):
        parse_arguments(["--index", "sideways"])
    assert "backwards" in capsys.readouterr().err
    with open_store(":memory:", recognizer.model_id, index=index) as gallery:
        assert gallery.people() == []


def test_a_data_set_is_a_choice_of_the_commands_and_of_the_page(data_set, recognizer, monkeypatch, tmp_path):
    monkeypatch.setenv("SSN_NOBODY", str(tmp_path))  # the page offers the sets whose folder it is told
    for command in ("evaluate", "train", "ablate"):
        options = CliRunner().invoke(command_line(), [command, "--help"], env={"COLUMNS": "400", "TERM": "dumb"})
        assert "nobody" in options.output
    assert "nobody" in {value for _, value in choices_of(recognizer, "evaluation-protocol")}


def test_every_name_of_a_registry_is_its_own():
    for registry in (OCCLUSIONS, METHODS, VARIANTS):
        assert all(name and name == name.strip() and "," not in name for name in registry)
        titles = [getattr(row, "title", name) for name, row in registry.items()]
        assert len(set(titles)) == len(titles)
