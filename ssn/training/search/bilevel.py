"""The gradient of the upper level of (13), first and second order, after DARTS (Liu et al., ICLR 2019).

Upper level: the indicators M, on L_val. Lower level: the weights θ, on L_train. A level's loss is known here only
through a function that gives its gradient with respect to any parameters at their present values, so that batches,
accumulation and other processes stay outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

GradientOf = Callable[[Sequence[nn.Parameter]], list[Tensor]]
"""Parameters → the gradient of one loss on one batch, the same at every call while the parameters stay."""


class Bilevel:
    """∇_M L_val(θ*(M), M) with one descent step in place of θ*: θ*(M) ≈ θ′ = θ − ξ ∇_θ L_train(θ, M).

    ``rates`` is ξ, one number for each parameter of ``lower``; ``reach`` the length of the finite difference's step.
    """

    def __init__(
        self,
        upper: Sequence[nn.Parameter],
        lower: Sequence[nn.Parameter],
        rates: Sequence[float],
        order: int = 1,
        reach: float = 0.01,
    ):
        if order not in (1, 2):
            raise ValueError(f"order {order} is neither 1 nor 2")
        self.upper, self.lower, self.rates = list(upper), list(lower), list(rates)
        if len(self.rates) != len(self.lower):
            raise ValueError(f"{len(self.rates)} rates for {len(self.lower)} parameters")
        self.order, self.reach = order, reach

    def gradient(self, val: GradientOf, train: GradientOf) -> list[Tensor]:
        """The gradient for M, of the order asked for. All parameters are afterwards what they were, bit for bit."""
        return self.first_order(val) if self.order == 1 else self.second_order(val, train)

    def first_order(self, val: GradientOf) -> list[Tensor]:
        """ξ = 0: ∇_M L_val(θ, M)."""
        return val(self.upper)

    def second_order(self, val: GradientOf, train: GradientOf) -> list[Tensor]:
        """∇_M L_val(θ′, M) − ∇²_{M,θ} L_train(θ, M) · ξ ∇_θ′ L_val(θ′, M)."""
        saved = [p.detach().clone() for p in self.lower]
        try:
            self._move([-rate * g for rate, g in zip(self.rates, train(self.lower), strict=True)])  # θ′
            both = val([*self.upper, *self.lower])
        finally:
            self._put_back(saved)
        direct, rest = both[: len(self.upper)], both[len(self.upper) :]
        through = self.mixed_product(train, [rate * g for rate, g in zip(self.rates, rest, strict=True)])
        return [a - b for a, b in zip(direct, through, strict=True)]

    def mixed_product(self, train: GradientOf, direction: list[Tensor]) -> list[Tensor]:
        """∇²_{M,θ} L_train(θ, M) · d ≈ [∇_M L_train(θ + εd, M) − ∇_M L_train(θ − εd, M)] / (2ε), ε = reach / ‖d‖.

        Of a loss with scaled or reversed gradients (the bottleneck's) this is still the right product: the factor that
        M's gradient has and θ's lacks is the one that d has the wrong way round.
        """
        length = torch.sqrt(sum((d.double().square().sum() for d in direction), torch.zeros(()))).item()
        if length == 0:
            return [torch.zeros_like(p) for p in self.upper]
        eps = self.reach / length
        saved = [p.detach().clone() for p in self.lower]
        try:
            self._move([eps * d for d in direction])
            plus = train(self.upper)
            self._put_back(saved)
            self._move([-eps * d for d in direction])
            minus = train(self.upper)
        finally:
            self._put_back(saved)
        return [self.central_difference(a, b, eps) for a, b in zip(plus, minus, strict=True)]

    @staticmethod
    def central_difference(plus: Tensor, minus: Tensor, eps: float) -> Tensor:
        """(plus − minus) / (2ε). The brackets matter: a widely copied ``/ 2. * eps`` multiplies by ε² instead."""
        return (plus - minus) / (2 * eps)

    @torch.no_grad()
    def _move(self, steps: list[Tensor]) -> None:
        for parameter, step in zip(self.lower, steps, strict=True):
            parameter.add_(step)

    @torch.no_grad()
    def _put_back(self, saved: list[Tensor]) -> None:
        for parameter, before in zip(self.lower, saved, strict=True):
            parameter.copy_(before)
