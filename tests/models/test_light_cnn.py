"""Light CNN-29 against the published list of tensors and against a naive implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ssn.models.light_cnn import BLOCK_SHAPES, LightCNN29, LightCNN29V1, LightCNN29V2, MaxFeatureMap
from ssn.models.network import SaliencySearchNetwork
from ssn.training.distill.network import initialise

# Residual blocks and groups as published: (block, how many residual blocks, channels in, channels out of the group).
STAGES = ((1, 1, 48, 96), (2, 2, 96, 192), (3, 3, 192, 128), (4, 4, 128, 128))


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the 61 tensors of the released v2 file, without their ``module.`` prefix."""
    filters = {"conv1": (96, 1, 5, 5)}
    for number, count, channels, after in STAGES:
        for j in range(count):
            filters[f"block{number}.{j}.conv1"] = (2 * channels, channels, 3, 3)
            filters[f"block{number}.{j}.conv2"] = (2 * channels, channels, 3, 3)
        filters[f"group{number}.conv_a"] = (2 * channels, channels, 1, 1)
        filters[f"group{number}.conv"] = (2 * after, channels, 3, 3)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in filters.items():
        shapes |= {f"{name}.filter.weight": shape, f"{name}.filter.bias": shape[:1]}
    return shapes | {"fc.weight": (256, 8192), "fc.bias": (256,), "fc2.weight": (80013, 256)}


def random_state(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: 0.05 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def naive_forward(state: dict[str, torch.Tensor], x: torch.Tensor, version: int) -> tuple[torch.Tensor, list]:
    """The network written down from the table, with ``torch.maximum`` and no module of ours → embedding, Y1…Y4."""

    def mfm(name: str, x: torch.Tensor, padding: int) -> torch.Tensor:
        y = F.conv2d(x, state[f"{name}.filter.weight"], state[f"{name}.filter.bias"], padding=padding)
        return torch.maximum(*y.split(y.shape[1] // 2, dim=1))

    def pool(x: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(x, 2, ceil_mode=True) if version == 1 else F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)

    outputs = []
    x = pool(mfm("conv1", x, 2))
    for number, count, _, _ in STAGES:
        for j in range(count):
            x = mfm(f"block{number}.{j}.conv2", mfm(f"block{number}.{j}.conv1", x, 1), 1) + x
        outputs.append(x)
        x = mfm(f"group{number}.conv", mfm(f"group{number}.conv_a", x, 0), 1)
        if number != 3:
            x = pool(x)
    x = x.reshape(len(x), -1)
    if version == 1:
        y = F.linear(x, state["fc.filter.weight"], state["fc.filter.bias"])
        return torch.maximum(y[:, :256], y[:, 256:]), outputs
    return F.linear(x, state["fc.weight"], state["fc.bias"]), outputs


@pytest.fixture(scope="module")
def backbones() -> dict[int, LightCNN29]:
    made = {1: LightCNN29V1(), 2: LightCNN29V2()}
    for backbone in made.values():
        initialise(backbone, torch.Generator().manual_seed(0))
    return made


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return torch.rand(2, 1, 128, 128, generator=torch.Generator().manual_seed(3))


def test_the_published_list_has_61_tensors():
    assert len(published_shapes()) == 61


def test_the_state_dict_of_v2_has_the_published_names_and_shapes():
    ours = {name: tuple(value.shape) for name, value in LightCNN29V2().state_dict().items()}
    assert ours | {"fc2.weight": (80013, 256)} == published_shapes()
    assert "fc2.weight" not in ours


def test_the_published_list_loads_strictly_with_its_classifier_left_aside():
    state = random_state(published_shapes())
    backbone = LightCNN29V2()
    backbone.load_state_dict(state, strict=True)
    assert "fc2.weight" in state, "the caller's dict is not ours to change"
    assert all(torch.equal(value, state[name]) for name, value in backbone.state_dict().items())


def test_the_published_list_loads_strictly_without_its_classifier():
    state = random_state(published_shapes())
    del state["fc2.weight"]
    LightCNN29V2().load_state_dict(state, strict=True)


def test_a_missing_and_an_unknown_tensor_are_refused():
    state = random_state(published_shapes())
    missing = {key: value for key, value in state.items() if key != "group3.conv.filter.bias"}
    with pytest.raises(RuntimeError, match=r"group3\.conv\.filter\.bias"):
        LightCNN29V2().load_state_dict(missing, strict=True)
    with pytest.raises(RuntimeError, match="extra"):
        LightCNN29V2().load_state_dict(state | {"extra": torch.zeros(1)}, strict=True)


@pytest.mark.parametrize(("version", "parameters"), [(1, 12_573_280), (2, 10_475_872)])
def test_the_number_of_backbone_parameters_is_the_published_one(backbones, version, parameters):
    assert sum(p.numel() for p in backbones[version].parameters()) == parameters


def test_the_block_outputs_have_the_published_shapes(backbones, faces):
    with torch.no_grad():
        _, traces = SaliencySearchNetwork(backbones[2], selection=False).trace(faces, torch.zeros(2, dtype=torch.int64))
    published = ((48, 64, 64), (96, 32, 32), (192, 16, 16), (128, 16, 16))
    assert published == BLOCK_SHAPES
    assert [tuple(trace.output.shape[1:]) for trace in traces] == list(published)
    assert sum(trace.output[0].numel() for trace in traces) == 376_832


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_network_answers_as_the_naive_one(backbones, faces, version, layout):
    backbone = backbones[version]
    with torch.no_grad():
        expected, _ = naive_forward(backbone.state_dict(), faces, version)
        found = backbone.to(memory_format=layout)(faces.to(memory_format=layout))
    assert found.shape == (2, 256)
    assert torch.allclose(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("version", [1, 2])
def test_the_gradients_of_the_whole_network_are_those_of_the_naive_one(faces, version):
    backbone = {1: LightCNN29V1, 2: LightCNN29V2}[version]().double()
    initialise(backbone, torch.Generator().manual_seed(5))
    small = faces[:1].double()
    weights = torch.randn(256, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    (backbone.to(memory_format=torch.channels_last)(small)[0] * weights).sum().backward()
    found = {name: p.grad for name, p in backbone.named_parameters()}
    leaves = {name: p.detach().clone().requires_grad_() for name, p in backbone.named_parameters()}
    (naive_forward(leaves, small, version)[0][0] * weights).sum().backward()
    assert found.keys() == leaves.keys()
    for name, gradient in found.items():
        assert leaves[name].grad.abs().max() > 0, name
        assert torch.allclose(gradient, leaves[name].grad, rtol=1e-9, atol=1e-12), name


def test_v1_pools_odd_maps_upwards_and_v2_downwards(backbones):
    ramp = torch.arange(25.0).view(1, 1, 5, 5)
    assert backbones[1].pool(ramp).squeeze().tolist() == [[6, 8, 9], [16, 18, 19], [21, 23, 24]]
    assert backbones[2].pool(ramp).squeeze().tolist() == [[6 + 3, 8 + 5], [16 + 13, 18 + 15]]


@pytest.mark.parametrize("side", [64, 96])
def test_a_smaller_face_gives_an_embedding_of_the_same_size(backbones, side):
    with torch.no_grad():
        assert backbones[2](torch.rand(2, 1, side, side)).shape == (2, 256)


shapes = st.one_of(
    st.tuples(st.integers(1, 4), st.integers(1, 6)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)),
)


@given(shape=shapes, channels_last=st.booleans(), seed=st.integers(0, 2**31))
def test_mfm_and_its_gradient_are_those_of_the_plain_maximum(shape, channels_last, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape[0], 2 * shape[1], *shape[2:], dtype=torch.float64, generator=generator)
    if channels_last and x.dim() == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    upstream = torch.randn(shape, dtype=torch.float64, generator=generator)
    plain = x.clone().requires_grad_()
    reference = torch.maximum(plain[:, : shape[1]], plain[:, shape[1] :])
    reference.backward(upstream)
    ours = x.clone().requires_grad_()
    answer = MaxFeatureMap()(ours)
    answer.backward(upstream)
    assert torch.equal(answer, reference)
    assert torch.equal(ours.grad, plain.grad)


def test_mfm_passes_the_numerical_gradient_check():
    x = torch.randn(2, 6, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(MaxFeatureMap(), (x,))


def test_mfm_gives_the_gradient_of_a_tie_to_the_first_half_only():
    x = torch.ones(1, 2, 1, 1, requires_grad=True)
    MaxFeatureMap()(x).backward(torch.tensor([[[[5.0]]]]))
    assert x.grad.flatten().tolist() == [5.0, 0.0]


def test_mfm_answers_alike_with_and_without_gradients():
    x = torch.randn(3, 8, 5, 5)
    with torch.no_grad():
        quiet = MaxFeatureMap()(x.requires_grad_())
    assert torch.equal(quiet, MaxFeatureMap()(x))
    assert np.array_equal(quiet.numpy(), np.maximum(*np.split(x.detach().numpy(), 2, axis=1)))


def test_initialise_keeps_the_size_of_the_signal_and_depends_on_its_generator_only(faces):
    first, again, other = LightCNN29V2(), LightCNN29V2(), LightCNN29V2()
    for backbone, seed in ((first, 1), (again, 1), (other, 2)):
        initialise(backbone, torch.Generator().manual_seed(seed))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.conv1.filter.weight, other.conv1.filter.weight)
    with torch.no_grad():
        assert 0.01 < first(faces).std() < 1000
