"""What bfloat16 costs: templates and LFW accuracy beside those of float32, and of one against the other.

    python -m benchmarks.precision --lfw LFW_ROOT [--pairs LIST] [--cache FOLDER] [--checkpoint FILE] [--json FILE]

Three ways to compare a pair: both photos in float32; the probe in bfloat16 and the enrolled photo in float32, as the
workbench does where the machine has units for bfloat16; both in bfloat16. The second photo of a pair is enrolled with
its mirror image, the first is the probe, in visible light and as simulated NIR. A machine without such units is told
so, and nothing is measured: there everything is float32.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.tables import markdown
from ssn.data.face_store import FaceStore
from ssn.data.lfw import LFW, lfw_protocol
from ssn.evaluation import metrics
from ssn.evaluation.face_set import FaceSet, protocol_face_set
from ssn.evaluation.matcher import NetworkMatcher
from ssn.faces.types import AlignedFace, Spectrum
from ssn.files import write_json
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer

SPECTRA: tuple[Spectrum, ...] = ("vis", "nir-simulated")
WAYS = {
    "both in float32": ("float32", "float32"),
    "probe in bfloat16": ("bfloat16", "float32"),
    "both in bfloat16": ("bfloat16", "bfloat16"),
}
"""How the probe and the enrolled photo are looked at."""
MOST_POINTS = 0.1
"""So much accuracy, in points, bfloat16 may cost."""
LEAST_COSINE = 0.9995
"""Of a template with itself in the other precision, for the two to be compared with each other's."""


def described(recognizer: Recognizer, faces: Sequence[AlignedFace], what: str, enrolled: bool = False) -> dict:
    """Precision → rows (N, 256)."""
    rows: dict[str, list[np.ndarray]] = {"float32": [], "bfloat16": []}
    matchers = {name: NetworkMatcher(recognizer, fast=name == "bfloat16") for name in rows}
    for start in tqdm(range(0, len(faces), 8), desc=what, leave=False):
        batch = [faces[place] for place in range(start, min(start + 8, len(faces)))]
        for name, matcher in matchers.items():
            rows[name].append(matcher.describe(batch, enrolled))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def agreement(rows: dict[str, np.ndarray]) -> dict[str, float]:
    """How like each template in bfloat16 is to itself in float32."""
    cosines = (rows["float32"] * rows["bfloat16"]).sum(axis=1)
    return {"templates": len(cosines), "least": float(cosines.min()), "median": float(np.median(cosines))}


def measured(recognizer: Recognizer, faces: FaceSet) -> dict:
    """The templates' agreement, and a row for each spectrum and way."""
    enrolled = described(recognizer, faces.gallery, "enrolled", enrolled=True)
    result: dict = {"cosine": {"enrolled": agreement(enrolled)}, "rows": []}
    for spectrum in SPECTRA:
        shown = [faces.shown(place, spectrum) for place in range(len(faces.probes))]
        probes = described(recognizer, shown, spectrum)
        result["cosine"][f"probes, {spectrum}"] = agreement(probes)
        exact = None
        for way, (own, others) in WAYS.items():
            first, second = faces.pairs.T
            scores = (probes[own][first] * enrolled[others][second]).sum(axis=1)
            exact = scores if exact is None else exact
            result["rows"].append({"spectrum": spectrum, "way": way} | row_of(scores, exact, faces.same))
    return result


def row_of(scores: np.ndarray, exact: np.ndarray, same: np.ndarray) -> dict[str, float]:
    """Measures of the pairs' scores, and how far they are from those in float32."""
    moved = np.abs(scores - exact)
    return {
        "accuracy": metrics.cross_validated_accuracy(scores, same),
        "auc": metrics.auc(scores, same),
        "tpr_at_fpr_0.01": metrics.tpr_at_fpr(scores, same, 0.01),
        "moved_median": float(np.median(moved)),
        "moved_most": float(moved.max()),
    }


def as_text(result: dict) -> str:
    """Markdown tables, and whether the bounds hold."""
    cosines = [
        [name, row["templates"], f"{row['least']:.6f}", f"{row['median']:.6f}"]
        for name, row in result["cosine"].items()
    ]
    rows = []
    for row in result["rows"]:
        shares = [f"{100 * row[key]:.2f}" for key in ("accuracy", "auc", "tpr_at_fpr_0.01")]
        rows.append([row["spectrum"], row["way"], *shares, f"{row['moved_median']:.5f}", f"{row['moved_most']:.5f}"])
    heads = ["probe", "precision", "accuracy %", "AUC %", "TPR % at FPR 1 %", "score moved, median", "at most"]
    lines = [f"{result['model']}, {result['pairs']} pairs of {result['list']}", ""]
    lines += markdown(["templates, bfloat16 with float32", "how many", "cosine, least", "median"], cosines)
    return "\n".join([*lines, "", *markdown(heads, rows), "", *verdicts(result)])


def verdicts(result: dict) -> list[str]:
    """A sentence for each bound."""
    least = min(row["least"] for row in result["cosine"].values())
    exact = {row["spectrum"]: row["accuracy"] for row in result["rows"] if row["way"] == "both in float32"}
    lost = max(100 * (exact[row["spectrum"]] - row["accuracy"]) for row in result["rows"])
    return [
        f"Least cosine {least:.6f}: {'at least' if least >= LEAST_COSINE else 'BELOW'} {LEAST_COSINE}.",
        f"Most accuracy lost {lost:.2f} points: {'within' if lost <= MOST_POINTS + 1e-9 else 'MORE THAN'} "
        f"{MOST_POINTS}.",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__.splitlines()[0])
    parser.add_argument("--lfw", type=Path, required=True, help="the set's folder")
    parser.add_argument("--pairs", default="pairsDevTest.txt", help="a list of it")
    parser.add_argument("--cache", type=Path, help="where aligned faces are kept for the next time")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    recognizer = Recognizer.load(options.checkpoint, "auto")
    if not recognizer.half:
        sys.exit("This machine has no units for bfloat16: everything is computed in float32.")
    protocol = lfw_protocol(LFW(options.lfw), options.pairs)
    with tempfile.TemporaryDirectory() as folder:
        faces = protocol_face_set(protocol, FaceStore(options.cache or folder))
        result = {"model": recognizer.model_id, "list": options.pairs, "pairs": len(faces.pairs)}
        result |= measured(recognizer, faces)
    print(as_text(result))
    if options.json:
        write_json(result, options.json)


if __name__ == "__main__":
    main()
