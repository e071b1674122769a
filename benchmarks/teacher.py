"""Ours beside the network it learned from, on the same aligned and occluded faces of people neither was tuned on.

    python -m benchmarks.teacher --root LFW [--pairs pairsDevTest.txt] [--checkpoint FILE] [--json FILE]

The teacher, dlib's descriptor network, sees the 128-pixel crops that ours sees, with the same black rectangles and the
same simulated NIR; its score is minus the Euclidean distance, as it is meant to be used. The interval is that of the
difference in accuracy, by bootstrap over the pairs, at the thresholds best for each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.tables import markdown
from ssn.data.lfw import LFW, lfw_protocol
from ssn.data.protocol import Protocol
from ssn.evaluation import metrics
from ssn.evaluation.face_set import protocol_face_set
from ssn.evaluation.probes import as_probe
from ssn.evaluation.report import SPECTRUM_NAMES, write_json
from ssn.faces.descriptor import describe
from ssn.faces.occlude import OCCLUSIONS
from ssn.faces.types import AlignedFace
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer


def described(faces: list[AlignedFace]) -> np.ndarray:
    """The teacher's descriptors (N, 128)."""
    return np.array([describe(face.pixels, face.landmarks) for face in faces])


def right(scores: np.ndarray, same: np.ndarray) -> np.ndarray:
    """(N,) bool: which pairs the best single threshold decides rightly."""
    cuts = np.concatenate([[-np.inf], np.sort(scores)])
    best = max(cuts, key=lambda cut: np.mean((scores > cut) == same))
    return (scores > best) == same


def interval(ours: np.ndarray, teachers: np.ndarray, draws: int = 2000) -> list[float]:
    """95 % interval of the difference in accuracy over the same pairs."""
    difference = ours.astype(float) - teachers.astype(float)
    rng = np.random.default_rng(0)
    means = [difference[rng.integers(len(difference), size=len(difference))].mean() for _ in range(draws)]
    return [float(edge) for edge in np.percentile(means, [2.5, 97.5])]


def compare(protocol: Protocol, recognizer: Recognizer) -> list[dict]:
    """One row per probe spectrum and occlusion."""
    faces = protocol_face_set(protocol, None, lambda items, what, total: tqdm(items, what, total, leave=False))
    same = faces.same
    enrolled = [faces.gallery[place] for place in faces.pairs[:, 1]]
    our_enrolled, teachers_enrolled = recognizer.embed_batch(enrolled), described(enrolled)
    rows = []
    for spectrum in ("vis", "nir-simulated"):
        for occlusion in OCCLUSIONS:
            probes = [as_probe(faces.shown(int(place), spectrum), occlusion) for place in faces.pairs[:, 0]]
            scores = {
                "ours": (recognizer.embed_batch(probes) * our_enrolled).sum(axis=1),
                "teacher": -np.linalg.norm(described(probes) - teachers_enrolled, axis=1),
            }
            row = {"probe_spectrum": spectrum, "occlusion": occlusion, "pairs": len(same)}
            for name, values in scores.items():
                row[name] = {
                    "accuracy": metrics.cross_validated_accuracy(values, same),
                    "eer": metrics.eer(values, same),
                    "auc": metrics.auc(values, same),
                }
            row["difference_interval"] = interval(*(right(values, same) for values in scores.values()))
            rows.append(row)
    return rows


def as_text(rows: list[dict]) -> str:
    heads = ["probe", "occlusion", "accuracy: ours", "teacher", "EER: ours", "teacher", "difference, 95 %"]
    cells = []
    for row in rows:
        shares = [row[who][what] for what in ("accuracy", "eer") for who in ("ours", "teacher")]
        low, high = row["difference_interval"]
        probe, between = SPECTRUM_NAMES[row["probe_spectrum"]], f"{100 * low:+.1f} … {100 * high:+.1f}"
        cells.append([probe, row["occlusion"], *(f"{100 * share:.1f}" for share in shares), between])
    return "\n".join(markdown(heads, cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="LFW")
    parser.add_argument("--pairs", default="pairsDevTest.txt")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    recognizer = Recognizer.load(arguments.checkpoint)
    rows = compare(lfw_protocol(LFW(arguments.root), arguments.pairs), recognizer)
    print(as_text(rows))
    if arguments.json:
        write_json({"model": recognizer.model_id, "rows": rows}, arguments.json)


if __name__ == "__main__":
    main()
