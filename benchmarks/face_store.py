"""A store of the size of CASIA NIR-VIS 2.0, made on disk from drawn people: how fast it is built, measured on and
learned from, and in how much memory.

    python -m benchmarks.face_store [--scale 1] [--workers 2] [--work DIR] [--json FILE]

- The build, 358 pictures enrolled and 6,208 probes by ``workers`` processes, beside plain detection and alignment by as
  many, which keep nothing.
- The evaluation of three occlusions beside pure batched embedding of as many faces that lie in memory.
- What both hold of memory at most, with all processes they start.
- Steps of the distillation on 45,000 stored faces, and what they hold beside the same steps on views in memory.

``--scale 0.05`` does it all with so many of the faces; the start of processes then weighs more than it should. With
``--work`` a run that was killed goes on with the first part that is missing. At full size it takes about 15 minutes on
two cores that do nothing else, and 6 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from benchmarks.resident import Watch
from benchmarks.stored_training import training_memory
from ssn.data.acquire import AcquireError, aligned_crop
from ssn.data.face_store import FaceStore
from ssn.data.protocol import Protocol, Sample
from ssn.evaluation.face_set import FaceSet, protocol_face_set
from ssn.evaluation.report import write_json
from ssn.evaluation.run import evaluate
from ssn.faces.occlude import OCCLUSIONS
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.people.portrait import draw_person, photo
from ssn.recognizer import Recognizer

GALLERY, PROBES, LEARNED_FROM = 358, 6208, 45_000
SIZE = (480, 640)
"""Height and width of CASIA's pictures."""
DRAWN = 40
"""People that are drawn; all others are pictures of these with a grain of their own, which cost as much."""
PLAIN = 100
"""Pictures of the plain rate, for each process."""
BOUNDS = {
    "share of plain detection and alignment": (0.9, "at least"),
    "share of pure embedding": (0.8, "at least"),
    "peak megabytes of the build": (2000, "at most"),
    "peak megabytes of the evaluation": (2000, "at most"),
    "megabytes of training beside the network's own": (1500, "at most"),
}


@lru_cache(maxsize=2 * DRAWN)
def _drawn(person: int, spectrum: str) -> np.ndarray:
    """A drawn person in a picture of CASIA's size, (480, 640, 3) uint8."""
    face = cv2.resize(photo(draw_person(person), 1, spectrum).pixels, (SIZE[0], SIZE[0]))
    margin = (SIZE[1] - SIZE[0]) // 2
    return cv2.copyMakeBorder(face, 0, 0, margin, margin, cv2.BORDER_REPLICATE)


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """(480 + 6208, 640) int8 of noise."""
    return np.random.default_rng(0).integers(-3, 4, (SIZE[0] + PROBES, SIZE[1]), dtype=np.int8)


def write_pictures(folder: Path, gallery: int, probes: int) -> Protocol:
    """``gallery`` VIS pictures and ``probes`` NIR ones, gray as CASIA's, each with its own grain; those that are there
    are left."""
    parts: dict[str, list[Sample]] = {"vis": [], "nir": []}
    kinds = [("vis", i, i) for i in range(gallery)] + [("nir", i % gallery, i) for i in range(probes)]
    for spectrum, person, number in tqdm(kinds, desc="pictures", mininterval=2):
        path = folder / spectrum.upper() / f"{person:05d}" / f"{number:05d}.bmp"
        parts[spectrum].append(Sample(str(person), "vis" if spectrum == "vis" else "nir", path))
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            grain = _grain()[number : number + SIZE[0]]  # another piece for every picture
            pixels = _drawn(person % DRAWN, spectrum).astype(np.int16) + grain[..., None]
            picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            (picture if spectrum == "vis" else picture.convert("L")).save(path)
    return Protocol("drawn, of CASIA's size", parts["vis"], parts["nir"])


def _align_all(paths: list[Path], ready: multiprocessing.Barrier) -> None:
    """What a plain program does with its pictures, once everything it needs is loaded."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _found(paths[0])
    ready.wait()
    for path in paths:
        _found(path)


def _found(path: Path) -> None:
    try:
        aligned_crop(path, None)
    except AcquireError:
        return


def plain_rate(paths: list[Path], processes: int) -> float:
    """Pictures per second of so many processes at once, each with its share, their start not counted."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes + 1)
    workers = [context.Process(target=_align_all, args=(paths[i::processes], ready)) for i in range(processes)]
    for worker in workers:
        worker.start()
    ready.wait()
    start = time.perf_counter()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a plain process failed")
    return len(paths) / (time.perf_counter() - start)


def embedding_rate(recognizer: Recognizer, batch: int = 16, batches: int = 12) -> float:
    """Faces per second of the network alone, from tensors in memory."""
    gray = torch.rand(batch * batches, 1, 128, 128)
    recognizer.embed_gray(gray[:batch], ["nir"] * batch)
    start = time.perf_counter()
    recognizer.embed_gray(gray, ["nir"] * len(gray), batch=batch)
    return len(gray) / (time.perf_counter() - start)


@dataclass
class Bench:
    """The parts of one run, in ``folder``; what is done stands in its ``parts.json``."""

    folder: Path
    gallery: int
    probes: int
    learned_from: int
    workers: int
    checkpoint: Path

    def run(self) -> dict:
        """All parts that are missing → all that was measured, and whether it keeps the bounds."""
        self.protocol = write_pictures(self.folder / "pictures", self.gallery, self.probes)
        found = self._part("build", self._build)
        for occlusion in OCCLUSIONS:
            found |= self._part(occlusion, lambda name=occlusion: {name: self._evaluate(name)})
        found |= self._part("training", lambda: training_memory(self.folder / "training", self.learned_from))
        rows = [found.pop(occlusion) for occlusion in OCCLUSIONS]
        pure = sum(row["embeddings"] / row["pure"] for row in rows)
        found["pure embeddings per second"] = sum(row["embeddings"] for row in rows) / pure
        found["share of pure embedding"] = pure / sum(row["seconds"] for row in rows)
        found["peak megabytes of the evaluation"] = max(row["peak"] for row in rows)
        found["rank-1"] = {name: row["rank-1"] for name, row in zip(OCCLUSIONS, rows, strict=True)}
        found["kept"] = {
            name: bool(found[name] >= bound if way == "at least" else found[name] <= bound)
            for name, (bound, way) in BOUNDS.items()
        }
        return found

    def _part(self, name: str, work: Callable[[], dict]) -> dict:
        file = self.folder / "parts.json"
        done = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        key = f"{name}, {self.gallery} and {self.probes}, {self.learned_from}, {self.workers} workers"
        if key not in done:
            print(f"{name} …", flush=True)
            done[key] = work()
            write_json(done, file)
        return done[key]

    def _build(self) -> dict:
        """Plain processes before and after, since a machine's speed drifts."""
        samples = self.protocol.compared
        paths = [sample.image for sample in samples]
        some = paths[:: max(1, len(paths) // (PLAIN * self.workers))][: PLAIN * self.workers]
        shutil.rmtree(self.folder / "store", ignore_errors=True)  # of a build that was killed
        before = plain_rate(some, self.workers)
        with Watch() as seen:
            start = time.perf_counter()
            good, _, failures = FaceStore(self.folder / "store", self.workers).add(samples)
            built = len(samples) / (time.perf_counter() - start)
        plain = (before + plain_rate(some, self.workers)) / 2
        return {
            "pictures": len(samples),
            "faces": len(good),
            "failures": len(failures),
            "plain pictures per second": plain,
            "built pictures per second": built,
            "share of plain detection and alignment": built / plain,
            "peak megabytes of the build": seen.peak,
        }

    @property
    def faces(self) -> FaceSet:
        return protocol_face_set(self.protocol, FaceStore(self.folder / "store", self.workers))

    def _evaluate(self, occlusion: str) -> dict:
        torch.set_num_threads(self.workers)
        recognizer = Recognizer.load(self.checkpoint, "cpu")
        faces = self.faces
        before = embedding_rate(recognizer)
        with Watch() as seen:
            start = time.perf_counter()
            row = evaluate(faces, recognizer, occlusions=(occlusion,)).rows[0]
            seconds = time.perf_counter() - start
        return {
            "model": recognizer.model_id,
            "embeddings": 2 * len(faces.gallery) + len(faces.probes),
            "seconds": seconds,
            "pure": (before + embedding_rate(recognizer)) / 2,
            "peak": seen.peak,
            "rank-1": row.rank[0],
        }


def as_text(found: dict) -> str:
    """One line for each figure, and beside those with a bound whether they keep it."""
    lines = []
    for name, value in found.items():
        if name == "kept":
            continue
        bound, way = BOUNDS.get(name, (None, ""))
        kept = "" if bound is None else f" ({way} {bound:g}: {'kept' if found['kept'][name] else 'NOT KEPT'})"
        lines.append(f"{name}: {value:.3g}{kept}" if isinstance(value, float) else f"{name}: {value}{kept}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the faces")
    parser.add_argument("--workers", type=int, default=2, help="processes of the build, threads of the network")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--work", type=Path, help="folder that keeps the pictures, and the parts that are done")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    gallery, probes, faces = (max(8, round(arguments.scale * count)) for count in (GALLERY, PROBES, LEARNED_FROM))
    with tempfile.TemporaryDirectory() as passing:
        folder = arguments.work or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        bench = Bench(folder, gallery, probes, faces, arguments.workers, arguments.checkpoint)
        result = {"scale": arguments.scale, "workers": arguments.workers} | bench.run()
        result["minutes"] = (time.perf_counter() - start) / 60
    print(as_text(result))
    if arguments.json:
        write_json(result, arguments.json)


if __name__ == "__main__":
    main()
