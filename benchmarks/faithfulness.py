"""Which maps can be believed? Deletion and insertion on genuine LFW pairs, simulated NIR probe against VIS photo.

    python -m benchmarks.faithfulness --root LFW_ROOT --pairs 100 --json FILE [--work DIR] [--quick]

Every method is measured beside two controls that never see the face (see ``ssn.explanation.belief``). Winners are
named only where the paired difference's 95 % bootstrap interval excludes zero. With ``--work`` a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch

from ssn.data.lfw import LFW, Pair
from ssn.errors import NoFaceError, SSNError
from ssn.evaluation.report import write_json
from ssn.explanation.belief import control_maps, curves_of
from ssn.explanation.explainer import Explainer
from ssn.explanation.methods.baselines import baseline_picture, gray
from ssn.explanation.methods.registry import METHODS
from ssn.explanation.pair import Target, probe_score
from ssn.explanation.question import Question
from ssn.faces.align import align
from ssn.faces.finder import shared_finder
from ssn.faces.read import read_image
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer

LIST = "pairsDevTest.txt"
CONTROLS = ("control: random", "control: centred")
QUICK = {"occlusion": {"window": 16, "stride": 16}, "region_shap": {"samples": 64}}
"""Coarser settings for a short run; the JSON says what was used."""

_worker: dict = {}


def start_worker(checkpoint: str, threads: int) -> None:
    """One recognizer and explainer for each process."""
    torch.set_num_threads(threads)
    recognizer = Recognizer.load(checkpoint, "cpu")
    _worker.update(recognizer=recognizer, explainer=Explainer(recognizer, cache=0))


def central(photo: Path) -> AlignedFace:
    """The face in the middle: LFW's person. Raises the library's errors where there is none."""
    image = read_image(photo)
    landmarks = shared_finder().central_landmarks(image)
    if landmarks is None:
        raise NoFaceError(f"{photo.name} shows no face.")
    return align(image, landmarks)


def measure(number: int, pair: Pair, steps: int, changes: dict, fill: str) -> dict:
    """One pair → score and, for every method and control, the areas under its curves and the seconds it took."""
    recognizer, explainer = _worker["recognizer"], _worker["explainer"]
    try:
        probe = simulated_nir_face(central(pair.first))
        target = Target.photo(pair.second.name, central(pair.second), recognizer)
    except SSNError as error:
        return {"pair": number, "refused": str(error)}
    found = {
        name: explainer.explain(Question(probe, target, name, parameters=changes.get(name, {}))) for name in METHODS
    }
    maps = [found[name].map for name in METHODS] + control_maps((128, 128))
    score = probe_score(explainer.fast_network, probe, target)
    *_, (_, curves) = curves_of(maps, score, gray(probe), baseline_picture(fill, probe), steps)
    areas = [(c.deletion_auc, c.insertion_auc) for c in curves]
    own, centred, drawn = areas[: len(found)], areas[len(found)], areas[len(found) + 1 :]
    rows = {name: [*area, found[name].seconds] for name, area in zip(METHODS, own, strict=True)}
    rows["control: random"] = [*np.mean(drawn, axis=0).tolist(), 0.0]
    rows["control: centred"] = [*centred, 0.0]
    deltas = {n: found[n].relative_delta for n in METHODS if METHODS[n].sums_up}
    return {"pair": number, "score": found["ig"].score, "rows": rows, "relative_delta": deltas}


def interval(values: np.ndarray, draws: int = 4000) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    chosen = np.random.default_rng(0).integers(0, len(values), (draws, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def summarise(done: list[dict]) -> dict[str, dict]:
    """Measured pairs → for each method its mean areas, and the gain over each control: positive is better."""
    table = {name: np.array([row["rows"][name] for row in done]) for name in done[0]["rows"]}
    result = {}
    for name, values in table.items():
        row = {
            "deletion_auc": float(values[:, 0].mean()),
            "insertion_auc": float(values[:, 1].mean()),
            "seconds": float(np.median(values[:, 2])),
        }
        if name not in CONTROLS:
            for control in CONTROLS:
                for column, curve, sign in ((0, "deletion", -1), (1, "insertion", 1)):
                    gain = sign * (values[:, column] - table[control][:, column])
                    low, high = interval(gain)
                    label = f"{curve} over {control.removeprefix('control: ')}"
                    row[label] = {"gain": float(gain.mean()), "low": low, "high": high, "won": float((gain > 0).mean())}
            row["verdict"] = verdict(row)
        result[name] = row
    return result


def verdict(row: dict) -> str:
    """Curves on which the method beats both controls for certain."""
    sure = [c for c in ("deletion", "insertion") if all(row[f"{c} over {k}"]["low"] > 0 for k in ("random", "centred"))]
    return {2: "better on both curves", 0: "no better than controls"}.get(
        len(sure), f"better on {sure and sure[0]} only"
    )


def winners(done: list[dict]) -> dict[str, list[str]]:
    """For each curve the best mean, and every method whose paired difference to it could be zero."""
    best = {}
    for column, curve, sign in ((0, "deletion", -1), (1, "insertion", 1)):
        values = {n: sign * np.array([row["rows"][n][column] for row in done]) for n in done[0]["rows"]}
        ordered = sorted(values, key=lambda n: -values[n].mean())
        first = ordered[0]
        best[curve] = [first, *(n for n in ordered[1:] if interval(values[first] - values[n])[0] <= 0)]
    return best


def as_text(rows: dict[str, dict], best: dict[str, list[str]], pairs: int) -> str:
    """The table, in Markdown."""
    lines = [
        f"{pairs} genuine pairs; areas in units of the cosine; deletion: less is better, insertion: more is better",
        "",
        "| method | deletion AUC | insertion AUC | gain over the harder control (del / ins) | verdict | median s |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        if name in CONTROLS:
            lines.append(f"| {name} | {row['deletion_auc']:.3f} | {row['insertion_auc']:.3f} | | | |")
            continue
        harder = [
            min((row[f"{c} over {k}"] for k in ("random", "centred")), key=lambda g: g["gain"])
            for c in ("deletion", "insertion")
        ]
        gains = " / ".join(f"{g['gain']:+.3f} [{g['low']:+.3f}, {g['high']:+.3f}]" for g in harder)
        lines.append(
            f"| {name} | {row['deletion_auc']:.3f} | {row['insertion_auc']:.3f} | {gains} | {row['verdict']} "
            f"| {row['seconds']:.2f} |"
        )
    for curve, names in best.items():
        tied = f"; not told apart from it: {', '.join(names[1:])}" if names[1:] else ", alone"
        lines.append(f"\nBest {curve}: {names[0]}{tied}.")
    return "\n".join(lines)


def read_done(file: Path | None) -> list[dict]:
    """The pairs measured before; a last line that was cut off is left out."""
    if file is None or not file.is_file():
        return []
    lines = file.read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def measured(arguments: argparse.Namespace, changes: dict, file: Path | None) -> list[dict]:
    """The pairs asked for, those of ``file`` as they stand there; it gets a line for every further one."""
    genuine = [p for p in LFW(arguments.root).pairs(LIST) if p.same]
    done = read_done(file)
    if file and done:
        file.write_text("".join(json.dumps(row) + "\n" for row in done))  # without a line cut off by a kill
    known = {row["pair"] for row in done}
    waiting = (pair for pair in enumerate(genuine[: arguments.pairs]) if pair[0] not in known)
    deadline = arguments.minutes and time.perf_counter() + 60 * arguments.minutes
    threads = max(1, (os.cpu_count() or 1) // arguments.workers)
    with ProcessPoolExecutor(
        arguments.workers, multiprocessing.get_context("spawn"), start_worker, (str(arguments.checkpoint), threads)
    ) as pool:

        def begun(count: int) -> set[Future]:
            return {
                pool.submit(measure, number, pair, arguments.steps, changes, arguments.fill)
                for number, pair in itertools.islice(waiting, count)
            }

        jobs = begun(2 * arguments.workers)
        while jobs:
            job = next(as_completed(jobs))
            jobs.discard(job)
            done.append(job.result())
            if file:
                with file.open("a") as out:
                    out.write(json.dumps(done[-1]) + "\n")
            if not deadline or time.perf_counter() < deadline:
                jobs |= begun(1)
    return done


def run(arguments: argparse.Namespace) -> dict:
    """Measure what is not measured yet, and sum up."""
    changes = QUICK if arguments.quick else {}
    model = Recognizer.load(arguments.checkpoint, "cpu").model_id
    name = f"faithfulness-{model}-{arguments.steps}-{arguments.fill}-{'quick' if arguments.quick else 'full'}"
    file = arguments.work and arguments.work / f"{name}.jsonl"
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    done = measured(arguments, changes, file)
    good = sorted((row for row in done if "rows" in row), key=lambda row: row["pair"])
    rows, best = summarise(good), winners(good)
    deltas = {n: [row["relative_delta"][n] for row in good] for n in good[0]["relative_delta"]}
    return {
        "model": model,
        "list": LIST,
        "probe": "simulated NIR",
        "pairs": len(good),
        "refused": len(done) - len(good),
        "mean_score": float(np.mean([row["score"] for row in good])),
        "steps": arguments.steps,
        "fill": arguments.fill,
        "parameters": {n: {**METHODS[n].parameters, **changes.get(n, {})} for n in METHODS},
        "relative_delta_median": {n: float(np.median(v)) for n, v in deltas.items()},
        "relative_delta_p95": {n: float(np.percentile(v, 95)) for n, v in deltas.items()},
        "seconds": time.perf_counter() - start,
        "methods": rows,
        "best": best,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="LFW: its images and lists")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--steps", type=int, default=16, help="steps of a curve")
    parser.add_argument("--fill", default="mean", help="what deletion replaces pixels by: mean, blur or black")
    parser.add_argument("--quick", action="store_true", help="coarser occlusion and SHAP")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, help="begin no further pair after so long")
    parser.add_argument("--work", type=Path, help="folder that remembers measured pairs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    result = run(arguments)
    print(as_text(result["methods"], result["best"], result["pairs"]))
    if arguments.json:
        write_json(result, arguments.json)


if __name__ == "__main__":
    main()
