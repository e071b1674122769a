"""DeepLIFT's rules for the adaptive selection, whose saliency changes with the response it multiplies.

Ŷ = σ(M + δ(Y)) ⊙ Y is taken apart into sums, products and functions of one variable: a product shares its change by
Shapley's rule, Δ(a b) = Δa (b + b₀)/2 + Δb (a + a₀)/2, a function of one variable passes it on by its secant
(Shrikumar's rescale rule). Each is exact, so the whole is.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.models.adaptive_selection import REACH, SMALLEST, AdaptiveSelection

NEAR = 1e-3
"""Changes below this take the slope half way instead of the secant, which would be a ratio of rounding errors."""


def carry(value: Tensor, surrogate: Tensor) -> Tensor:
    """``value`` with the gradient of ``surrogate``, of the same shape."""
    return surrogate + (value - surrogate).detach()


def product(a: Tensor, b: Tensor, a0: Tensor, b0: Tensor) -> Tensor:
    """a · b, whose gradient shares out its change from a0 · b0."""
    return carry(a * b, a * ((b + b0) / 2).detach() + b * ((a + a0) / 2).detach())


def rescale(function: Callable[[Tensor], Tensor], x: Tensor, x0: Tensor, near: float = NEAR) -> Tensor:
    """An elementwise function of x, whose gradient is the secant from x0 to x."""
    with torch.enable_grad():
        middle = ((x + x0) / 2).detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(middle).sum(), middle)
    change = (x - x0).detach()
    still = change.abs() < near
    value = function(x)
    secant = (value - function(x0)).detach() / torch.where(still, 1.0, change)
    return carry(value, x * torch.where(still, slope, secant))


def adaptive_rule(
    block: AdaptiveSelection, response: Tensor, before: Tensor, branch: Tensor, mask: Tensor | None = None
) -> Tensor:
    """``block``'s answer Ŷ to ``response`` (N, C, H, W), with a gradient under which the contributions of the
    response's change from ``before`` add up to that of Ŷ. ``mask`` counts as the same for both."""
    y, y0 = response, before
    power0 = y0.square().mean(dim=(1, 2, 3), keepdim=True)
    power = carry(
        y.square().mean(dim=(1, 2, 3), keepdim=True), (y * (y + y0).detach()).mean(dim=(1, 2, 3), keepdim=True)
    )
    scale0 = _inverse_root(power0)
    x0 = block.seen(y0 * scale0, mask)
    x = block.seen(product(y, _scale(power, power0), y0, scale0), mask)
    x, x0 = rescale(F.relu, x, x0, 1e-7), F.relu(x0)
    wide, wide0 = x + block.around(x), x0 + block.around(x0)
    x, x0 = rescale(F.relu, wide, wide0, 1e-7), F.relu(wide0)
    own = block.indicators[branch]

    def saliency(answer: Tensor) -> Tensor:
        return torch.sigmoid(own + REACH * torch.tanh(answer / REACH))

    answer, answer0 = block.answer(x), block.answer(x0)
    return product(y, rescale(saliency, answer, answer0), y0, saliency(answer0))


def _inverse_root(power: Tensor) -> Tensor:
    return torch.rsqrt(power + SMALLEST)


def _scale(power: Tensor, power0: Tensor) -> Tensor:
    """The secant of 1/√p in closed form: the root is steep near zero, where a difference of two would be lost."""
    a, b = torch.sqrt(power + SMALLEST).detach(), torch.sqrt(power0 + SMALLEST).detach()
    return carry(_inverse_root(power), power * (-1 / (a * b * (a + b))))
