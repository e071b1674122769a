"""How often strangers of one group are taken for each other, at the thresholds the checkpoint carries.

    python -m benchmarks.groups --faces CROPS --lfw LFW_ROOT --cache CACHE [--checkpoint FILE] [--json FILE]

All-Age-Faces and UTKFace say age, sex or origin in their file names. Each person has one photo, so false matches can be
counted and misses cannot. Two choices of pictures, neither of them perfect: ``all``, some of which the base learned
from, and ``left out``, which it never saw, but which were left out because the teacher takes them for LFW test people,
and so are more alike than chance would have them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.tables import markdown
from ssn.data.face_store import FaceStore, face_of_crop
from ssn.data.groups import groups_of
from ssn.data.lfw import LFW, lfw_protocol
from ssn.data.ready_crops import import_set
from ssn.data.rows import DiskRows
from ssn.data.teachers import DLIB, near_any
from ssn.errors import DataError
from ssn.evaluation.report import write_json
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer

LEAST = 40
"""Photos of a group below which nothing is said of it."""

MOST = 400
"""Photos of a group that are compared, drawn at random where there are more."""


def pictures(
    faces: Path, store: FaceStore, source: str, test: np.ndarray
) -> tuple[DiskRows, np.ndarray, list[list[str]], np.ndarray]:
    """Crops (N, 144, 144, 3), landmarks (N, 68, 2), groups and whether training left them out (N,) bool, by the
    descriptors (M, 128) of LFW's test photos."""
    crops = import_set(faces / f"{source}.tar", store, DLIB)
    try:
        with np.load(faces / f"{source}.npz") as facts:
            originals = facts["original"]
    except (OSError, KeyError) as error:
        raise DataError(f"{source}.npz does not say where its pictures come from.", "Copy the set again.") from error
    groups = [groups_of(source, str(name)) for name in originals]
    return crops.pixels, crops.landmarks, groups, near_any(crops.descriptors, test)


def false_matches(probes: np.ndarray, gallery: np.ndarray, thresholds: dict[str, float]) -> dict[str, float]:
    """(N, 256) and (N, 256) of the same N strangers → share of all pairs of two of them at or above each threshold."""
    scores = (probes @ gallery.T)[~np.eye(len(probes), dtype=bool)]
    return {rate: float(np.mean(scores >= threshold)) for rate, threshold in thresholds.items()}


def measure(faces: Path, lfw: Path, cache: Path, recognizer: Recognizer) -> list[dict]:
    """A row for each set, group and choice of pictures that is large enough."""
    rows, store = [], FaceStore(cache)
    test, _ = store.stored(lfw_protocol(LFW(lfw), pairs_list=None).withheld, "lfw-peopleDevTest", DLIB)
    for source in ("aaf", "utkface"):
        pixels, landmarks, groups, left_out = pictures(faces, store, source, test.descriptors)
        for name in sorted({name for own in groups for name in own}):
            inside = np.array([name in own for own in groups])
            for choice, members in (("all", inside), ("left out", inside & left_out)):
                chosen = drawn(np.flatnonzero(members))
                if len(chosen) >= LEAST:
                    seen = [face_of_crop(pixels[i], landmarks[i]) for i in chosen]
                    rates = rates_of(seen, recognizer)
                    rows.append({"set": source, "group": name, "of": choice, "photos": len(chosen), "fmr": rates})
    return rows


def drawn(members: np.ndarray) -> np.ndarray:
    """At most ``MOST`` of them, at random."""
    return np.random.default_rng(0).permutation(members)[:MOST]


def rates_of(faces: list[AlignedFace], recognizer: Recognizer) -> dict[str, dict[str, float]]:
    """VIS faces of strangers → their false match rates by probe spectrum and threshold."""
    gallery = recognizer.embed_batch(faces, fast=True, enrolled=True)
    seen = recognizer.embed_batch(faces, fast=True)
    probes = recognizer.embed_batch([simulated_nir_face(face) for face in faces], fast=True)
    thresholds = recognizer.card.thresholds
    return {
        "vis": false_matches(seen, gallery, thresholds),
        "nir-simulated": false_matches(probes, gallery, thresholds),
    }


def as_text(rows: list[dict]) -> str:
    heads = ["set", "group", "pictures", "photos", "VIS: at 1 %", "at 0.1 %", "simulated NIR: at 1 %", "at 0.1 %"]
    cells = []
    for row in rows:
        shares = [row["fmr"][kind][rate] for kind in ("vis", "nir-simulated") for rate in ("0.01", "0.001")]
        facts = [row[name] for name in ("set", "group", "of", "photos")]
        cells.append([*facts, *(f"{100 * share:.2f}" for share in shares)])
    return "\n".join(markdown(heads, cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    recognizer = Recognizer.load(arguments.checkpoint)
    rows = measure(arguments.faces, arguments.lfw, arguments.cache, recognizer)
    print(as_text(rows))
    if arguments.json:
        write_json({"model": recognizer.model_id, "rows": rows}, arguments.json)


if __name__ == "__main__":
    main()
