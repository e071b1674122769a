"""``thresholds`` as a script sees it, on drawn crops and a recogniser without a network."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ssn.models.checkpoint import DEFAULT_CHECKPOINT, load_model
from tests.commands.test_cohort_command import toy_embeds, write_set  # noqa: F401

WORDS = ("--people", 150, "--least", 60)


@pytest.fixture
def faces(tmp_path) -> Path:
    """Drawn people, 40 of them children."""
    return write_set(tmp_path, "utkface", 160, [f"{8 if i < 40 else 30}_{i % 2}_0_.jpg" for i in range(160)])


def test_thresholds_rise_until_they_hold_in_every_group_and_never_again(ask, toy, toy_embeds, faces, tmp_path):  # noqa: F811
    toy.card = replace(toy.card, thresholds={"0.01": 0.01, "0.001": 0.9})
    copy = tmp_path / "copy.safetensors"
    shutil.copy(DEFAULT_CHECKPOINT, copy)
    done = ask("thresholds", "--faces", faces, *WORDS, "--write-card", "--checkpoint", copy)
    assert done.status == 0, done.err
    assert done.data["thresholds"]["0.01"] > 0.01
    assert done.data["thresholds"]["0.001"] == 0.9
    assert done.data["decided_by"]["0.001"] == ""
    assert done.data["decided_by"]["0.01"].startswith("utkface")
    assert {group["group"] for group in done.data["groups"]} >= {"utkface", "utkface, White"}
    _, card = load_model(copy)
    assert card.thresholds == done.data["thresholds"]
    assert card.measures["groups"]["groups"] == done.data["groups"]
    toy.card = replace(toy.card, thresholds=card.thresholds, thresholds_from=card.thresholds_from)
    again = ask("thresholds", "--faces", faces, *WORDS)
    assert again.data["before"] == {"0.01": 0.01, "0.001": 0.9}
    assert again.data["thresholds"] == done.data["thresholds"]


def test_a_model_without_thresholds_has_none_to_raise(ask, toy, toy_embeds, faces):  # noqa: F811
    toy.card = replace(toy.card, thresholds={})
    done = ask("thresholds", "--faces", faces, *WORDS)
    assert done.status == 2
    assert "no thresholds to raise" in done.err


def test_scores_of_another_model_are_refused(ask, toy, toy_embeds, faces, tmp_path):  # noqa: F811
    missing = ask("thresholds", "--faces", faces, *WORDS, "--scores", tmp_path / "none.npz")
    assert missing.status == 2
    assert "no score file" in missing.err
