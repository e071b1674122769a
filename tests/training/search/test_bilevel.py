"""The bilevel gradient against the exact one, on toys whose answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ssn.models.information_bottleneck import scale_gradient
from ssn.training.search.bilevel import Bilevel

RATE = 0.3


class Quadratic:
    """L_train = ½ θᵀAθ + θᵀBM, L_val = ½ |θ − t|² + θᵀDM + ½ |M|², in double precision."""

    def __init__(self, seed: int = 0, lower: int = 5, upper: int = 4):
        made = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=made, dtype=torch.float64)

        a = draw(lower, lower)
        self.a, self.b, self.d, self.t = a @ a.T, draw(lower, upper), draw(lower, upper), draw(lower)
        self.theta, self.m = nn.Parameter(draw(lower)), nn.Parameter(draw(upper))

    def train_loss(self) -> Tensor:
        return 0.5 * self.theta @ self.a @ self.theta + self.theta @ self.b @ self.m

    def val_loss(self) -> Tensor:
        return 0.5 * (self.theta - self.t).square().sum() + self.theta @ self.d @ self.m + 0.5 * self.m.square().sum()

    def train(self, parameters) -> list[Tensor]:
        return list(torch.autograd.grad(self.train_loss(), parameters))

    def val(self, parameters) -> list[Tensor]:
        return list(torch.autograd.grad(self.val_loss(), parameters))

    def exact(self, rate: float) -> Tensor:
        """d/dM L_val(θ − ξ (Aθ + BM), M), worked out by hand."""
        with torch.no_grad():
            theta = self.theta - rate * (self.a @ self.theta + self.b @ self.m)
            inner = theta - self.t + self.d @ self.m
            return self.d.T @ theta + self.m - rate * self.b.T @ inner


def relative_error(found: Tensor, exact: Tensor) -> float:
    return ((found - exact).norm() / exact.norm()).item()


def step(toy: Quadratic, order: int, kind: type[Bilevel] = Bilevel) -> Tensor:
    return kind([toy.m], [toy.theta], [RATE], order).gradient(toy.val, toy.train)[0]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("order", "rate"), [(1, 0.0), (2, RATE)])
def test_the_gradient_of_a_quadratic_toy_is_the_exact_one(seed, order, rate):
    toy = Quadratic(seed)
    assert relative_error(step(toy, order), toy.exact(rate)) < 1e-3


def test_first_order_is_not_the_second_order_one_here():
    toy = Quadratic()
    assert relative_error(step(toy, 1), toy.exact(RATE)) > 0.1


class MisplacedBrackets(Bilevel):
    """The slip of a well-known DARTS implementation."""

    @staticmethod
    def central_difference(plus: Tensor, minus: Tensor, eps: float) -> Tensor:
        return (plus - minus) / 2.0 * eps


@pytest.mark.parametrize("seed", range(3))
def test_the_slip_with_the_brackets_would_be_found(seed):
    toy = Quadratic(seed)
    assert relative_error(step(toy, 2, MisplacedBrackets), toy.exact(RATE)) > 0.05


def test_a_curved_loss_agrees_with_differentiating_through_the_step():
    """L_train = Σ tanh(θM)·θ², L_val = Σ (θ − 1)²·M²: the finite difference is only approximate here."""
    theta = nn.Parameter(torch.tensor([0.4, -0.7, 1.1], dtype=torch.float64))
    m = nn.Parameter(torch.tensor([0.9, 0.5, -0.3], dtype=torch.float64))

    def train_loss(t: Tensor) -> Tensor:
        return (torch.tanh(t * m) * t**2).sum()

    def val_loss(t: Tensor) -> Tensor:
        return ((t - 1) ** 2 * m**2).sum()

    (inner,) = torch.autograd.grad(train_loss(theta), theta, create_graph=True)
    (exact,) = torch.autograd.grad(val_loss(theta - RATE * inner), m)
    bilevel = Bilevel([m], [theta], [RATE], order=2)
    (found,) = bilevel.gradient(
        lambda p: list(torch.autograd.grad(val_loss(theta), p)),
        lambda p: list(torch.autograd.grad(train_loss(theta), p)),
    )
    assert relative_error(found, exact) < 1e-3


def test_every_parameter_has_its_own_rate():
    """Two lower parameters at rates ξ and 0: only the first one's reaction is counted."""
    toy = Quadratic()
    still = nn.Parameter(torch.ones(2, dtype=torch.float64))

    def with_still(loss, parameters):
        found = torch.autograd.grad(loss + (still.square().sum() * toy.m.sum()), parameters)
        return list(found)

    def train(p):
        return with_still(toy.train_loss(), p)

    found = Bilevel([toy.m], [toy.theta, still], [RATE, 0.0], 2).gradient(
        lambda p: with_still(toy.val_loss(), p), train
    )[0]
    assert relative_error(found, toy.exact(RATE) + 2.0) < 1e-3


def test_a_reversed_gradient_is_followed_to_the_right_hypergradient():
    """An adversary a ascends I = (a·M)·c − ½a² while the loss of M holds +λI: the exact answer lets a go uphill."""
    weight, c = 0.01, 1.7
    a = nn.Parameter(torch.tensor([0.3], dtype=torch.float64))
    m = nn.Parameter(torch.tensor([0.8], dtype=torch.float64))

    def information(m_in: Tensor) -> Tensor:
        return (c * a * m_in - 0.5 * a**2).sum()

    def gradients(p):
        return list(torch.autograd.grad(-information(scale_gradient(m, -weight)), p))

    found = Bilevel([m], [a], [RATE], 2).gradient(gradients, gradients)[0]
    moved = a.detach() + RATE * (c * m.detach() - a.detach())  # the adversary ascends
    exact = weight * (c * moved + RATE * c * (c * m.detach() - moved))
    assert relative_error(found, exact) < 1e-6


@pytest.mark.parametrize("order", [1, 2])
def test_parameters_stay_what_they_were_even_after_a_failure(order):
    toy = Quadratic()
    before = toy.theta.detach().clone(), toy.m.detach().clone()
    step(toy, order)
    assert torch.equal(toy.theta, before[0])
    assert torch.equal(toy.m, before[1])

    def broken(parameters):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="memory"):
        Bilevel([toy.m], [toy.theta], [RATE], order).gradient(broken, toy.train)
    assert torch.equal(toy.theta, before[0])


def test_nonsense_is_refused():
    toy = Quadratic()
    with pytest.raises(ValueError, match="order"):
        Bilevel([toy.m], [toy.theta], [RATE], order=3)
    with pytest.raises(ValueError, match="rates"):
        Bilevel([toy.m], [toy.theta], [])
