"""DeepLIFT for Light CNN (Shrikumar et al., 2017): contributions of the difference from a baseline, exact in sum.

Captum's DeepLift knows no maximum of halves, and sees neither functional pooling nor the cosine: it would take their
plain gradients and be wrong without a word. Here every nonlinearity of the graph has a rule under which the
contributions of its inputs add up to the change of its output:

- max of halves: each half gets its Shapley share, the mean over both orders in which the halves can change;
- max pooling: the larger end of the window's change, as in Captum's rule, one input for each output;
- adaptive selection: see ``adaptive_rule``;
- cosine: the mean gradient between the two embeddings.

Convolution, the paper's selection, average pooling and the linear layer are linear. Any other
nonlinearity breaks the sum, and is refused.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ssn.errors import ExplanationError
from ssn.explanation.methods.adaptive_rule import adaptive_rule
from ssn.explanation.pair import Chunks, PairScore
from ssn.models.adaptive_selection import AdaptiveSelection
from ssn.models.light_cnn import MaxFeatureMap

TINY = 1e-7
"""A change below this counts as none."""

TOLERANCE = 0.01
"""Largest |delta|, as a share of the score difference (or of 0.05, if that is larger), that rounding can explain."""


def shapley_of_max(a: Tensor, b: Tensor, a0: Tensor, b0: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of a and b in max(a, b) − max(a0, b0), which they add up to."""
    with_b0, with_a0, top, low = torch.maximum(a, b0), torch.maximum(a0, b), torch.maximum(a, b), torch.maximum(a0, b0)
    return ((with_b0 - low) + (top - with_a0)) / 2, ((with_a0 - low) + (top - with_b0)) / 2


class _MaxOfHalvesRule(torch.autograd.Function):
    """max of the channel halves; the backward multiplies by share / change, which lies in [0, 1]."""

    @staticmethod
    def forward(ctx, x: Tensor, reference: Tensor) -> Tensor:
        (a, b), (a0, b0) = x.chunk(2, dim=1), reference.chunk(2, dim=1)
        change = x - reference
        share = torch.cat(shapley_of_max(a, b, a0, b0), dim=1)
        still = change.abs() < TINY
        plain = torch.cat([(a >= b).to(x), (b > a).to(x)], dim=1)
        multiplier = torch.where(still, plain, share / torch.where(still, 1.0, change)).clamp_(0, 1)
        ctx.save_for_backward(multiplier)
        return torch.maximum(a, b)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (multiplier,) = ctx.saved_tensors
        return torch.cat([gradient, gradient], dim=1) * multiplier, None


class _MaxPoolRule(torch.autograd.Function):
    """Max pooling; an output that rose is credited to its winner, one that fell to the winner of the baseline."""

    @staticmethod
    def forward(ctx, x: Tensor, reference: Tensor, options: dict) -> Tensor:
        out, index = F.max_pool2d_with_indices(x, **options)
        before, index_before = F.max_pool2d_with_indices(reference, **options)
        chosen = torch.where(out >= before, index, index_before).flatten(2)
        change = x.flatten(2).gather(2, chosen) - reference.flatten(2).gather(2, chosen)
        still = change.abs() < TINY
        multiplier = (out - before).flatten(2) / torch.where(still, 1.0, change)
        ctx.save_for_backward(torch.where(still, 1.0, multiplier).clamp_(0, 1), chosen)
        ctx.shape = x.shape
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        multiplier, chosen = ctx.saved_tensors
        spread = gradient.new_zeros(ctx.shape).flatten(2)
        spread.scatter_add_(2, chosen, gradient.flatten(2) * multiplier)
        return spread.view(ctx.shape), None, None


class _Pooling(TorchFunctionMode):
    """Hands every max pooling to ``rule(x, options)``."""

    def __init__(self, rule):
        super().__init__()
        self.rule = rule

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function not in (F.max_pool2d, torch.max_pool2d) or kwargs.get("return_indices"):
            return function(*args, **kwargs)
        names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        options = {**dict(zip(names, args[1:], strict=False)), **kwargs}
        return self.rule(args[0], {name: options[name] for name in names if name in options})


@contextmanager
def _rules(score: PairScore, on_halves, on_pool, on_selection):
    """Within it, every max of halves returns ``on_halves(x, out)``, every max pooling ``on_pool(x, options)`` and every
    adaptive selection ``on_selection(block, inputs, out)``."""
    hooks = []
    try:
        for module in score.network.modules():
            if isinstance(module, MaxFeatureMap):
                hooks.append(module.register_forward_hook(lambda _, inputs, out: on_halves(inputs[0], out)))
            elif isinstance(module, AdaptiveSelection):
                hooks.append(module.register_forward_hook(on_selection))
        with _Pooling(on_pool):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _baseline_pass(score: PairScore, baseline: Tensor) -> tuple[Tensor, deque[Tensor]]:
    """The baseline's embedding, and what entered each nonlinearity, in order."""
    entered: deque[Tensor] = deque()

    def halves(x: Tensor, out: Tensor) -> Tensor:
        entered.append(x)
        return out

    def pool(x: Tensor, options: dict) -> Tensor:
        entered.append(x)
        return F.max_pool2d_with_indices(x, **options)[0]

    def select(_, inputs: tuple, out: Tensor) -> Tensor:
        return halves(inputs[0], out)

    with torch.no_grad(), _rules(score, halves, pool, select):
        return score.embed(baseline), entered


def cosine_multipliers(score: PairScore, embedding: Tensor, reference: Tensor, nodes: int = 64) -> Tensor:
    """Mean gradient of the score between two embeddings (1, D), by Gauss–Legendre quadrature, float32."""
    at, weight = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(nodes))
    at, weight = ((at + 1) / 2).to(embedding.device), (weight / 2).to(embedding.device)
    reference, embedding = reference.detach().double(), embedding.detach().double()
    way = (reference + at[:, None] * (embedding - reference)).requires_grad_()  # (nodes, D)
    (gradient,) = torch.autograd.grad(score.compare(way).sum(), way)
    return (weight[:, None] * gradient).sum(dim=0, keepdim=True).float()


def deeplift(score: PairScore, face: Tensor, baseline: Tensor, labels) -> Chunks:
    """Contributions of the pixels to the score minus the baseline's score. One chunk.

    Raises ExplanationError where they do not add up: the network has a nonlinearity without a rule.
    """
    reference, entered = _baseline_pass(score, baseline)
    x = face.clone().requires_grad_()
    with _rules(
        score,
        lambda value, _: _MaxOfHalvesRule.apply(value, entered.popleft()),
        lambda value, options: _MaxPoolRule.apply(value, entered.popleft(), options),
        lambda block, inputs, _: adaptive_rule(block, inputs[0], entered.popleft(), *inputs[1:]),
    ):
        embedding = score.embed(x)
    multipliers = cosine_multipliers(score, embedding, reference)
    (gradient,) = torch.autograd.grad((embedding * multipliers).sum(), x)
    found = (face - baseline) * gradient
    difference = float(score.compare(embedding.detach()) - score.compare(reference))
    delta = float(found.double().sum()) - difference
    if abs(delta) > TOLERANCE * max(abs(difference), 0.05):
        raise ExplanationError(
            f"DeepLIFT does not hold for this network: its parts miss the score difference by {abs(delta):.2g}.",
            "Use Integrated Gradients.",
        )
    yield 1.0, found[0, 0]
