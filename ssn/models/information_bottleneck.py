"""The information bottleneck of the search: (5), (9), (11) and (12) of the paper, with the network of its Fig. 4.

I(P; Q) is estimated by the Jensen–Shannon form (9), E_joint[−φ(−T)] − E_product[φ(T)] with φ = softplus. Its supremum
over all T is 2·JSD(joint ‖ product) − 2·log 2: −1.386 for independent P and Q, 0 at most. It is no Shannon information
in nats, but grows with it.

Who goes which way, from (12): the estimators' weights θ′ always ascend their own estimate, since (9) is a supremum.
The encoder descends I(X; Ŷ1) and ascends β·I(Ŷ1; Ŷ4). (The caption of the paper's Fig. 3 says the opposite of its text
and of its equations.) One loss serves all: −I(X; Ŷ1) − I(Ŷ1; Ŷ4), where the gradient that leaves an estimator towards
the encoder is multiplied by −λ in the first term and by λβ in the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDEST_INPUT = 4096
"""Values a block's first layer reads at most. Ŷ1 has 196,608 a face: a full layer on them would be larger than the
network that is being searched, so maps are averaged over squares first."""


def js_information(joint: Tensor, product: Tensor) -> Tensor:
    """T on N joint and N shuffled pairs, (N,) each → estimate (9), a scalar."""
    return -F.softplus(-joint).mean() - F.softplus(product).mean()


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return ctx.factor * gradient, None


def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """x, whose gradient is multiplied by ``factor`` on its way back; a negative factor reverses it."""
    return _ScaledGradient.apply(x, factor)


def pooled_side(shape: tuple[int, int, int]) -> int:
    """Map shape (C, H, W) → the largest side, H halved any number of times, at which C·side² ≤ ``WIDEST_INPUT``."""
    channels, side, _ = shape
    while side > 1 and channels * side * side > WIDEST_INPUT:
        side //= 2
    return side


class FeatureBlock(nn.Module):
    """Block1 or Block2 of Fig. 4: maps (N, C, H, W) → (N, hidden) by FC, BN, ReLU, FC, BN.

    BN always uses the statistics of the batch at hand, so that the estimate is the same function in every process.
    """

    def __init__(self, shape: tuple[int, int, int], hidden: int):
        super().__init__()
        self.side = pooled_side(shape)
        self.layers = nn.Sequential(
            nn.Linear(shape[0] * self.side**2, hidden),
            nn.BatchNorm1d(hidden, track_running_stats=False),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden, track_running_stats=False),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.layers(F.adaptive_avg_pool2d(maps.float(), self.side).flatten(1))


class MutualInformation(nn.Module):
    """The two-branch network T of Fig. 4 and the estimate (9) it makes of I(P; Q).

    The paper draws one FC after the concatenation. One linear layer there would make T(p, q) = f(p) + g(q), which
    cannot see how p and q depend on each other, so it is FC, ReLU, FC here.
    """

    def __init__(self, first: tuple[int, int, int], second: tuple[int, int, int], hidden: int = 128):
        super().__init__()
        self.block1, self.block2 = FeatureBlock(first, hidden), FeatureBlock(second, hidden)
        self.top = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def statistics(self, p: Tensor, q: Tensor, shift: int) -> tuple[Tensor, Tensor]:
        """Maps P (N, …) and Q (N, …) → T of the N pairs, and of N pairs with Q rolled by ``shift`` rows; (N,) each.

        In a batch in random order a roll is a shuffle that leaves no pair together. BN and FC do not mind the order,
        so Q is rolled after its block.
        """
        if not 0 < shift < len(p):
            raise ValueError(f"a shift of {shift} leaves pairs of a batch of {len(p)} together")
        p, q = self.block1(p), self.block2(q)  # (N, hidden)
        joint = self.top(torch.cat([p, q], dim=1)).squeeze(1)
        product = self.top(torch.cat([p, q.roll(shift, 0)], dim=1)).squeeze(1)
        return joint, product

    def forward(self, p: Tensor, q: Tensor, shift: int = 1) -> Tensor:
        """The estimate, a scalar in (−∞, 0); −2·log 2 where nothing is known."""
        return js_information(*self.statistics(p, q, shift))


@dataclass(frozen=True)
class BottleneckTerms:
    """``loss`` is what every party descends; ``forgotten`` I(X; Ŷ1) and ``kept`` I(Ŷ1; Ŷ4) are its estimates, without
    gradient."""

    loss: Tensor
    forgotten: Tensor
    kept: Tensor


class InformationBottleneck(nn.Module):
    """L_ib of (12) for one spectrum's faces: picture, first and last selected response.

    ``weight`` is λ_ib of (14). It acts on the encoder only: the paper's single rate would leave the estimators' weights
    λ·1e-4 = 1e-7 a step, and the supremum out of reach.
    """

    def __init__(
        self,
        picture: tuple[int, int, int],
        first: tuple[int, int, int],
        last: tuple[int, int, int],
        beta: float = 1.0,
        weight: float = 0.001,
        hidden: int = 128,
    ):
        super().__init__()
        self.of_input = MutualInformation(picture, first, hidden)
        self.of_output = MutualInformation(first, last, hidden)
        self.beta, self.weight = beta, weight

    def forward(self, picture: Tensor, first: Tensor, last: Tensor, shift: int = 1) -> BottleneckTerms:
        """X (N, 1, S, S), Ŷ1 and Ŷ4 (N, C, H, W), all of one spectrum, and the rows' roll → the terms."""
        down, up = -self.weight, self.weight * self.beta
        forgotten = self.of_input(picture, scale_gradient(first, down), shift)
        kept = self.of_output(scale_gradient(first, up), scale_gradient(last, up), shift)
        return BottleneckTerms(-forgotten - kept, forgotten.detach(), kept.detach())
