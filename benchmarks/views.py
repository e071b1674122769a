"""Do the views keep up? How many a second are drawn, learned from, and both, as stage 0 does it.

    python -m benchmarks.views [--device cuda] [--batch 256] [--size 128] [--steps 40] [--crops 20000] [--json FILE]

*drawn*: views of random crops with all kinds of occluders, half of them in simulated NIR, as ``train`` draws them one
step ahead. *learned*: steps on views that are there already. *both*: steps as a run makes them. On a GPU the store lies
on it; ``--tune`` lets cuDNN try its convolutions first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ssn.data.acquire import CROP_SIZE
from ssn.data.face_store import StoredFaces
from ssn.evaluation.report import write_json
from ssn.machine import choose_device, keep_freed_memory
from ssn.training.augment import ViewRanges
from ssn.training.distill.recipe import DistillConfig
from ssn.training.distill.run import Distillation
from ssn.training.team import Team

WARM = 3
"""Steps that are not counted."""


def drawn_store(count: int) -> StoredFaces:
    """Crops of noise and random descriptors: nobody's."""
    rng = np.random.default_rng(0)
    return StoredFaces(
        rng.integers(0, 256, (count, CROP_SIZE, CROP_SIZE, 3), dtype=np.uint8),
        np.zeros((count, 68, 2), np.float32),
        rng.normal(size=(count, 192)).astype(np.float32),
        np.arange(count) // 4,
        np.full(count, "drawn"),
        np.zeros(count, bool),
    )


def rate(work: Callable[[int], object], steps: int, batch: int, device: torch.device) -> float:
    """Views a second of ``work(step)``, after a few steps that are not counted."""
    for step in range(WARM):
        work(step)
    _finished(device)
    start = time.perf_counter()
    for step in range(WARM, WARM + steps):
        work(step)
    _finished(device)
    return steps * batch / (time.perf_counter() - start)


def _finished(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(device: torch.device, size: int, batch: int, steps: int, crops: int) -> dict:
    """Views a second each way."""
    keep_freed_memory()
    config = DistillConfig(images=10**7, batch=batch, partners=batch // 4, sizes=((size, 1.0),))
    run = Distillation(drawn_store(crops), replace(config, views=ViewRanges(occluders="many")), Team(device))
    found = {"drawn": rate(run.ahead.take, steps, batch, device)}
    there = run.batches(0)
    found["learned"] = rate(lambda step: run.learn(*there), steps, batch, device)

    def both(step: int) -> None:
        run.step_number = step
        run.step()

    found["both"] = rate(both, steps, batch, device)
    run.close()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    return {"device": name, "size": size, "batch": batch, "bfloat16": run.bfloat16, "peak_gib": peak, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--crops", type=int, default=2000)
    parser.add_argument("--tune", action="store_true", help="cudnn.benchmark")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    torch.backends.cudnn.benchmark = asked.tune
    result = measure(choose_device(asked.device), asked.size, asked.batch, asked.steps, asked.crops)
    rates = ", ".join(f"{name} {result[name]:,.0f}" for name in ("drawn", "learned", "both"))
    print(
        f"{result['device']}, {asked.size} pixels, batch {asked.batch}, bfloat16 {result['bfloat16']}: views/s {rates}"
    )
    if asked.json:
        write_json(result, asked.json)


if __name__ == "__main__":
    main()
