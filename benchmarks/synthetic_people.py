"""Is there identity in the drawn people, and do they lie among strangers? Measured with dlib's descriptors, a network
that never saw them: ``python -m benchmarks.synthetic_people SET [--lfw LFW_ROOT --cache CACHE]``.

SET is a folder written by ``python -m ssn synth``. LFW adds the same distances between real strangers of its
peopleDevTest, the peer; CACHE is where their aligned faces are kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ssn.data.face_store import FaceStore
from ssn.data.lfw import LFW, lfw_protocol
from ssn.data.teachers import DLIB
from ssn.evaluation.metrics import eer
from ssn.faces.descriptor import describe
from ssn.faces.read import read_image
from ssn.people.appearance_model import load_model
from ssn.people.casting import distances


def spread(values: np.ndarray) -> dict:
    """Mean, standard deviation, smallest and percentiles of distances."""
    points = {f"p{p:g}": round(float(np.percentile(values, p)), 3) for p in (0.1, 1, 5, 50, 95)}
    return {
        "mean": round(float(values.mean()), 3),
        "sd": round(float(values.std()), 3),
        "least": round(float(values.min()), 3),
        **points,
        "pairs": int(values.size),
    }


def verification(rows: np.ndarray, columns: np.ndarray, row_people: np.ndarray, column_people: np.ndarray) -> dict:
    """Descriptors (N, 128) against (M, 128) with their people → EER, genuine and impostor distances."""
    apart = distances(rows, columns)
    same = row_people[:, None] == column_people[None]
    other = ~np.eye(len(rows), dtype=bool) if rows is columns else np.ones_like(same)
    labels, scores = same[other], -apart[other]
    rate = eer(scores, labels)
    return {
        "EER": round(float(rate), 4),
        "genuine": spread(apart[same & other]),
        "impostor": spread(apart[~same & other]),
    }


def measure(folder: Path, lfw: Path | None, cache: Path) -> dict:
    """All figures of one set."""
    report = json.loads((folder / "people.json").read_text(encoding="utf-8"))
    photos = report.pop("photos")
    described = np.array([describe(read_image(folder / p["file"]), np.array(p["landmarks"])) for p in photos])
    people = np.array([p["person"] for p in photos])
    vis = np.array([p["spectrum"] == "vis" for p in photos])
    bare = np.array([p["worn"] == "none" for p in photos])
    seen = described[vis]
    first = np.array([np.flatnonzero(vis & (people == person))[0] for person in np.unique(people)])
    real = load_model().descriptors
    result = {"set": report, "VIS against VIS": verification(seen, seen, people[vis], people[vis])}
    for name, chosen in (
        ("VIS against simulated NIR", ~vis & bare),
        ("VIS against covered simulated NIR", ~vis & ~bare),
    ):
        if chosen.any():
            result[name] = verification(seen, described[chosen], people[vis], people[chosen])
    against = distances(described[first], real)
    result["drawn people against training people"] = spread(against)
    result["their nearest training person"] = spread(against.min(axis=1))
    result["nearest training person of every VIS photo"] = spread(distances(seen, real).min(axis=1))
    if lfw is not None:
        result |= strangers(lfw, cache, real)
    return result


def strangers(lfw: Path, cache: Path, real: np.ndarray) -> dict:
    """The peer: one photo of each person of peopleDevTest against each other, and against the training people."""
    test, _ = FaceStore(cache).stored(lfw_protocol(LFW(lfw), pairs_list=None).withheld, "lfw-peopleDevTest", DLIB)
    one = test.descriptors[np.unique(test.identities, return_index=True)[1]]
    apart, against = distances(one, one), distances(one, real)
    return {
        "real strangers against each other": spread(apart[np.triu_indices(len(one), 1)]),
        "real strangers against training people": spread(against),
        "a real stranger's nearest training person": spread(against.min(axis=1)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--lfw", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    options = parser.parse_args()
    print(json.dumps(measure(options.set, options.lfw, options.cache), indent=1))


if __name__ == "__main__":
    main()
