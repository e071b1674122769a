"""The seam of the backbones: what each says of itself holds, and one registered from outside is saved and loaded."""

import pytest
import torch
from torch import nn

from ssn.models.backbone import ARCHITECTURES, architecture_of
from ssn.models.card import ModelCard
from ssn.models.checkpoint import build_network, load_backbone, load_model, save_model
from ssn.models.network import SaliencySearchNetwork, branch_indices
from tests.training.toys import ToyBackbone


class TwoBlocks(nn.Module):
    """Nothing of Light CNN's plan: two blocks, ReLU, embeddings of 5 values."""

    width = 5
    block_shapes = ((2, 32, 32), (3, 16, 16))
    readers = ("behind.0.weight", "behind.1.weight")

    def __init__(self):
        super().__init__()
        self.entrance = nn.Conv2d(1, 2, 4, stride=4)
        self.seen = nn.ModuleList([nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)])
        self.behind = nn.ModuleList([nn.Conv2d(2, 3, 1), nn.Conv2d(3, 5, 1)])

    def stem(self, x):
        return self.entrance(x).relu()

    def stages(self):
        return tuple(zip(self.seen, self.behind, (True, False), strict=True))

    def pool(self, x):
        return nn.functional.avg_pool2d(x, 2)

    def embed(self, x):
        return x.mean(dim=(2, 3))


@pytest.fixture
def registered(monkeypatch) -> str:
    monkeypatch.setitem(ARCHITECTURES, "two-blocks", TwoBlocks)
    return "two-blocks"


def alone(backbone, faces: torch.Tensor) -> torch.Tensor:
    """The backbone's answer by its own parts, without the network."""
    x = backbone.stem(faces)
    for block, group, pooled in backbone.stages():
        x = group(block(x))
        x = backbone.pool(x) if pooled else x
    return backbone.embed(x)


@pytest.mark.parametrize("make", [*ARCHITECTURES.values(), ToyBackbone, TwoBlocks])
@torch.no_grad()
def test_a_backbone_is_as_it_says(make):
    torch.manual_seed(0)
    backbone = make().eval()
    network = SaliencySearchNetwork(backbone).eval()
    faces = torch.rand(2, 1, 128, 128)
    embedding, traces = network.trace(faces, branch_indices(["vis", "nir"]))
    assert tuple(tuple(trace.output.shape[1:]) for trace in traces) == backbone.block_shapes
    assert embedding.shape == (2, backbone.width) == (2, network.width)
    for block in network.selections():
        block.indicators.fill_(0.0)  # σ = 1/2
    for name in backbone.readers:
        backbone.get_parameter(name).mul_(2.0)
    again = network(faces, branch_indices(["vis", "nir"]))
    for name in backbone.readers:
        backbone.get_parameter(name).mul_(0.5)
    torch.testing.assert_close(again, alone(backbone, faces), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_one_registered_from_outside_is_saved_and_answers_as_it_did_alone(registered, tmp_path):
    torch.manual_seed(1)
    backbone, faces = TwoBlocks().eval(), torch.rand(3, 1, 128, 128)
    tensors = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
    card = save_model(tmp_path / "two.safetensors", tensors, ModelCard("two", registered), half=False)
    network, read = load_model(tmp_path / "two.safetensors")
    assert read == card
    assert isinstance(network.backbone, TwoBlocks)
    torch.testing.assert_close(network(faces, branch_indices(["nir"] * 3)), alone(backbone, faces))
    assert len(network.trace(faces, branch_indices(["vis"] * 3))[1]) == 2
    plain = load_backbone(tmp_path / "two.safetensors")
    torch.testing.assert_close(alone(plain, faces), alone(backbone, faces))


@torch.no_grad()
def test_a_searched_network_of_it_comes_back_as_it_was(registered, tmp_path):
    torch.manual_seed(2)
    network = SaliencySearchNetwork(TwoBlocks()).eval()
    for block in network.selections():
        block.indicators.normal_()
    card = ModelCard("searched", registered, searched=True)
    again = build_network(dict(network.state_dict()), card)
    faces, branch = torch.rand(2, 1, 128, 128), branch_indices(["vis", "nir"])
    torch.testing.assert_close(again(faces, branch), network(faces, branch))


def test_a_backbone_knows_what_a_checkpoint_calls_it(registered):
    assert architecture_of(TwoBlocks()) == registered
    assert [architecture_of(make()) for make in ARCHITECTURES.values()] == list(ARCHITECTURES)
    with pytest.raises(ValueError, match="no registered"):
        architecture_of(ToyBackbone())
