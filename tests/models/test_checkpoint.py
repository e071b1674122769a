"""Checkpoints on disk: round trips, identity, refusals, and the official file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ssn.errors import CheckpointError
from ssn.models.card import ModelCard, model_id
from ssn.models.checkpoint import (
    CHECKPOINTS,
    DEFAULT_CHECKPOINT,
    OFFICIAL_SHA256,
    build_network,
    import_official,
    load_backbone,
    load_model,
    save_model,
)
from ssn.models.light_cnn import LightCNN29V1, LightCNN29V2
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.training.distill.network import initialise


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    backbone = LightCNN29V2()
    initialise(backbone, torch.Generator().manual_seed(0))
    return {f"backbone.{key}": value for key, value in backbone.state_dict().items()}


@pytest.fixture(scope="module")
def face() -> torch.Tensor:
    return torch.rand(1, 1, 128, 128, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def saved(tensors, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    save_model(path, tensors, ModelCard("thing"))
    return path


def rewrite(source: Path, target: Path, drop: str = "", tensors: dict | None = None, **metadata: str) -> Path:
    """A copy of a checkpoint with other metadata or tensors, in a valid safetensors file."""
    with safe_open(str(source), framework="pt") as file:
        facts = {**file.metadata(), **metadata}
    facts.pop(drop, None)
    save_file(load_file(str(source)) if tensors is None else tensors, str(target), facts)
    return target


def test_a_saved_model_comes_back_with_its_card_and_answers_alike(tensors, face, tmp_path):
    card = ModelCard("thing", training={"data": "drawn", "images": 3}, measures={"eer": 0.5}, thresholds={"0.01": 0.3})
    written = save_model(tmp_path / "deep" / "model.safetensors", tensors, card, half=False)
    network, read = load_model(tmp_path / "deep" / "model.safetensors")
    assert read == written
    assert dataclasses.replace(read, model_id="") == card
    assert not network.training
    with torch.no_grad():
        expected = build_network(tensors, card)(face, branch_indices(["vis"]))
        assert torch.equal(network(face, branch_indices(["vis"])), expected)
    assert os.listdir(tmp_path / "deep") == ["model.safetensors"]


def test_half_precision_costs_half_the_space_and_little_accuracy(tensors, face, saved):
    assert 2 * 10_475_872 < saved.stat().st_size < 22 * 2**20
    with torch.no_grad():
        exact = build_network(tensors, ModelCard("x"))(face, branch_indices(["vis"]))
        halved = load_model(saved)[0](face, branch_indices(["vis"]))
    assert torch.nn.functional.cosine_similarity(exact, halved).item() > 0.9999


def test_searched_indicators_survive_the_round_trip(tmp_path):
    network = SaliencySearchNetwork()
    with torch.no_grad():
        for indicators in network.indicator_parameters():
            indicators.copy_(torch.randn(indicators.shape).half().float())
    path = tmp_path / "searched.safetensors"
    save_model(path, network.state_dict(), ModelCard("ssn", searched=True))
    again, card = load_model(path)
    assert card.searched
    pairs = zip(network.indicator_parameters(), again.indicator_parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_backbone_to_train_further_has_the_weights_of_the_file(tensors, face, tmp_path):
    save_model(tmp_path / "base.safetensors", tensors, ModelCard("base"), half=False)
    backbone = load_backbone(tmp_path / "base.safetensors")
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, tensors[f"backbone.{name}"]), name
    network, _ = load_model(tmp_path / "base.safetensors")
    with torch.no_grad():
        assert torch.allclose(backbone(face), network(face, branch_indices(["vis"])), atol=1e-4)
    save_model(tmp_path / "ssn.safetensors", SaliencySearchNetwork().state_dict(), ModelCard("ssn"))
    with pytest.raises(CheckpointError, match="selection"):
        load_backbone(tmp_path / "ssn.safetensors")


def test_v1_weights_come_back_as_v1(tmp_path):
    state = {f"backbone.{k}": v for k, v in LightCNN29V1().state_dict().items()}
    save_model(tmp_path / "v1.safetensors", state, ModelCard("old", architecture="light-cnn-29-v1"))
    assert isinstance(load_model(tmp_path / "v1.safetensors")[0].backbone, LightCNN29V1)


def test_the_id_is_stable_and_changes_with_name_value_shape_and_type(tensors, saved):
    first = load_model(saved)[1].model_id
    assert first == load_model(saved)[1].model_id
    assert first.startswith("thing-")
    base = {"a": torch.arange(4.0), "scalar": torch.tensor(2.0)}
    others = [
        {**base, "a": torch.tensor([0.0, 1.0, 2.0, 3.5])},
        {**base, "a": torch.arange(4.0).view(2, 2)},
        {**base, "a": torch.arange(4.0).half()},
        {"b": base["a"], "scalar": base["scalar"]},
    ]
    ids = [model_id("n", each) for each in [base, *others]] + [model_id("m", base)]
    assert len(set(ids)) == len(ids)
    shuffled = {"scalar": base["scalar"], "a": torch.arange(8.0)[::2] / 2}  # other order, not contiguous
    assert model_id("n", shuffled) == ids[0]


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_model(tmp_path / "nothing.safetensors")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"text, not weights", b"\xff" * 64, b'\x08\0\0\0\0\0\0\0{"a": 1'])
def test_a_file_that_is_no_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="safetensors"):
        load_model(path)


@pytest.mark.parametrize("keep", [7, 500, 1_000_000])
def test_a_file_that_was_cut_off_is_refused(saved, tmp_path, keep):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(CheckpointError):
        load_model(path)


def test_somebody_elses_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3), "step": torch.tensor(1)}, str(path))
    with pytest.raises(CheckpointError, match="no checkpoint of this project"):
        load_model(path)


def test_an_unknown_architecture_is_refused(saved, tmp_path):
    path = rewrite(saved, tmp_path / "x.safetensors", architecture="resnet-18")
    with pytest.raises(CheckpointError, match="no checkpoint of this project"):
        load_model(path)


def test_weights_of_another_architecture_are_refused(saved, tmp_path):
    path = rewrite(saved, tmp_path / "x.safetensors", architecture="light-cnn-29-v1")
    with pytest.raises(CheckpointError, match="does not fit light-cnn-29-v1"):
        load_model(path)


def test_a_scalar_where_a_matrix_belongs_is_refused(saved, tmp_path):
    wrong = {**load_file(str(saved)), "backbone.fc.weight": torch.tensor(1.0)}
    with pytest.raises(CheckpointError, match="does not fit"):
        load_model(rewrite(saved, tmp_path / "x.safetensors", tensors=wrong))


@pytest.mark.parametrize(
    "damage",
    [
        {"thresholds": "{broken"},
        {"thresholds": "[0.1]"},
        {"thresholds": json.dumps({"0.01": "high"})},
        {"training": "3"},
        {"searched": "null"},
        {"drop": "measures"},
    ],
)
def test_damaged_metadata_are_refused(saved, tmp_path, damage):
    with pytest.raises(CheckpointError, match="metadata"):
        load_model(rewrite(saved, tmp_path / "x.safetensors", **damage))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_when_loading(saved, tmp_path, value):
    wrong = load_file(str(saved))
    wrong["backbone.group2.conv.filter.weight"][3, 0, 0, 0] = value
    with pytest.raises(CheckpointError, match=r"no numbers, in backbone\.group2"):
        load_model(rewrite(saved, tmp_path / "x.safetensors", tensors=wrong))


def test_weights_too_large_for_half_precision_are_not_saved(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"the old file")
    with pytest.raises(CheckpointError, match="cannot be saved"):
        save_model(path, {"backbone.a": torch.tensor([1e6])}, ModelCard("x"))
    assert path.read_bytes() == b"the old file"


def test_a_failed_save_leaves_the_old_file_and_nothing_half_written(tensors, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"the old file")

    def full_disk(tensors, name, metadata):
        Path(name).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ssn.models.checkpoint.save_file", full_disk)
    with pytest.raises(CheckpointError, match="No space left"):
        save_model(path, tensors, ModelCard("x"))
    assert os.listdir(tmp_path) == ["model.safetensors"]
    assert path.read_bytes() == b"the old file"


def test_a_folder_that_cannot_be_made_is_a_checkpoint_error(tensors, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_model(tmp_path / "file" / "model.safetensors", tensors, ModelCard("x"))


@pytest.fixture(scope="module")
def official(tensors, tmp_path_factory) -> Path:
    """What the released file looks like: legacy torch format, ``module.`` before every name, a classifier."""
    state = {f"module.{key.removeprefix('backbone.')}": value for key, value in tensors.items()}
    state["module.fc2.weight"] = torch.zeros(9, 256)
    path = tmp_path_factory.mktemp("official") / "LightCNN_29Layers_V2_checkpoint.pth.tar"
    content = {"state_dict": state, "epoch": 10, "arch": "LightCNN", "prec1": torch.tensor(0.0)}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def test_the_official_format_is_imported_without_its_hash_where_that_is_asked(official, tensors, face):
    found, card = import_official(official, sha256=None)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[key], tensors[key]) for key in found)
    assert card.model_id == model_id("light-cnn-29-v2-official", found)
    backbone = LightCNN29V2()
    backbone.load_state_dict({key.removeprefix("backbone."): value for key, value in tensors.items()})
    with torch.no_grad():
        answer = build_network(found, card)(face, branch_indices(["nir"]))
        assert torch.allclose(answer, backbone(face), rtol=1e-4, atol=1e-4)


def test_the_right_hash_is_accepted_and_a_wrong_one_refused(official):
    import_official(official, sha256=hashlib.sha256(official.read_bytes()).hexdigest())
    with pytest.raises(CheckpointError, match="not the released"):
        import_official(official)
    with pytest.raises(CheckpointError, match="not the released"):
        load_model(official)
    assert len(OFFICIAL_SHA256) == 64


def test_official_weights_with_a_name_or_a_shape_of_their_own_are_refused(official, tmp_path):
    content = torch.load(official, weights_only=True)
    wrong = tmp_path / "wrong.pth.tar"
    torch.save({"state_dict": {**content["state_dict"], "module.extra": torch.zeros(1)}}, wrong)
    with pytest.raises(CheckpointError, match="first at extra"):
        import_official(wrong, sha256=None)
    torch.save({"state_dict": {**content["state_dict"], "module.fc.bias": torch.zeros(3)}}, wrong)
    with pytest.raises(CheckpointError, match=r"first at fc\.bias"):
        import_official(wrong, sha256=None)


@pytest.mark.parametrize("content", [[1, 2], {"weights": {}}, {"state_dict": [1]}, {"state_dict": {3: 4}}])
def test_a_torch_file_that_holds_something_else_is_refused(tmp_path, content):
    path = tmp_path / "else.pth.tar"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="state_dict"):
        import_official(path, sha256=None)


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x02}q\x00.", bytes(range(256))])
def test_a_file_that_is_no_torch_file_is_refused(tmp_path, content):
    path = tmp_path / "odd.pth.tar"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="state_dict"):
        import_official(path, sha256=None)


class Bomb:
    """Unpickled the plain way, this makes a file."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_torch_file_is_not_run(tmp_path, zipped):
    path, trace = tmp_path / "bomb.pth.tar", tmp_path / "trace"
    torch.save({"state_dict": Bomb(trace)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="state_dict"):
        import_official(path, sha256=None)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), "the bomb must be live for this test to mean anything"


@pytest.mark.skipif(not DEFAULT_CHECKPOINT.is_file(), reason="the shipped checkpoint is not there yet")
def test_the_shipped_checkpoint_loads_is_small_and_keeps_its_id():
    assert DEFAULT_CHECKPOINT.stat().st_size <= 22 * 2**20
    _, card = load_model()
    assert card.model_id == load_model()[1].model_id
    assert card.model_id == model_id(card.name, load_file(str(DEFAULT_CHECKPOINT)))
    assert card.training
    assert {"0.01", "0.001"} <= card.thresholds.keys()


@pytest.mark.parametrize(("name", "searched"), [("ssn-tied-partial", True), ("light-cnn-complete", False)])
def test_the_checkpoints_beside_it_are_small_and_say_what_they_are(name, searched):
    file = CHECKPOINTS / f"{name}.safetensors"
    assert file.stat().st_size <= 25_000_000
    network, card = load_model(file)
    assert (card.name, card.selection, card.searched, network.adaptive) == (name, "pixel", searched, False)
    assert card.training["data"]
    assert all(bool((block.indicators != 1).any()) == searched for block in network.selection)
