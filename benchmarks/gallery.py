"""The gallery's search and changes at several sizes, beside faiss's exact index on the same templates in the same run.

``python -m benchmarks.gallery --sizes 10000,100000 --json F``: random unit vectors, each a person, in a gallery file.
faiss is faiss-cpu's ``IndexFlatIP`` with as many threads as torch and NumPy use, and answers by turns with the gallery.
Milvus is a server on this machine that holds the same people and compares with everybody too (FLAT). ``startup_s`` is
from opening the gallery to the answer to a first search; ``first_startup_s`` (in ``more``) the same before there was a
vector file, which is then written. ``after_enrol_ms`` is the first search after an enrolment.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import faiss
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.milvus_process import MilvusProcess
from ssn.files import write_json
from ssn.gallery import milvus_server as milvus_settings
from ssn.gallery.contents import StoredTemplate
from ssn.gallery.editing import StoredPerson
from ssn.gallery.fingerprint import fingerprints
from ssn.gallery.milvus import MilvusGallery
from ssn.gallery.milvus_contents import write_server
from ssn.gallery.sqlite import Gallery
from ssn.gallery.vector_file import VectorFile
from ssn.models.light_cnn import EMBEDDING_SIZE
from ssn.recognizer import Template

MODEL = "random"
SEARCHES = 100
CHANGES = 30
RANKS = 5
TOGETHER = 32
MILVUS_SECONDS = 120.0
"""A server that has just been filled is slow to answer on a small machine."""
WARMING = 10
"""Searches on a server that has just been filled before they are measured."""
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


def compared(
    mine: Callable[[int], object], theirs: Callable[[int], object], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`times_ms` of both, by turns: whatever else the machine does meanwhile, it does to both."""
    pairs = np.array([[times_ms(lambda _, act=act, i=i: act(i), 1)[0] for act in (mine, theirs)] for i in range(count)])
    return pairs[:, 0], pairs[:, 1]


def changed(gallery: Gallery, templates: Sequence[Template]) -> tuple[float, float, float, float]:
    """Milliseconds of the search after an enrolment, its ratio to the one after it, enrolments a second, deletions a
    second."""
    after, ordinary, enrolling, deleting = [], [], 0.0, 0.0
    for i in range(CHANGES):
        start = time.perf_counter()
        number = gallery.enrol(f"New {i}", templates[i])
        enrolling += time.perf_counter() - start
        for times in (after, ordinary):
            times.append(times_ms(lambda _, i=i: gallery.search(templates[i], RANKS), 1)[0])
        start = time.perf_counter()
        gallery.delete_template(number)
        deleting += time.perf_counter() - start
    ratio = float(np.median(np.array(after) / np.array(ordinary)))
    return float(np.median(after)), ratio, CHANGES / enrolling, CHANGES / deleting


def searched(gallery: Gallery, flat: faiss.IndexFlatIP, probes: np.ndarray) -> dict[str, float]:
    """How long a search of one probe and of many takes both, and in what share they name the same people."""
    templates = [Template(probe, MODEL) for probe in probes]
    mine, theirs = compared(
        lambda i: gallery.search(templates[i], RANKS), lambda i: flat.search(probes[i : i + 1], RANKS), SEARCHES
    )
    many, flat_many = compared(
        lambda _: gallery.search_many(templates[:TOGETHER], RANKS), lambda _: flat.search(probes[:TOGETHER], RANKS), 5
    )
    agree = [
        [match.template_id - 1 for match in gallery.search(templates[i], RANKS)]
        == flat.search(probes[i : i + 1], RANKS)[1][0].tolist()
        for i in range(10)
    ]
    return {
        "search_p50_ms": float(np.percentile(mine, 50)),
        "search_p95_ms": float(np.percentile(mine, 95)),
        "faiss_p50_ms": float(np.percentile(theirs, 50)),
        "search32_p50_ms": float(np.percentile(many, 50)),
        "faiss32_p50_ms": float(np.percentile(flat_many, 50)),
        "agrees_with_faiss": float(np.mean(agree)),
    }


def measure(size: int, folder: Path, milvus: str | None) -> tuple[dict, dict]:
    """One row of the result, and what else was measured."""
    rng = np.random.default_rng(size)
    vectors, probes, path = units(size, rng), units(SEARCHES, rng), folder / f"{size}.db"
    templates = [Template(probe, MODEL) for probe in probes]
    fill(path, vectors)
    flat = faiss.IndexFlatIP(EMBEDDING_SIZE)
    flat.add(vectors)
    on_server = None if milvus is None else milvus_p50_ms(f"{milvus}/benchmark_{size}", vectors, templates)
    del vectors
    before = resident_mb()
    start = time.perf_counter()
    with Gallery(path, MODEL) as gallery:
        gallery.search(templates[0], RANKS)
        first, memory = time.perf_counter() - start, resident_mb() - before
        found = searched(gallery, flat, probes)
        after, ratio, enrolled, deleted = changed(gallery, templates)
    flat.reset()  # its memory is not the gallery's
    start = time.perf_counter()
    with Gallery(path, MODEL) as gallery:  # as it was left: with its vector file, where it is large enough for one
        gallery.search(templates[0], RANKS)
        again = time.perf_counter() - start
    row = {
        "templates": size,
        **{key: found[key] for key in ("search_p50_ms", "search_p95_ms", "faiss_p50_ms")},
        "milvus_p50_ms": on_server,
        "after_enrol_ms": after,
        "enrol_per_s": enrolled,
        "startup_s": again,
        "memory_mb": memory,
    }
    more = {
        "templates": size,
        **{key: found[key] for key in ("search32_p50_ms", "faiss32_p50_ms")},
        "after_enrol_ratio": ratio,
        "delete_per_s": deleted,
        "first_startup_s": first,
        "vector_file": VectorFile(str(path), MODEL).path.is_file(),
        "agrees_with_faiss": found["agrees_with_faiss"],
    }
    return row, more


def milvus_p50_ms(where: str, vectors: np.ndarray, templates: Sequence[Template]) -> float:
    """The same search of the same people, one template each, on a server; the gallery is removed again."""
    with MilvusGallery(where, MODEL) as gallery:
        try:
            people = (StoredPerson(i, f"P{i}", "", "") for i in range(1, len(vectors) + 1))
            facts = (MODEL, "vis", "", "", None, None)
            rows = (StoredTemplate(i, i, *facts, vector, None) for i, vector in enumerate(vectors, start=1))
            write_server(gallery, people, rows)
            times_ms(lambda i: gallery.search(templates[i], RANKS), WARMING)
            return float(np.percentile(times_ms(lambda i: gallery.search(templates[i], RANKS), SEARCHES), 50))
        finally:
            gallery._server.drop()


@contextlib.contextmanager
def milvus_server(wanted: str) -> Iterator[str | None]:
    """The address of a Milvus: the one that is given, one started here, or none."""
    if wanted != "start":
        yield None if wanted == "none" else wanted
        return
    try:
        import milvus  # noqa: F401
    except ImportError:
        print("milvus is not installed, so there is no server to compare with")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        server = MilvusProcess(Path(folder) / "milvus")
        server.start()
        try:
            yield server.address
        finally:
            server.stop()


def main() -> None:
    """Measure every size and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="templates, separated by commas")
    parser.add_argument("--json", help="write the result to this file")
    parser.add_argument("--milvus", default="start", help="address of a Milvus server, start (the default) or none")
    parser.add_argument(
        "--milvus-most",
        type=int,
        default=100_000,
        help="templates up to which Milvus is compared: filling it takes long",
    )
    arguments = parser.parse_args()
    threads = torch.get_num_threads()
    faiss.omp_set_num_threads(threads)
    milvus_settings.SECONDS = MILVUS_SECONDS
    rows, more = [], []
    with threadpool_limits(threads), milvus_server(arguments.milvus) as server:
        for size in map(int, arguments.sizes.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                row, further = measure(size, Path(folder), server if size <= arguments.milvus_most else None)
            rows.append(row)
            more.append(further)
            known = (row | further).items()
            print("  ".join(f"{key} {value:.4g}" for key, value in known if value is not None), flush=True)
    if arguments.json:
        write_json({"threads": threads, "rows": rows, "more": more}, arguments.json)


if __name__ == "__main__":
    main()
