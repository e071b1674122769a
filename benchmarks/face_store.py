"""A store of the size of CASIA NIR-VIS 2.0, made on disk from drawn people: how fast it is built and measured on.

    python -m benchmarks.face_store [--gallery 358] [--probes 6208] [--workers 2] [--work DIR] [--json FILE]

Build rate beside plain detection and alignment, one picture after another in one process on one thread, times the
workers; evaluation of three occlusions beside pure batched embedding of as many faces that are in memory already; and
the most memory that the building and the measuring process held. ``--work`` keeps the pictures between runs.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from ssn.data.acquire import AcquireError, aligned_crop
from ssn.data.face_store import FaceStore
from ssn.data.protocol import Protocol, Sample
from ssn.evaluation.face_set import protocol_face_set
from ssn.evaluation.report import write_json
from ssn.evaluation.run import evaluate
from ssn.faces.occlude import OCCLUSIONS
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.people.portrait import draw_person, photo
from ssn.recognizer import Recognizer

SIZE = (480, 640)
"""Height and width of CASIA's pictures."""
DRAWN = 40
"""People that are drawn; all others are pictures of these with a grain of their own, which cost as much."""
PLAIN = 200
"""Pictures of the plain rate."""


@lru_cache(maxsize=2 * DRAWN)
def _drawn(person: int, spectrum: str) -> np.ndarray:
    """A drawn person in a picture of CASIA's size, (480, 640, 3) uint8."""
    face = cv2.resize(photo(draw_person(person), 1, spectrum).pixels, (SIZE[0], SIZE[0]))
    margin = (SIZE[1] - SIZE[0]) // 2
    return cv2.copyMakeBorder(face, 0, 0, margin, margin, cv2.BORDER_REPLICATE)


def write_pictures(folder: Path, gallery: int, probes: int) -> Protocol:
    """``gallery`` VIS pictures and ``probes`` NIR ones, each with its own grain; those that are there are kept."""
    parts: dict[str, list[Sample]] = {"vis": [], "nir": []}
    kinds = [("vis", i, i) for i in range(gallery)] + [("nir", i % gallery, i) for i in range(probes)]
    for spectrum, person, number in tqdm(kinds, desc="pictures", mininterval=2):
        path = folder / spectrum.upper() / f"{person:05d}" / f"{number:05d}.bmp"
        parts[spectrum].append(Sample(str(person), "vis" if spectrum == "vis" else "nir", path))
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            grain = np.random.default_rng((number, len(spectrum), spectrum == "vis")).integers(-3, 4, (*SIZE, 1))
            pixels = (_drawn(person % DRAWN, spectrum).astype(int) + grain).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path)
    return Protocol("drawn, of CASIA's size", parts["vis"], parts["nir"])


def plain_rate(samples: list[Sample]) -> float:
    """Pictures per second, one after another."""
    _found(samples[0])
    start = time.perf_counter()
    for sample in samples:
        _found(sample)
    return len(samples) / (time.perf_counter() - start)


def _found(sample: Sample) -> bool:
    try:
        aligned_crop(sample.image, None)
    except AcquireError:
        return False
    return True


def embedding_rate(recognizer: Recognizer, batch: int = 16, batches: int = 4) -> float:
    """Faces per second of the network alone, from tensors in memory."""
    gray = torch.rand(batch * batches, 1, 128, 128)
    branches = ["nir"] * len(gray)
    recognizer.embed_gray(gray[:batch], branches[:batch])
    start = time.perf_counter()
    recognizer.embed_gray(gray, branches, batch=batch)
    return len(gray) / (time.perf_counter() - start)


def peak_megabytes() -> dict[str, float]:
    """The most memory resident in this process, and in the largest of its workers."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    own, workers = (
        resource.getrusage(who).ru_maxrss / unit for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"this process": round(own), "largest worker": round(workers)}


def run(arguments: argparse.Namespace, folder: Path) -> dict:
    """Make the pictures and measure."""
    torch.set_num_threads(1)
    protocol = write_pictures(folder / "pictures", arguments.gallery, arguments.probes)
    samples = protocol.compared
    plain = plain_rate(samples[:: max(1, len(samples) // PLAIN)][:PLAIN])
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        store = FaceStore(cache, arguments.workers)
        start = time.perf_counter()
        good, _, failures = store.add(samples)
        built = len(samples) / (time.perf_counter() - start)
        recognizer = Recognizer.load(arguments.checkpoint, "cpu")
        faces = protocol_face_set(protocol, store)
        before = embedding_rate(recognizer)
        start = time.perf_counter()
        rows = evaluate(faces, recognizer).rows
        seconds = time.perf_counter() - start
    pure = (before + embedding_rate(recognizer)) / 2
    embedded = 2 * len(faces.gallery) + len(OCCLUSIONS) * len(faces.probes)
    return {
        "model": recognizer.model_id,
        "pictures": len(samples),
        "faces": len(good),
        "failures": len(failures),
        "workers": arguments.workers,
        "plain pictures per second": plain,
        "built pictures per second": built,
        "share of the workers' plain rate": built / (plain * arguments.workers),
        "pure embeddings per second": pure,
        "measured embeddings per second": embedded / seconds,
        "share of pure embedding": embedded / seconds / pure,
        "peak megabytes": peak_megabytes(),
        "rank-1": [row.rank[0] for row in rows],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gallery", type=int, default=358)
    parser.add_argument("--probes", type=int, default=6208)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--work", type=Path, help="folder that keeps the pictures")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = arguments.work or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        result = run(arguments, folder)
    for name, value in result.items():
        print(f"{name}: {value:.3g}" if isinstance(value, float) else f"{name}: {value}")
    if arguments.json:
        write_json(result, arguments.json)


if __name__ == "__main__":
    main()
