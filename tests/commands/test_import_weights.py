"""Own Light CNN weights become checkpoints; what does not fit, or is more than tensors, is refused in words."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ssn.__main__ import main
from ssn.commands.import_weights import recognise
from ssn.errors import CheckpointError
from ssn.models.checkpoint import load_backbone, load_model
from ssn.models.light_cnn import LightCNN29V1, LightCNN29V2

VERSIONS = {"light-cnn-29-v1": LightCNN29V1, "light-cnn-29-v2": LightCNN29V2}


class Classified(nn.Module):
    """As the released files were written: with a classifier behind the embedding."""

    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.fc2 = nn.Linear(256, 7)
        for name, module in backbone.named_children():
            self.add_module(name, module)


def as_released(state: dict, path: Path) -> None:
    wrapped = {f"module.{key}": value for key, value in state.items()}
    torch.save({"epoch": 80, "arch": "LightCNN", "state_dict": wrapped, "prec1": 0.9}, path)


def as_safetensors(state: dict, path: Path) -> None:
    save_file(state, str(path))


WRITERS = {
    "own.pth.tar": as_released,
    "own.pth": torch.save,
    "own.safetensors": as_safetensors,
    "own.pt": lambda state, path: torch.save({"state_dict": state}, path),
}


def run(*words) -> None:
    with pytest.raises(SystemExit) as left:
        main(["import", *map(str, words)])
    assert left.value.code == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", WRITERS)
def test_weights_become_a_checkpoint_that_answers_as_they_do(tmp_path, version, file):
    torch.manual_seed(3)
    network = VERSIONS[version]().eval()
    WRITERS[file](Classified(network).state_dict(), tmp_path / file)
    out = tmp_path / "made.safetensors"
    run(tmp_path / file, "--out", out, "--full", "--trained-on", "drawn faces")
    _, card = load_model(out)
    assert (card.architecture, card.name, card.searched) == (version, "own", False)
    assert card.training["data"] == "drawn faces"
    assert card.thresholds == {}
    face = torch.rand(2, 1, 128, 128)
    with torch.no_grad():
        assert torch.equal(load_backbone(out).eval()(face), network(face))


def test_half_precision_is_the_default_and_json_says_what_was_made(tmp_path, capsys):
    torch.save(LightCNN29V2().state_dict(), tmp_path / "own.pth")
    out = tmp_path / "made.safetensors"
    run(tmp_path / "own.pth", "--out", out, "--name", "mine", "--json", "-")
    said = json.loads(capsys.readouterr().out)
    assert said["architecture"] == "light-cnn-29-v2"
    assert said["model"] == load_model(out)[1].model_id
    assert said["model"].startswith("mine-")
    assert out.stat().st_size < 22 * 2**20


def refused(capsys, *words) -> str:
    with pytest.raises(SystemExit) as left:
        main(["import", *map(str, words)])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


@pytest.fixture(scope="module")
def state() -> dict:
    return LightCNN29V2().state_dict()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("conv1.filter.bias"), "conv1.filter.bias is missing"),
        (lambda s: s.update(head=torch.ones(3)), "head does not belong there"),
        (lambda s: s.update({"fc.weight": torch.ones(256, 100)}), r"fc.weight has shape \(256, 100\)"),
        (lambda s: s.update({"fc.bias": torch.ones(256, dtype=torch.int32)}), "fc.bias holds no numbers"),
        (lambda s: s.update({"fc.bias": "text"}), "fc.bias holds no numbers"),
        (lambda s: s.update({"module.fc.bias": torch.ones(256)}), "fc.bias twice"),
        (lambda s: s.clear(), "is missing, and"),
    ],
)
def test_what_does_not_fit_is_told_by_name(state, change, words):
    changed = dict(state)
    change(changed)
    with pytest.raises(CheckpointError, match=words):
        recognise(changed, "own.pth")


class Evil:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.parametrize("content", [b"", b"no weights", pickle.dumps({"state_dict": Evil()}), pickle.dumps([1, 2])])
def test_what_holds_no_weights_or_more_than_weights_is_refused(capsys, tmp_path, content, recwarn):
    (tmp_path / "own.pth").write_bytes(content)
    refused(capsys, tmp_path / "own.pth", "--out", tmp_path / "made.safetensors")
    assert "must not run" not in capsys.readouterr().out
    assert [str(warning.message) for warning in recwarn] == [], "what is wrong is one line"
    assert not (tmp_path / "made.safetensors").exists()


def test_where_it_would_go_is_checked(capsys, tmp_path, state):
    assert "no weights at" in refused(capsys, tmp_path / "nowhere.pth", "--out", tmp_path / "made.safetensors")
    save_file(state, str(tmp_path / "own.safetensors"))
    assert ".safetensors" in refused(capsys, tmp_path / "own.safetensors", "--out", tmp_path / "made.pth")
    own = tmp_path / "own.safetensors"
    assert "itself" in refused(capsys, own, "--out", own)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(capsys, tmp_path, state, value):
    torch.save({**state, "fc.bias": torch.full((256,), value)}, tmp_path / "own.pth")
    assert "fc.bias" in refused(capsys, tmp_path / "own.pth", "--out", tmp_path / "made.safetensors")
    assert not (tmp_path / "made.safetensors").exists()
