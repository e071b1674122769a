"""The mutual-information estimate against Gaussians of known correlation, and the directions of (12)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ssn.models.information_bottleneck import (
    WIDEST_INPUT,
    InformationBottleneck,
    MutualInformation,
    js_information,
    pooled_side,
    scale_gradient,
)
from ssn.models.light_cnn import BLOCK_SHAPES

NOTHING = -2 * math.log(2)


def log_ratio(x, y, rho: float):
    """log dP/dQ for unit Gaussians of correlation ρ against independent ones; arrays or tensors."""
    quadratic = (rho**2 * (x**2 + y**2) - 2 * rho * x * y) / (2 * (1 - rho**2))
    return -0.5 * math.log(1 - rho**2) - quadratic


def supremum(rho: float) -> float:
    """2·JSD(P ‖ Q) − 2·log 2, the best value of (9), integrated on a grid."""
    axis = np.linspace(-7, 7, 1401)
    x, y = np.meshgrid(axis, axis)
    product = np.exp(-(x**2 + y**2) / 2) / (2 * np.pi)
    t = log_ratio(x, y, rho)
    joint = product * np.exp(t)
    return float(((-joint * np.logaddexp(0, -t)) - product * np.logaddexp(0, t)).sum() * (axis[1] - axis[0]) ** 2)


def pairs(rho: float, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x, noise = torch.randn(2, count, 1, 1, 1, generator=generator)
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def test_independent_variables_reach_minus_two_log_two_and_identical_ones_approach_zero():
    assert supremum(0.0) == pytest.approx(NOTHING, abs=1e-6)
    assert js_information(torch.zeros(8), torch.zeros(8)).item() == pytest.approx(NOTHING)
    assert js_information(torch.full((8,), 30.0), torch.full((8,), -30.0)).item() == pytest.approx(0, abs=1e-6)
    assert supremum(0.999) > supremum(0.9) > supremum(0.5) > supremum(0.2) > NOTHING


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_the_formula_with_the_true_ratio_gives_the_integral(rho):
    x, y = pairs(rho, 200_000, torch.Generator().manual_seed(0))
    found = js_information(log_ratio(x, y, rho).flatten(), log_ratio(x, y.roll(1, 0), rho).flatten())
    assert found.item() == pytest.approx(supremum(rho), abs=0.01)


@pytest.fixture(scope="module")
def estimates() -> dict[float, float]:
    """An estimator trained for each correlation, measured on fresh pairs."""
    found = {}
    for rho in (0.0, 0.6, 0.95):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            estimator = MutualInformation((1, 1, 1), (1, 1, 1), hidden=32)
        generator = torch.Generator().manual_seed(1)
        optimizer = torch.optim.Adam(estimator.parameters(), lr=3e-3)
        for _ in range(300):
            loss = -estimator(*pairs(rho, 512, generator))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            found[rho] = estimator(*pairs(rho, 20_000, generator)).item()
    return found


def test_the_estimator_orders_gaussians_by_their_information(estimates):
    assert estimates[0.0] < estimates[0.6] - 0.05 < estimates[0.95] - 0.1


def test_the_estimator_comes_near_the_integral(estimates):
    for rho, found in estimates.items():
        assert found == pytest.approx(supremum(rho), abs=0.04)


def test_one_linear_layer_on_top_could_not_tell_what_depends_on_what():
    """Why ``top`` has a hidden layer: an additive T has the same mean on the joint and on any shuffle."""
    p, q = torch.randn(2, 64, 8)
    additive = torch.nn.Linear(16, 1)
    joint, product = (additive(torch.cat([p, r], 1)).mean() for r in (q, q.roll(5, 0)))
    assert torch.allclose(joint, product, atol=1e-6)


def gradients(bottleneck: InformationBottleneck, loss, inputs) -> list[Tensor]:
    return list(torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True))


def test_every_party_of_12_goes_its_own_way():
    """θ′ ascends both estimates; Ŷ1 descends I(X; Ŷ1) and ascends β I(Ŷ1; Ŷ4); Ŷ4 ascends the latter."""
    torch.manual_seed(0)
    beta, weight = 0.7, 0.01
    bottleneck = InformationBottleneck((1, 8, 8), (3, 4, 4), (5, 2, 2), beta, weight, hidden=8)
    x = torch.rand(6, 1, 8, 8)
    first, last = torch.randn(6, 3, 4, 4, requires_grad=True), torch.randn(6, 5, 2, 2, requires_grad=True)
    terms = bottleneck(x, first, last, shift=2)
    of_input, of_output = bottleneck.of_input(x, first, 2), bottleneck.of_output(first, last, 2)
    assert terms.forgotten.item() == pytest.approx(of_input.item())
    assert terms.kept.item() == pytest.approx(of_output.item())

    for module, information in ((bottleneck.of_input, of_input), (bottleneck.of_output, of_output)):
        own = list(module.parameters())
        found = torch.autograd.grad(terms.loss, own, retain_graph=True)
        uphill = torch.autograd.grad(information, own, retain_graph=True)
        assert all(torch.allclose(a, -b) for a, b in zip(found, uphill, strict=True))
        assert sum(b.abs().sum() for b in uphill) > 0

    found = torch.autograd.grad(terms.loss, [first, last], retain_graph=True)
    down = torch.autograd.grad(of_input, first, retain_graph=True)[0]
    up_first, up_last = torch.autograd.grad(of_output, [first, last])
    assert torch.allclose(found[0], weight * (down - beta * up_first), atol=1e-9)
    assert torch.allclose(found[1], -weight * beta * up_last, atol=1e-9)
    assert down.abs().max() > 0
    assert up_last.abs().max() > 0


def test_a_descent_step_of_each_party_moves_its_estimate_as_12_says():
    torch.manual_seed(1)
    bottleneck = InformationBottleneck((1, 8, 8), (3, 4, 4), (5, 2, 2), weight=1.0, hidden=8)
    x = torch.rand(16, 1, 8, 8)
    first = (x[:, :, ::2, ::2].repeat(1, 3, 1, 1) + 0.1 * torch.randn(16, 3, 4, 4)).requires_grad_()
    last = torch.randn(16, 5, 2, 2, requires_grad=True)
    before = bottleneck(x, first, last)
    theirs = list(bottleneck.parameters())
    steps = torch.autograd.grad(before.loss, [*theirs, last])
    with torch.no_grad():
        for parameter, step in zip(theirs, steps[:-1], strict=True):
            parameter -= 1e-3 * step
        estimator_moved = bottleneck(x, first, last)
        assert estimator_moved.forgotten > before.forgotten
        assert estimator_moved.kept > before.kept
        for parameter, step in zip(theirs, steps[:-1], strict=True):
            parameter += 1e-3 * step
        assert bottleneck(x, first, last - 0.1 * steps[-1]).kept > before.kept

    forgetting = -bottleneck.of_input(x, scale_gradient(first, -1.0))
    down = torch.autograd.grad(forgetting, first)[0]
    with torch.no_grad():
        assert bottleneck(x, first - 0.1 * down, last).forgotten < before.forgotten


def test_the_estimate_does_not_depend_on_the_mode_and_needs_another_row():
    estimator = MutualInformation((1, 4, 4), (2, 4, 4), hidden=8)
    p, q = torch.rand(5, 1, 4, 4), torch.rand(5, 2, 4, 4)
    with torch.no_grad():
        assert torch.equal(estimator.train()(p, q, 3), estimator.eval()(p, q, 3))
    for shift in (0, 5, -1):
        with pytest.raises(ValueError, match="together"):
            estimator(p, q, shift)


def test_large_maps_are_pooled_to_a_bounded_width():
    for shape in ((1, 128, 128), *BLOCK_SHAPES):
        side = pooled_side(shape)
        assert shape[0] * side**2 <= WIDEST_INPUT < shape[0] * (2 * side) ** 2 or side == shape[1]
    assert pooled_side((1, 128, 128)) == 64
    assert pooled_side(BLOCK_SHAPES[0]) == 8
