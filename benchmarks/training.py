"""How fast stage 0 learns beside what the processor could do, and beside two plain ways of writing the same step.

    python -m benchmarks.training [--size 128] [--batch 64] [--steps 4] [--json FILE]

The limit: a forward and a backward pass are three times the forward's multiply-adds, at the rate of a large matrix
product in the step's own precision, measured in the same run. Peers: Light CNN with autograd's own ``maximum``, the
same loss and optimiser, in float32 and under autocast. Views are random numbers; drawing them is not timed, since it
runs beside the step.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from ssn.data.face_store import StoredFaces
from ssn.evaluation.report import write_json
from ssn.machine import autocast, choose_device, has_fast_bfloat16, keep_freed_memory
from ssn.models.light_cnn import LightCNN29V2, MaxFeatureMap
from ssn.training.distill.loss import distillation_loss
from ssn.training.distill.recipe import DistillConfig
from ssn.training.distill.run import Distillation
from ssn.training.team import Team

BANK = 30_000
"""Training faces, among which the loss ranks."""


class PlainMax(nn.Module):
    """MFM as one would write it first."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(*x.chunk(2, dim=1))


class PlainLightCNN(nn.Module):
    """The plain way: no normalisation but the embedding's, autograd's own ``maximum``."""

    def __init__(self):
        super().__init__()
        self.backbone, self.norm, self.head = LightCNN29V2(), nn.BatchNorm1d(256, affine=False), nn.Linear(256, 128)
        for module in list(self.backbone.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, MaxFeatureMap):
                    setattr(module, name, PlainMax())

    def forward(self, gray: Tensor) -> Tensor:
        return self.norm(self.backbone(gray).float())


def forward_flops(size: int) -> float:
    """Of one face: two for every multiply-add of the convolutions and the linear layer."""
    total = 0

    def count(layer: nn.Module, _inputs, output: Tensor) -> None:
        nonlocal total
        places = output[0, 0].numel() if output.dim() == 4 else 1
        total += 2 * layer.weight.numel() * places

    backbone = LightCNN29V2()
    for layer in backbone.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(count)
    with torch.no_grad():
        backbone(torch.zeros(1, 1, size, size))
    return float(total)


def product_rate(device: torch.device, kind: torch.dtype, side: int = 2048, runs: int = 12) -> float:
    """FLOP/s of a square matrix product: the best of ``runs``."""
    a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    taken = [seconds(lambda: a @ b, device) for _ in range(runs + 2)][2:]
    return 2 * side**3 / min(taken)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def drawn_faces() -> StoredFaces:
    """As many descriptors as a real run has; of pictures none is needed."""
    rng = np.random.default_rng(0)
    descriptors = rng.normal(size=(BANK, 128)).astype(np.float32)
    empty = np.zeros((BANK, 1, 1, 3), np.uint8)
    return StoredFaces(
        empty,
        np.zeros((BANK, 68, 2), np.float32),
        descriptors,
        np.full(BANK, -1),
        np.array(["drawn"] * BANK),
        np.zeros(BANK, bool),
    )


def plain_step(run: Distillation, bfloat16: bool) -> Callable[[Tensor, Tensor], None]:
    network = PlainLightCNN().to(run.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)

    def step(views: Tensor, target: Tensor) -> None:
        with autocast(run.device, bfloat16):
            embedding = network(views)
        terms = distillation_loss(embedding, network.head, target, run.bank, run.config)
        optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), run.config.clip)
        optimizer.step()

    return step


def by_operator(work: Callable[[], object], top: int = 12) -> dict[str, float]:
    """Share of the step's own time that each operator takes, the largest first."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        work()
    rows = sorted(seen.key_averages(), key=lambda row: -row.self_cpu_time_total)
    whole = sum(row.self_cpu_time_total for row in rows)
    return {row.key: round(row.self_cpu_time_total / whole, 4) for row in rows[:top]}


def measure(device: torch.device, size: int, batch: int, steps: int) -> dict:
    keep_freed_memory()
    config = DistillConfig(images=10**6, batch=batch, sizes=((size, 1.0),))
    run = Distillation(drawn_faces(), config, Team(device))
    views = torch.rand(batch, 1, size, size)
    target = F.normalize(torch.randn(batch, 128), dim=1)
    moved = views.to(device), target.to(device)
    under_autocast, in_float32 = plain_step(run, True), plain_step(run, False)
    ways: dict[str, Callable[[], object]] = {
        "stage 0": lambda: run.learn(views, target),
        "plain autocast": lambda: under_autocast(*moved),
        "plain float32": lambda: in_float32(*moved),
    }
    taken = {name: [] for name in ways}
    kind = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    rates = []
    for turn in range(steps + 1):  # in turn, so that a machine whose speed drifts is fair to all
        rates.append(product_rate(device, kind))
        for name, work in ways.items():
            duration = seconds(work, device)
            if turn:
                taken[name].append(duration)
                print(f"{name}: {batch / duration:.1f} images/s", file=sys.stderr, flush=True)
    speed = {name: batch / float(np.median(values)) for name, values in taken.items()}
    limit = float(np.median(rates)) / (3 * forward_flops(size))
    return {
        "size": size,
        "batch": batch,
        "threads": torch.get_num_threads(),
        "precision": str(kind).removeprefix("torch."),
        "load": os.getloadavg()[0],
        "images_per_second": speed,
        "product_flops": float(np.median(rates)),
        "limit": limit,
        "ratio": speed["stage 0"] / limit,
        "times_faster": {name: speed["stage 0"] / value for name, value in speed.items() if name != "stage 0"},
        "by_operator": by_operator(ways["stage 0"]) if device.type == "cpu" else {},
    }


def as_text(result: dict) -> str:
    speed = ", ".join(f"{name} {value:.1f}" for name, value in result["images_per_second"].items())
    faster = ", ".join(f"{value:.1f} times {name}" for name, value in result["times_faster"].items())
    lines = [
        f"{result['size']} pixels, batch {result['batch']}, {result['threads']} threads, {result['precision']}",
        f"images/s: {speed}",
        f"limit {result['limit']:.1f} images/s, at {result['product_flops'] / 1e12:.2f} TFLOP/s of a matrix product",
        f"ratio {result['ratio']:.2f}; {faster}",
        *(f"  {share:6.1%}  {name}" for name, share in result["by_operator"].items()),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=4, help="counted steps of each way, after one that is not")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    result = measure(choose_device(arguments.device), arguments.size, arguments.batch, arguments.steps)
    print(as_text(result))
    if arguments.json:
        write_json(result, arguments.json)


if __name__ == "__main__":
    main()
