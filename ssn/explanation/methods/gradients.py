"""Methods that follow the gradient, by Captum: each yields (share done, map (H, W)) and takes (score, face, baseline,
labels).

Faces are (1, 1, H, W) float32. Captum's calls are made chunk by chunk, so that memory is bounded and a run can be
stopped. It is imported where it is called: that takes as long as a small explanation, and listing the methods needs
none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssn.errors import ExplanationError
from ssn.explanation.pair import Chunks, PairScore
from ssn.memory import free_memory
from ssn.models.network import SaliencySearchNetwork

BYTES_PER_FACE = 110 << 20
"""What one face's graph of Light CNN-29 keeps in float32, measured, rounded up."""


def gradient_batch(score: PairScore) -> int:
    """Faces a graph may hold at once: 8 on a CPU (more is slower there), on a GPU what half of its free memory
    takes."""
    if score.device.type != "cuda":
        return 8
    return max(1, min(128, free_memory(score.device) // 2 // BYTES_PER_FACE))


def _check_count(value: int, name: str) -> int:
    if not isinstance(value, int) or not 1 <= value <= 4096:
        raise ExplanationError(f"{name} is {value!r}.", "It must be a whole number from 1 to 4096.")
    return value


PIECE = 8
"""Most nodes of the quadrature on one piece of Integrated Gradients' path."""


def path_pieces(score: PairScore, face: Tensor, baseline: Tensor, pieces: int, probes: int = 16) -> np.ndarray:
    """Where to cut the path from baseline (0) to face (1) → (pieces + 1,) rising numbers, between which the score
    changes about equally much. Most of the change happens near the baseline, where evenly spaced nodes would miss
    it."""
    if pieces == 1:
        return np.array([0.0, 1.0])
    at = np.linspace(0, 1, probes + 1) ** 2
    pictures = torch.cat([torch.lerp(baseline, face, float(a)) for a in at])
    change = np.abs(np.diff(score.values(pictures).double().cpu().numpy()))
    change = change / max(change.sum(), 1e-12) + 0.5 / probes  # nowhere is skipped
    reached = np.concatenate([[0.0], np.cumsum(change)])
    return np.interp(np.linspace(0, reached[-1], pieces + 1), reached, at)


def integrated_gradients(score: PairScore, face: Tensor, baseline: Tensor, labels, steps: int) -> Chunks:
    """Sundararajan et al., 2017. The straight path from the baseline is cut into pieces; Captum integrates each
    between its own ends, and they add up to the whole. A stopped run explains the way so far."""
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(score)
    pieces = math.ceil(_check_count(steps, "steps") / PIECE)
    nodes, together = math.ceil(steps / pieces), max(1, gradient_batch(score) // PIECE)
    cuts = path_pieces(score, face, baseline, pieces)
    total = torch.zeros_like(face)
    for start in range(0, pieces, together):
        stop = min(start + together, pieces)
        ends = torch.cat([torch.lerp(baseline, face, float(cut)) for cut in cuts[start : stop + 1]])
        found = method.attribute(ends[1:], baselines=ends[:-1], n_steps=nodes)
        total = total + found.detach().sum(dim=0, keepdim=True)
        yield stop / pieces, total[0, 0]


def saliency(score: PairScore, face: Tensor, baseline, labels) -> Chunks:
    """|gradient| (Simonyan et al., 2014): where a change would matter, of whichever sign."""
    from captum.attr import Saliency

    yield 1.0, Saliency(score).attribute(face.clone().requires_grad_(), abs=True).detach()[0, 0]


def input_x_gradient(score: PairScore, face: Tensor, baseline, labels) -> Chunks:
    """Pixel times gradient: the first-order effect of turning the pixel black (Shrikumar et al., 2016)."""
    from captum.attr import InputXGradient

    yield 1.0, InputXGradient(score).attribute(face.clone().requires_grad_()).detach()[0, 0]


NOISY = 8
"""Copies that get their noise together: what a seed draws then does not depend on how much memory is free."""


def smoothgrad(score: PairScore, face: Tensor, baseline, labels, samples: int, noise: float, seed: int) -> Chunks:
    """Mean |gradient| over noisy copies (Smilkov et al., 2017); ``noise`` is its standard deviation in gray values
    [0, 1]."""
    from captum.attr import NoiseTunnel, Saliency

    if not 0 < noise <= 1:
        raise ExplanationError(f"noise is {noise!r}.", "It must lie between 0 and 1.")
    method = NoiseTunnel(Saliency(score))
    total, seen = torch.zeros_like(face), 0
    devices = [score.device] if score.device.type == "cuda" else []
    while seen < _check_count(samples, "samples"):
        count = min(NOISY, samples - seen)
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed + seen)
            total = (
                total + count * method.attribute(face.clone(), nt_samples=count, stdevs=float(noise), abs=True).detach()
            )
        seen += count
        yield seen / samples, total[0, 0] / seen


def selected_layer(score: PairScore, block: int) -> nn.Module:
    """The module whose output goes on from ``block``, counted from 1: the pixel selection, so that CAMs show the
    *selected* response; the backbone's block itself in a network without selection. Raises ExplanationError where there
    is none."""
    network = score.network
    if not isinstance(network, SaliencySearchNetwork):
        raise ExplanationError("This network has no blocks.", "Choose a method that needs none, such as ig.")
    blocks: Sequence[nn.Module] = network.selections() or [block for block, *_ in network.backbone.stages()]
    if block not in range(1, len(blocks) + 1):
        raise ExplanationError(f"There is no block {block!r}.", f"Choose one from 1 to {len(blocks)}.")
    return blocks[block - 1]


def _to_face(coarse: Tensor, face: Tensor) -> Tensor:
    coarse = coarse.detach().float()
    return F.interpolate(coarse, size=face.shape[-2:], mode="bilinear", align_corners=False)[0, 0]


def gradcam(score: PairScore, face: Tensor, baseline, labels, block: int) -> Chunks:
    """Selvaraju et al., 2017, signed: each channel of the selected response weighted by its mean gradient."""
    from captum.attr import LayerGradCam

    found = LayerGradCam(score, selected_layer(score, block)).attribute(face.clone().requires_grad_())
    yield 1.0, _to_face(found, face)


def hirescam(score: PairScore, face: Tensor, baseline, labels, block: int) -> Chunks:
    """Draelos and Carin, 2020: selected response times its gradient, place by place. Light CNN's embedding layer
    weighs every place differently, which Grad-CAM's mean over places cannot see."""
    from captum.attr import LayerGradientXActivation

    method = LayerGradientXActivation(score, selected_layer(score, block))
    found = method.attribute(face.clone().requires_grad_())
    yield 1.0, _to_face(found.float().sum(dim=1, keepdim=True), face)
