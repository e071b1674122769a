"""Runs that no network made: scores drawn at random around what genuine and impostor comparisons have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssn.evaluation.scores import Comparisons, RunHeader, ScoreFile, ScoreRow

KEYS = [("nir", "none"), ("nir", "maskTop"), ("nir", "maskBottom")]


def toy_run(path: Path, people: int = 40, photos: int = 3, seed: int = 0, gain: float = 0.0, strangers: int = 0):
    """A score file: genuine scores lie the higher, the less is hidden; ``gain`` adds to all of them. The last
    ``strangers`` people are not enrolled."""
    rng = np.random.default_rng(seed)
    names = np.array([f"person {i:03d}" for i in range(people)])
    owner = np.repeat(np.arange(people), photos)
    who = Comparisons(
        np.array([f"{names[p]}/{i}.jpg" for i, p in enumerate(owner)]),
        np.array([f"{name}/enrolled.jpg" for name in names]),
        names[owner],
        names,
        np.arange(people - strangers),
        np.array(["person 000/blurred.jpg"]),
    )
    header = RunHeader(f"toy-{gain:g}", "CASIA NIR-VIS 2.0, fold 1", "0123456789abcdef", "python -m ssn evaluate")
    file = ScoreFile.resume(path, header, who)
    hard = rng.normal(0, 0.08, people)  # of a person, the same in every row
    for place, key in enumerate(KEYS):
        scores = rng.normal(0, 0.12, (len(owner), people - strangers))
        mated = owner[:, None] == np.arange(people - strangers)[None, :]
        scores = scores + mated * (0.7 - 0.14 * place + gain + hard[owner][:, None])
        file.add(ScoreRow(*key, scores.astype(np.float32), np.arange(len(owner))))
    return file
