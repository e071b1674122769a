"""The visibility network: what goes in and comes out, and its file."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ssn.errors import CheckpointError
from ssn.models.visibility import SIDE, VisibilityNetwork
from ssn.models.visibility_file import FORMAT, load_visibility, save_visibility, with_measures

SMALL = (8, 12, 16)


@pytest.fixture
def network() -> VisibilityNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = VisibilityNetwork(SMALL)
        for layer in made.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.uniform_(-0.2, 0.2)
                layer.running_var.uniform_(0.5, 2.0)
    return made.eval()


@pytest.mark.parametrize("size", [64, 128, 144])
def test_a_face_of_any_size_gets_a_map_of_its_size(network, size):
    gray = torch.rand(3, 1, size, size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        logits, seen = network(gray), network.visibility(gray)
    assert logits.shape == (3, 1, SIDE, SIDE)
    assert seen.shape == gray.shape
    assert seen.dtype == torch.float32
    assert 0 <= seen.min() < seen.max() <= 1


def test_visibility_is_what_the_logits_of_being_hidden_leave(network):
    gray = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        assert torch.allclose(network.visibility(gray), 1 - torch.sigmoid(network(gray)), atol=1e-6)


def test_a_pixel_answers_at_its_own_place():
    """Fields of 2×2 pixels enter and leave as channels: what comes out must lie where it went in. Of one network the
    strongest pixel may lie anywhere in its field of view, so it is asked of many random ones together."""
    strength = torch.zeros(SIDE, SIDE)
    for seed in range(24):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = VisibilityNetwork(SMALL).eval()
        gray = torch.zeros(1, 1, SIDE, SIDE, requires_grad=True)
        network(gray + 0.5)[0, 0, 21, 38].backward()
        felt = gray.grad[0, 0].abs()
        strength += felt / felt.sum()
    y, x = divmod(int(strength.argmax()), SIDE)
    assert abs(y - 21) <= 2
    assert abs(x - 38) <= 2


def test_the_same_face_at_another_place_is_read_differently(network):
    gray = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(3)).expand(1, 1, SIDE, SIDE)
    with torch.inference_mode():
        moved = network(gray.roll(16, dims=3)).roll(-16, dims=3)
        assert not torch.allclose(moved[..., 20:40], network(gray)[..., 20:40], atol=1e-3)


def test_a_file_gives_back_the_network_its_card_and_one_id(network, tmp_path):
    path = tmp_path / "v.safetensors"
    written = save_visibility(path, network, training={"views": 7}, measures={"iou": 0.5})
    read, card = load_visibility(path)
    assert card == written
    assert card.training == {"views": 7}
    assert card.model_id.startswith("visibility-")
    gray = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        assert torch.allclose(read(gray), network(gray), atol=0.05), "half precision"
    assert not list(tmp_path.glob("*.part"))


def test_the_id_belongs_to_the_weights_and_not_to_what_was_measured(network, tmp_path):
    path = tmp_path / "v.safetensors"
    before = save_visibility(path, network, training={"views": 7})
    after = with_measures(path, {"goggles": 0.9})
    assert after.model_id == before.model_id
    assert load_visibility(path)[1].measures == {"goggles": 0.9}
    assert load_visibility(path)[1].training == {"views": 7}
    with torch.no_grad():
        network.answer.bias += 1
    assert save_visibility(path, network).model_id != before.model_id


def test_weights_that_are_no_numbers_are_not_written(network, tmp_path):
    with torch.no_grad():
        network.answer.bias[0] = float("nan")
    with pytest.raises(CheckpointError, match=r"answer\.bias"):
        save_visibility(tmp_path / "v.safetensors", network)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["missing", "text", "foreign", "other widths", "cut", "not a number"])
def test_a_file_that_is_none_is_refused_in_words(network, tmp_path, kind):
    path = tmp_path / "v.safetensors"
    if kind == "text":
        path.write_text("hello")
    elif kind != "missing":
        save_visibility(path, network)
        with safe_open(str(path), framework="pt") as file:
            metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        assert metadata["format"] == FORMAT
        if kind == "foreign":
            metadata["format"] = "something else"
        elif kind == "other widths":
            metadata["widths"] = json.dumps([8, 8, 8])
        elif kind == "cut":
            del metadata["training"]
        else:
            tensors["answer.bias"] = torch.full((4,), float("inf")).half()
        save_file(tensors, str(path), metadata)
    with pytest.raises(CheckpointError):
        load_visibility(path)
