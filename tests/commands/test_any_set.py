"""Miniature trees of the NIR-VIS sets through train → search → evaluate, and through an ablation, by the command
line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from ssn.__main__ import main
from ssn.data.registry import DATA_SETS
from ssn.models.backbone import ARCHITECTURES
from ssn.models.checkpoint import load_model
from ssn.training import augment
from tests.commands.any_set import ARCHITECTURE, TOY_SCHEDULE, TOY_SEARCH, write_toy
from tests.data import miniature
from tests.training.toys import ToyBackbone

ROOT = Path(__file__).resolve().parents[2]
TREES = {
    "casia": miniature.casia,
    "lamp-hq": miniature.lamp_hq,
    "buaa": partial(miniature.buaa, people=5),
    "oulu": partial(miniature.oulu, people=5),
}
"""Sets, each with two people to learn from and three to test."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A toy base in ``toy.safetensors``, and a place for everything else."""
    made = tmp_path_factory.mktemp("sets")
    write_toy(made / "toy.safetensors")
    return made


@pytest.fixture
def call(monkeypatch, folder):
    """Run a command → its JSON."""
    monkeypatch.setitem(ARCHITECTURES, ARCHITECTURE, ToyBackbone)

    def run(*words: object) -> dict:
        file = folder / "out.json"
        file.unlink(missing_ok=True)
        with pytest.raises(SystemExit) as stop:
            main([*map(str, words), "--cache", str(folder / "cache"), "--device", "cpu", "--json", str(file)])
        assert not stop.value.code
        return json.loads(file.read_text(encoding="utf-8"))

    return run


@pytest.fixture
def simulations(monkeypatch) -> list[int]:
    """How many views of each batch of a training are simulated NIR."""
    calls: list[int] = []
    real = augment.simulate_nir

    def counted(rgb: torch.Tensor, *others: object) -> torch.Tensor:
        calls.append(len(rgb))
        return real(rgb, *others)

    monkeypatch.setattr(augment, "simulate_nir", counted)
    return calls


def tree(folder: Path, name: str) -> Path:
    """The miniature, made once for a run of the tests."""
    root = folder / name
    return root if root.is_dir() else (TREES[name](root), root)[1]


@pytest.mark.parametrize("name", ["casia", *(pytest.param(n, marks=pytest.mark.slow) for n in list(TREES)[1:])])
def test_a_set_is_learned_from_searched_on_and_measured(name, folder, call, simulations):
    root, run = tree(folder, name), folder / f"run-{name}"
    asked = ("--protocol", name, "--root", root)
    start = ("--base", folder / "toy.safetensors", "--run", run)
    searched = call("train", *asked, *start, *TOY_SEARCH, "--stage", "search")
    assert (searched["people"], Path(searched["state"]).is_file()) == (2, True)
    tuned = call("train", *asked, *start, *TOY_SCHEDULE, "--stage", "finetune")
    network, card = load_model(tuned["file"])
    assert isinstance(network.backbone, ToyBackbone), "the card says which backbone it is"
    assert card.searched
    assert card.training["data"]["nir"] == "real"
    assert card.training["data"]["held_out"] == 0, "the set has test people of its own"
    (own,) = [facts for facts in card.training["data"].values() if isinstance(facts, dict)]
    assert own["real NIR"] * 2 == own["images"]
    assert simulations == [], "real near-infrared is never simulated again"
    measured = call("evaluate", *asked, "--checkpoint", tuned["file"])
    assert {row["probe_spectrum"] for row in measured["rows"]} == {"nir"}
    assert [row["occlusion"] for row in measured["rows"]] == ["none", "maskTop", "maskBottom"]
    assert all(row["counts"]["gallery"] == 3 and row["counts"]["no_face"] == 0 for row in measured["rows"])


def test_an_ablation_is_measured_on_the_sets_own_test_and_says_what_nir_was(folder, call):
    out = folder / "table"
    words = ("--variants", "light-cnn,ssn", "--seeds", "1", "--anyway", "--out", out, *TOY_SCHEDULE)
    start = ("--base", folder / "toy.safetensors", "--run", folder / "rows")
    made = call("ablate", "--protocol", "casia", "--root", tree(folder, "casia"), *start, *words)
    assert made["test"] == "casia, fold 1"
    assert {row["variant"] for row in made["rows"]} == {"light-cnn", "ssn"}
    page = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "NIR in training is real" in page
    assert "of `casia, fold 1` NIR." in page
    assert "simulated" not in page


def test_all_folds_become_one_table_with_deviations(folder, call, monkeypatch):
    root = folder / "two-folds"
    miniature.lamp_hq(root, folds=(1, 2))
    monkeypatch.setitem(DATA_SETS, "lamp-hq", replace(DATA_SETS["lamp-hq"], folds=2))
    asked = ("--protocol", "lamp-hq", "--root", root, "--fold", "all", "--base", folder / "toy.safetensors")
    words = ("--variants", "light-cnn", "--seeds", "1", "--out", folder / "folds", *TOY_SCHEDULE)
    made = call("ablate", *asked, "--run", folder / "fold-rows", *words)
    assert made["test"] == "lamp-hq, 2 folds"
    assert [each["test"] for each in made["folds"]] == ["lamp-hq, fold 1", "lamp-hq, fold 2"]
    assert all(row["folds"] == 2 and row["rank1_std"] is not None for row in made["rows"])
    trained = call("train", *asked, "--run", folder / "fold-runs", "--stage", "all", *TOY_SCHEDULE)
    assert [Path(each["file"]).parent.name for each in trained] == ["fold-1", "fold-2"]


@pytest.mark.slow
def test_two_processes_with_a_cold_cache_equal_one(folder, call):
    root, base = tree(folder, "casia"), folder / "toy.safetensors"
    words = ["train", "--protocol", "casia", "--root", str(root), "--stage", "all", "--base", str(base), *TOY_SCHEDULE]
    alone = call(*words, "--run", folder / "one")
    together = [*words, "--run", str(folder / "two"), "--cache", str(folder / "cold"), "--device", "cpu"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "2", "--cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [*launch, "-m", "tests.commands.any_set", *together]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    one, card = load_model(alone["file"])
    two, other = load_model(folder / "two" / Path(alone["file"]).name)
    assert card.training["data"] == other.training["data"]
    for mine, theirs in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=2e-3), "but for rounding, in half precision"
