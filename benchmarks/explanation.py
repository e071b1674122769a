"""How long an explanation takes, p50 and p95, beside Captum called as its manual shows it, in the same run.

    python -m benchmarks.explanation [--checkpoint FILE] [--seconds 8] [--clock wall] [--threads N] [--json FILE]

Faces are drawn people, so no data set is needed. Nothing is kept between runs of a method. *Belief* is what the page
measures of the default method's map once it is shown. With ``--clock processor --threads 1`` the seconds are those that
one core computes, whatever else the machine does; two need little more than half of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from captum.attr import IntegratedGradients, KernelShap

from benchmarks.tables import markdown
from benchmarks.turns import CLOCKS
from ssn.evaluation.report import write_json
from ssn.explanation.explainer import Explainer
from ssn.explanation.methods.baselines import baseline_picture, gray
from ssn.explanation.methods.registry import METHODS
from ssn.explanation.pair import Target, probe_score
from ssn.explanation.question import Question
from ssn.faces.align import align
from ssn.faces.parts import region_labels
from ssn.faces.types import AlignedFace
from ssn.models.checkpoint import DEFAULT_CHECKPOINT, load_model
from ssn.people.portrait import draw_person, photo
from ssn.recognizer import Recognizer

SHOWN_FIRST, BELIEF = "deeplift", "belief"
"""The method that the page begins with, and what it measures of its map."""
LIMITS = {
    **dict.fromkeys(METHODS, 4.0),
    SHOWN_FIRST: 1.0,
    BELIEF: 1.0,
    "block maps": 0.060,
    "gradcam": 0.150,
    "ig": 1.2,
    "region_shap": 3.0,
}
"""Targets on two cores, seconds at p50."""


def drawn_faces(people: int) -> list[tuple[AlignedFace, AlignedFace]]:
    """(simulated NIR probe, VIS photo) of people who do not exist."""
    pairs = []
    for number in range(people):
        person = draw_person(number)
        shots = photo(person, 0, "nir"), photo(person, 1)
        spectra = ("nir-simulated", "vis")
        pairs.append(tuple(align(s.pixels, s.landmarks, kind) for s, kind in zip(shots, spectra, strict=True)))
    return pairs


def timed(work: Callable[[int], object], seconds: float, least: int, clock: str = "wall") -> dict:
    """Run ``work(i)`` for about so long, after one run that does not count → p50, p95 and how often. ``clock`` is one
    of ``CLOCKS``."""
    work(0)
    taken: list[float] = []
    now, start = CLOCKS[clock], time.perf_counter()
    while len(taken) < least or (time.perf_counter() - start < seconds and len(taken) < 200):
        before = now()
        work(len(taken))
        taken.append(now() - before)
    p50, p95 = np.percentile(taken, [50, 95])
    print(f"{1e3 * p50:.0f} ms, {len(taken)} runs", file=sys.stderr, flush=True)
    return {"p50": float(p50), "p95": float(p95), "runs": len(taken)}


def captums_way(checkpoint: Path, pairs: list, targets: list[Target]) -> dict[str, Callable[[int], object]]:
    """The same two questions put to Captum directly: float32, plain layout, KernelSHAP with its default of one
    perturbation at a time (here for 64 of the 256 samples; multiply by four)."""
    network, _ = load_model(checkpoint)

    def ready(i: int):
        probe = pairs[i % len(pairs)][0]
        score = probe_score(network, probe, targets[i % len(pairs)])
        x, base = (torch.tensor(p)[None, None] for p in (gray(probe), baseline_picture("mean", probe)))
        return score, x, base, torch.from_numpy(region_labels(probe.landmarks).astype(np.int64))[None, None]

    def gradients(i: int):
        score, x, base, _ = ready(i)
        return IntegratedGradients(score).attribute(x, base, n_steps=32)

    def shap(i: int):
        score, x, base, labels = ready(i)
        with torch.no_grad():
            return KernelShap(score).attribute(x, base, feature_mask=labels, n_samples=64)

    return {"ig": gradients, "region_shap": shap}


def run(arguments: argparse.Namespace) -> dict:
    """The block maps, every method, the belief, and Captum's own calls, in seconds."""
    torch.set_num_threads(arguments.threads or os.cpu_count() or 1)
    recognizer = Recognizer.load(arguments.checkpoint, "cpu", "auto")
    explainer = Explainer(recognizer, cache=0)
    pairs = drawn_faces(4)
    targets = [Target.photo(f"drawn {i}", seen, recognizer) for i, (_, seen) in enumerate(pairs)]
    clocked = partial(timed, seconds=arguments.seconds, least=arguments.least, clock=arguments.clock)
    rows = {"block maps": clocked(lambda i: recognizer.look(pairs[i % 4][0]))}
    deltas: dict[str, list[float]] = {}
    for name in arguments.methods.split(","):

        def work(i: int, name: str = name):
            found = explainer.explain(Question(pairs[i % 4][0], targets[i % 4], name))
            if found.relative_delta is not None:
                deltas.setdefault(name, []).append(found.relative_delta)

        rows[name] = clocked(work)
    questions = [Question(pairs[i][0], targets[i], SHOWN_FIRST) for i in range(4)]
    maps = [explainer.explain(question) for question in questions]
    rows[BELIEF] = clocked(lambda i: explainer.believe(questions[i % 4], maps[i % 4], quick=True))
    for name, limit in ((name, limit) for name, limit in LIMITS.items() if name in rows):
        rows[name] |= {"limit": limit, "met": rows[name]["p50"] <= limit}
    if not arguments.no_peers:
        for name, work in captums_way(arguments.checkpoint, pairs, targets).items():
            if name not in rows:
                continue
            peer = timed(work, 0, 2, arguments.clock)["p50"] * (4 if name == "region_shap" else 1)
            rows[name] |= {"captum": peer, "times_faster": peer / rows[name]["p50"]}
    load = os.getloadavg()[0]
    worst = {name: float(np.max(values)) for name, values in deltas.items()}
    return {
        "model": recognizer.model_id,
        "threads": torch.get_num_threads(),
        "clock": arguments.clock,
        "bfloat16": explainer.fast,
        "load": load,
        "latency": rows,
        "relative_delta_max": worst,
    }


def as_text(result: dict) -> str:
    cells = []
    for name, row in result["latency"].items():
        limit = f"{1e3 * row['limit']:.0f} {'met' if row['met'] else 'MISSED'}" if "limit" in row else ""
        peer = [f"{1e3 * row['captum']:.0f}", f"{row['times_faster']:.1f}"] if "captum" in row else ["", ""]
        cells.append([name, f"{1e3 * row['p50']:.0f}", f"{1e3 * row['p95']:.0f}", row["runs"], limit, *peer])
    heads = ["what", "p50 ms", "p95 ms", "runs", "limit ms", "Captum ms", "times faster"]
    said = f"{result['model']}, {result['threads']} threads, {result['clock']} time, load {result['load']:.1f}"
    return "\n".join([said, "", *markdown(heads, cells)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--seconds", type=float, default=8.0, help="about how long to repeat each method")
    parser.add_argument("--least", type=int, default=5, help="repeat each at least so often")
    parser.add_argument("--methods", default=",".join(METHODS), help="which, with commas")
    parser.add_argument("--clock", default="wall", choices=list(CLOCKS), help="seconds that pass, or are computed")
    parser.add_argument("--threads", type=int, help="all cores where it is not given")
    parser.add_argument("--no-peers", action="store_true", help="leave Captum's own calls out")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    result = run(arguments)
    print(as_text(result))
    if arguments.json:
        write_json(result, arguments.json)


if __name__ == "__main__":
    main()
