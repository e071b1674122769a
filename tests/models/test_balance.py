"""Balanced weights: activations of order one, and the same answers."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from ssn.models.balance import balance
from ssn.models.card import ModelCard
from ssn.models.checkpoint import load_model, save_model
from ssn.models.light_cnn import LightCNN29V1, LightCNN29V2
from ssn.models.network import SaliencySearchNetwork, branch_indices
from ssn.training.distill.network import initialise
from tests.training.toys import FULL_SHAPES, ToyBackbone


def wild(backbone, **kind) -> SaliencySearchNetwork:
    """A network whose activations grow to a million, with biases that matter."""
    network = SaliencySearchNetwork(backbone, **kind)
    initialise(network.backbone, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for name, parameter in network.backbone.named_parameters():
            if name.endswith("conv.filter.weight"):
                parameter.mul_(40)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
        last = getattr(network.backbone.fc, "filter", network.backbone.fc)
        last.weight.mul_(1e-6)
    return network.eval()


@pytest.mark.parametrize("backbone", [LightCNN29V2, LightCNN29V1, ToyBackbone])
@pytest.mark.parametrize("selection", [True, False])
def test_the_answers_stay_and_the_activations_are_of_order_one(backbone, selection):
    shapes = {"shapes": FULL_SHAPES} if backbone is ToyBackbone else {}
    network = wild(backbone(), selection=selection, **shapes)
    faces, branch = torch.rand(2, 1, 128, 128, generator=torch.Generator().manual_seed(2)), branch_indices(["nir"] * 2)
    seen = []
    network.backbone.fc.register_forward_hook(
        lambda layer, inputs, output: seen.append(inputs[0].square().mean().sqrt())
    )
    with torch.no_grad():
        before = network(faces, branch)
        balance(network, faces, branch)
        after = network(faces, branch)
        other = network(1 - faces, 1 - branch)
        outputs = [trace.output.square().mean().sqrt().item() for trace in network.trace(faces, branch)[1]]
    assert torch.allclose(after, before, rtol=1e-3, atol=1e-4 * before.abs().max().item())
    assert torch.isfinite(other).all()
    assert all(0.3 < size < 5 for size in outputs)
    assert seen[0] > 1e4
    assert 0.5 < seen[1] < 4, "the last pool adds maximum and mean"


def test_a_layer_that_is_dead_is_refused():
    network = SaliencySearchNetwork(ToyBackbone(), shapes=FULL_SHAPES)
    torch.nn.init.zeros_(network.backbone.conv1.filter.weight)
    torch.nn.init.zeros_(network.backbone.conv1.filter.bias)
    with pytest.raises(ValueError, match="answers nothing"):
        balance(network, torch.rand(1, 1, 128, 128), branch_indices(["vis"]))


def test_weights_too_small_for_half_precision_are_kept_whole_and_balanced_ones_need_not_be(tmp_path):
    network = wild(LightCNN29V2())
    faces, branch = torch.rand(1, 1, 128, 128, generator=torch.Generator().manual_seed(3)), branch_indices(["vis"])
    with torch.no_grad():
        before = network(faces, branch)
        for name, dtype in (("wild", torch.float32), ("balanced", torch.float16)):
            path = tmp_path / f"{name}.safetensors"
            save_model(path, network.state_dict(), ModelCard(name))
            assert load_file(str(path))["backbone.fc.weight"].dtype == dtype
            assert torch.cosine_similarity(load_model(path)[0](faces, branch), before).item() > 0.999
            balance(network, faces, branch)
