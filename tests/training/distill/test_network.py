"""The network of stage 0: what it learns with must leave no trace in what it leaves behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssn.models.light_cnn import LightCNN29V2
from ssn.training.distill.network import BatchNormalisedLightCNN, NormedConv, fold_head, fold_normalisation, initialise


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def backbone(seed: int = 0) -> LightCNN29V2:
    made = LightCNN29V2()
    initialise(made, seeded(seed))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("bias"):
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=seeded(1)))
    return made


def views(count: int = 4, size: int = 64, seed: int = 2) -> torch.Tensor:
    return F.interpolate(torch.rand(count, 1, 9, 9, generator=seeded(seed)), size=size, mode="bilinear")


def test_a_normed_convolution_is_a_convolution_and_a_batch_normalisation():
    conv = nn.Conv2d(3, 5, 3, padding=1)
    layer = NormedConv(conv)
    x = torch.randn(6, 3, 7, 7, generator=seeded())
    y = F.conv2d(x, conv.weight, padding=1).detach().numpy()
    mean, variance = y.mean(axis=(0, 2, 3), keepdims=True), y.var(axis=(0, 2, 3), keepdims=True)
    assert np.allclose(layer(x).detach().numpy(), (y - mean) / np.sqrt(variance + 1e-5), atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_folded_it_answers_as_it_did_in_evaluation(stride):
    layer = NormedConv(nn.Conv2d(3, 5, 3, padding=1, stride=stride))
    with torch.no_grad():
        layer.norm.weight.copy_(torch.rand(5, generator=seeded(1)) + 0.5)
        layer.norm.bias.copy_(torch.randn(5, generator=seeded(2)))
    for seed in range(5):
        layer(torch.randn(4, 3, 9, 9, generator=seeded(seed)) * 2 + 1)
    layer.eval()
    x = torch.randn(4, 3, 9, 9, generator=seeded(9))
    weight, bias = layer.folded()
    assert torch.allclose(F.conv2d(x, weight, bias, stride=stride, padding=1), layer(x), atol=1e-5)


def test_the_folded_network_is_the_plain_network_of_the_published_names():
    network = BatchNormalisedLightCNN(backbone())
    with torch.no_grad():
        for seed in range(3):
            network(views(seed=seed))
        plain = LightCNN29V2()
        plain.load_state_dict(network.folded(), strict=True)
        network.eval()
        x = views(seed=7)
        said = network(x)
        answer, weight = network.head(said), network.head.weight
        shifted = said + torch.linalg.pinv(weight) @ network.head.bias
        expected = answer @ answer.T + 0.1 * weight.square().sum() / 256 * shifted @ shifted.T
        found = plain(x) @ plain(x).T
        assert torch.allclose(found, expected, atol=5e-3 * float(expected.abs().max()))


def test_a_folded_head_makes_the_embeddings_products_its_own():
    given = {"fc.weight": torch.randn(256, 300, generator=seeded()), "fc.bias": torch.randn(256, generator=seeded(1))}
    head = nn.Linear(256, 128)
    x = torch.randn(5, 300, generator=seeded(2))
    plain = x @ given["fc.weight"].T + given["fc.bias"]
    folded = fold_head(given, head, rest=0.0)
    embedding = x @ folded["fc.weight"].T + folded["fc.bias"]
    answer = head(plain).detach()
    assert torch.allclose(embedding @ embedding.T, answer @ answer.T, rtol=1e-3, atol=1e-2)
    whole = fold_head(given, head, rest=1e6)
    turned = x @ whole["fc.weight"].T + whole["fc.bias"]
    shifted = plain + torch.linalg.pinv(head.weight) @ head.bias
    cosine = F.cosine_similarity(turned[:, None], turned[None], dim=2)
    assert torch.allclose(cosine, F.cosine_similarity(shifted[:, None], shifted[None], dim=2), atol=1e-3)


def test_a_network_that_has_learned_goes_on_with_its_answers():
    given, x = backbone(3), views(8)
    with torch.no_grad():
        before = given(x)
        network = BatchNormalisedLightCNN(given)
        assert not torch.allclose(network.backbone(x), before, atol=0.1 * float(before.abs().max()))
        network.adopt(x)
        assert torch.allclose(network.backbone(x), before, atol=1e-3 * float(before.abs().max()))
    assert not any(layer.adopt for layer in network.normed_convolutions().values())


def test_every_convolution_is_normed_and_learns():
    network = BatchNormalisedLightCNN()
    assert len(network.normed_convolutions()) == 29
    network(views()).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert name.startswith("head") or parameter.grad is not None, name


def test_folding_the_embeddings_normalisation_changes_the_weights_and_not_the_answer():
    given = {"fc.weight": torch.randn(6, 9, generator=seeded()), "fc.bias": torch.randn(6, generator=seeded(1))}
    given["conv1.filter.bias"] = torch.ones(2)
    mean, variance = torch.randn(6, generator=seeded(2)), torch.rand(6, generator=seeded(3)) + 0.1
    folded = fold_normalisation(given, mean, variance, 1e-5)
    x = torch.randn(4, 9, generator=seeded(4))
    expected = F.batch_norm(x @ given["fc.weight"].T + given["fc.bias"], mean, variance, eps=1e-5)
    assert torch.allclose(x @ folded["fc.weight"].T + folded["fc.bias"], expected, atol=1e-5)
    assert folded.keys() == given.keys()
    assert torch.equal(folded["conv1.filter.bias"], torch.ones(2))


def test_first_weights_keep_the_size_of_what_passes():
    network = BatchNormalisedLightCNN()
    initialise(network, seeded())
    branch = [name for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d) and ".conv2." in name]
    assert len(branch) == 10
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert torch.equal(module.weight, torch.full_like(module.weight, 0.5 if name in branch else 1.0))
    x = torch.randn(64, 1, 32, 32, generator=seeded())
    plain = LightCNN29V2()
    initialise(plain, seeded())
    out = plain.conv1(x)[..., 2:-2, 2:-2]
    assert out.square().mean().item() == pytest.approx(1.0, rel=0.15)
