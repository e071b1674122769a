"""One side of a pair, one method → a map over its pixels. Methods by name, run in chunks that can be watched and
stopped.

Every method is a generator: after each chunk it yields the share done and the map so far. Whoever drives it may stop
after any chunk and keep that map.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ssn.errors import ExplanationCancelledError, ExplanationError
from ssn.explanation.methods.deeplift import deeplift
from ssn.explanation.methods.gradients import (
    gradcam,
    hirescam,
    input_x_gradient,
    integrated_gradients,
    saliency,
    smoothgrad,
)
from ssn.explanation.methods.perturbations import occlusion, region_ablation, region_shap
from ssn.explanation.pair import Chunks, PairScore
from ssn.explanation.question import NOBODY, Watch
from ssn.memory import memory_in_words

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Method:
    """``run`` yields (share done, map). ``baseline`` is the default one, None where none is used; ``sums_up``: the
    map adds up to the score minus the baseline's score; ``fast``: it asks for many passes, over which bfloat16's
    rounding evens out; ``signed``: negative places speak against the match, else the map says only where the score
    depends on the pixels."""

    title: str
    run: Callable[..., Chunks]
    baseline: str | None = None
    sums_up: bool = False
    fast: bool = True
    signed: bool = True
    parameters: dict = field(default_factory=dict)


SHAP = {"samples": 256, "seed": 0, "tolerance": 0.01}

METHODS: dict[str, Method] = {
    "ig": Method("Integrated Gradients", integrated_gradients, "mean", True, parameters={"steps": 32}),
    "saliency": Method("Saliency", saliency, fast=False, signed=False),
    "input_x_gradient": Method("Input × Gradient", input_x_gradient, fast=False),
    "deeplift": Method("DeepLIFT", deeplift, "mean", True, fast=False),
    "smoothgrad": Method("SmoothGrad", smoothgrad, signed=False, parameters={"samples": 16, "noise": 0.1, "seed": 0}),
    "gradcam": Method("Grad-CAM", gradcam, fast=False, parameters={"block": 4}),
    "hirescam": Method("HiResCAM", hirescam, fast=False, parameters={"block": 2}),
    "occlusion": Method("Occlusion", occlusion, "mean", parameters={"window": 16, "stride": 8}),
    "region_ablation": Method("Region ablation", region_ablation, "mean"),
    "region_shap": Method("Region SHAP", region_shap, "mean", True, parameters=SHAP),
}
"""The methods, with their default parameters."""


@dataclass(frozen=True)
class Side:
    """What a method found on one face: ``map`` (128, 128) float32, positive where a pixel speaks for the match.

    ``score`` of the face, ``baseline_score`` of its baseline (None without one); ``delta``: sum of the map minus the
    score difference, for methods that add up and ran to the end; ``done``: share of the work, 1.0 unless it was
    stopped.
    """

    map: np.ndarray
    score: float
    baseline_score: float | None
    delta: float | None
    done: float
    seconds: float

    @property
    def relative_delta(self) -> float | None:
        """|delta| as a share of the score difference."""
        if self.delta is None or self.baseline_score is None:
            return None
        return abs(self.delta) / max(abs(self.score - self.baseline_score), 1e-6)


def find_method(name: str) -> Method:
    """Raises ExplanationError for an unknown name."""
    if name not in METHODS:
        raise ExplanationError(f"There is no method {name!r}.", f"Use one of {', '.join(METHODS)}.")
    return METHODS[name]


def full_parameters(name: str, changes: Mapping[str, object] | None = None) -> dict:
    """A method's parameters with ``changes``. Raises ExplanationError for one it does not have."""
    defaults = find_method(name).parameters
    unknown = sorted(set(changes or {}) - set(defaults))
    if unknown:
        known = ", ".join(defaults) or "none"
        raise ExplanationError(f"{name} has no parameter {unknown[0]!r}.", f"Its parameters: {known}.")
    return {**defaults, **(changes or {})}


def attribute(
    score: PairScore,
    face: np.ndarray,
    method: str,
    baseline: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    parameters: Mapping[str, object] | None = None,
    watch: Watch = NOBODY,
    exact: PairScore | None = None,
) -> Side:
    """Attribute ``score`` to the pixels of ``face`` (H, W) float32 in [0, 1].

    ``baseline`` (H, W) is needed by the methods that have one, ``labels`` (H, W) by those on regions; ``exact`` is
    the same score in full precision where ``score`` is not: scores and delta are taken from it. Leaves the network,
    the grad mode and the random state as they were. Raises ExplanationError, or ExplanationCancelledError where it
    was stopped before the first chunk was done.
    """
    chosen, settings = find_method(method), full_parameters(method, parameters)
    if chosen.baseline is not None and baseline is None:
        raise ExplanationError(f"{chosen.title} needs a baseline.", "Choose one: mean, blur or black.")
    start = time.perf_counter()
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.tensor(face, dtype=torch.float32, device=score.device)[None, None]
        base = None
        if baseline is not None:
            base = torch.tensor(baseline, dtype=torch.float32, device=score.device)[None, None]
        answer, done = drive(chosen.run(score, x, base, labels, **settings), watch)
        ends = (exact or score).values(x if chosen.baseline is None or base is None else torch.cat([x, base])).tolist()
    return _side(chosen, answer, ends, done, time.perf_counter() - start)


def drive(chunks: Generator[tuple[float, Answer], None, None], watch: Watch) -> tuple[Answer, float]:
    """Run a generator of (share done, result) to its end, or until stopped → (last result, share done). Raises
    ExplanationCancelledError, MemoryShortError."""
    answer, done = None, 0.0
    try:
        while not watch.stopped:
            with memory_in_words():
                step = next(chunks, None)
            if step is None:
                break
            done, answer = step
            watch.tell(done)
    finally:
        chunks.close()
    if answer is None:
        raise ExplanationCancelledError("Cancelled before there was anything to show.", "Start it again.")
    return answer, done


def _side(method: Method, answer: Tensor, ends: list[float], done: float, seconds: float) -> Side:
    values = answer.detach().float().cpu().numpy().copy()
    if not np.isfinite(values).all():
        raise ExplanationError(f"{method.title} gave values that are no numbers.", "Choose another method or baseline.")
    values.flags.writeable = False  # it is remembered and handed out again
    baseline_score = ends[1] if len(ends) == 2 else None
    delta = None
    if method.sums_up and done >= 1.0 and baseline_score is not None:
        delta = float(values.sum(dtype=np.float64)) - (ends[0] - baseline_score)
    return Side(values, ends[0], baseline_score, delta, done, seconds)
