"""The gallery's search and changes at several sizes, beside faiss's exact index on the same templates in the same run.

``python -m benchmarks.gallery --sizes 10000,100000 --json F``: random unit vectors, each a person, in a gallery file.
faiss is faiss-cpu's ``IndexFlatIP`` with as many threads as torch uses. ``startup_s`` is from opening the gallery to
the answer to a first search; ``first_startup_s`` the same before there was a vector file, which is then written.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import torch

from ssn.files import write_json
from ssn.gallery.fingerprint import fingerprints
from ssn.gallery.sqlite import Gallery
from ssn.gallery.vector_file import VectorFile
from ssn.models.light_cnn import EMBEDDING_SIZE
from ssn.recognizer import Template

MODEL = "random"
SEARCHES = 100
CHANGES = 30
RANKS = 5
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def units(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 256) float32 of unit length."""
    vectors = rng.normal(size=(count, EMBEDDING_SIZE)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(path: Path, vectors: np.ndarray) -> None:
    """A gallery file of one template a person, written in one transaction."""
    Gallery(path, MODEL).close()
    with sqlite3.connect(path) as db:
        names = ((i, f"P{i}", f"p{i}") for i in range(1, len(vectors) + 1))
        db.executemany("INSERT INTO people(id, name, folded) VALUES (?, ?, ?)", names)
        sql = "INSERT INTO templates(id, person, model, spectrum, vector, fingerprint) VALUES (?, ?, ?, 'vis', ?, ?)"
        rows = zip(vectors, fingerprints(vectors).tolist(), strict=True)
        db.executemany(sql, ((i, i, MODEL, row.tobytes(), known) for i, (row, known) in enumerate(rows, start=1)))
    db.close()


def resident_mb() -> float:
    """Memory of this process, in MB; NaN where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6
    except OSError:
        return float("nan")


def times_ms(act: Callable[[int], object], count: int) -> np.ndarray:
    """(count,) milliseconds of ``act(0)``, ``act(1)``, …"""
    found = np.empty(count)
    for i in range(count):
        start = time.perf_counter()
        act(i)
        found[i] = (time.perf_counter() - start) * 1000
    return found


def measure(size: int, folder: Path) -> dict:
    """One row of the result."""
    rng = np.random.default_rng(size)
    vectors, probes, path = units(size, rng), units(SEARCHES, rng), folder / f"{size}.db"
    templates = [Template(probe, MODEL) for probe in probes]
    fill(path, vectors)
    flat = faiss.IndexFlatIP(EMBEDDING_SIZE)
    flat.add(vectors)
    del vectors
    before = resident_mb()
    start = time.perf_counter()
    with Gallery(path, MODEL) as gallery:
        gallery.search(templates[0], RANKS)
        startup, memory = time.perf_counter() - start, resident_mb() - before
        mine = times_ms(lambda i: gallery.search(templates[i], RANKS), SEARCHES)
        theirs = times_ms(lambda i: flat.search(probes[i : i + 1], RANKS), SEARCHES)
        many = times_ms(lambda i: gallery.search_many(templates[:32], RANKS), 5)
        flat_many = times_ms(lambda i: flat.search(probes[:32], RANKS), 5)
        agree = [
            [match.template_id - 1 for match in gallery.search(templates[i], RANKS)]
            == flat.search(probes[i : i + 1], RANKS)[1][0].tolist()
            for i in range(10)
        ]
        after, enrolling, deleting = [], 0.0, 0.0
        for i in range(CHANGES):
            start = time.perf_counter()
            number = gallery.enrol(f"New {i}", templates[i])
            enrolling += time.perf_counter() - start
            after.append(times_ms(lambda i: gallery.search(templates[i], RANKS), 1)[0])
            start = time.perf_counter()
            gallery.delete_template(number)
            deleting += time.perf_counter() - start
    start = time.perf_counter()
    with Gallery(path, MODEL) as gallery:  # as it was left: with its vector file, where it is large enough for one
        gallery.search(templates[0], RANKS)
        again = time.perf_counter() - start
        saved = VectorFile(str(path), MODEL).path.is_file()
    return {
        "templates": size,
        "search_p50_ms": float(np.percentile(mine, 50)),
        "search_p95_ms": float(np.percentile(mine, 95)),
        "faiss_p50_ms": float(np.percentile(theirs, 50)),
        "milvus_p50_ms": None,
        "search32_p50_ms": float(np.percentile(many, 50)),
        "faiss32_p50_ms": float(np.percentile(flat_many, 50)),
        "after_enrol_ms": float(np.median(after)),
        "enrol_per_s": CHANGES / enrolling,
        "delete_per_s": CHANGES / deleting,
        "startup_s": again,
        "first_startup_s": startup,
        "vector_file": saved,
        "memory_mb": memory,
        "agrees_with_faiss": float(np.mean(agree)),
    }


def main() -> None:
    """Measure every size and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="templates, separated by commas")
    parser.add_argument("--json", help="write the result to this file")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(torch.get_num_threads())
    rows = []
    for size in map(int, arguments.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            row = measure(size, Path(folder))
        rows.append(row)
        print("  ".join(f"{key} {value:.4g}" for key, value in row.items() if value is not None), flush=True)
    if arguments.json:
        write_json({"threads": torch.get_num_threads(), "rows": rows}, arguments.json)


if __name__ == "__main__":
    main()
