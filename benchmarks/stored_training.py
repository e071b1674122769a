"""What a training on many stored faces holds of memory, beside what the network alone does.

Two processes take the same steps of the distillation: one draws its views from a store, the other has random views in
memory, and two faces. The difference is what the faces cost: their facts, what is read of them, the drawing of views.
"""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ssn.data.acquire import CROP_SIZE
from ssn.data.face_store import FaceStore, StoredFaces
from ssn.data.shards import SHARD, write_shard
from ssn.faces.types import FACE_SIZE
from ssn.people.portrait import draw_person, photo
from ssn.training.distill.recipe import DistillConfig
from ssn.training.distill.run import Distillation
from ssn.training.team import Team

CONFIG = DistillConfig(images=10**6, batch=32, sizes=((FACE_SIZE, 1.0),))
STEPS = 12
PER_PERSON = 4


def write_store(folder: Path, count: int) -> None:
    """A store of so many crops: one drawn face, each copy with a grain and a turn of brightness of its own."""
    face = photo(draw_person(0), 1, "vis")
    size = face.pixels.shape[0]
    rows = (np.arange(CROP_SIZE) * size) // CROP_SIZE
    crop, landmarks = face.pixels[rows][:, rows].astype(np.int16), face.landmarks * CROP_SIZE / size
    columns = FaceStore(folder).faces.folder
    for start in tqdm(range(0, count, SHARD), desc="crops"):
        numbers = range(start, min(count, start + SHARD))
        rng = np.random.default_rng(start)
        grain = rng.integers(-8, 9, (len(numbers), 1, CROP_SIZE, CROP_SIZE, 1), dtype=np.int16)[:, 0]
        write_shard(
            columns,
            [f"crop-{number}" for number in numbers],
            {},
            pixels=(crop + grain).clip(0, 255).astype(np.uint8),
            landmarks=np.tile(landmarks, (len(numbers), 1, 1)),
        )


def stored_faces(folder: Path, count: int) -> StoredFaces:
    """All of a store, with descriptors drawn at random."""
    store, keys = FaceStore(folder), [f"crop-{number}" for number in range(count)]
    descriptors = np.random.default_rng(0).normal(size=(count, 128)).astype(np.float32)
    people = np.arange(count) // PER_PERSON
    known = store.landmarks(keys).astype(np.float32), descriptors, people
    return StoredFaces(store.pixels(keys), *known, np.array(["drawn"] * count), np.zeros(count, bool))


def two_faces() -> StoredFaces:
    """Nothing to draw from."""
    nothing = np.zeros((2, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    known = np.zeros((2, 68, 2), np.float32), np.eye(2, 128, dtype=np.float32), np.arange(2)
    return StoredFaces(nothing, *known, np.array(["drawn"] * 2), np.zeros(2, bool))


def take_steps(faces: StoredFaces | None) -> None:
    """Steps on what is drawn from the faces, or without them on random numbers."""
    run = Distillation(faces or two_faces(), CONFIG, Team("cpu"))
    views, target = torch.rand(CONFIG.batch, 1, FACE_SIZE, FACE_SIZE), torch.randn(CONFIG.batch, 128)
    for _ in range(STEPS):
        if faces is None:
            run.learn(views, torch.nn.functional.normalize(target, dim=1))
        else:
            run.step()
        run.step_number += 1
    run.close()


def _measure(folder: Path | None, count: int, answer: multiprocessing.Queue) -> None:
    take_steps(None if folder is None else stored_faces(folder, count))
    unit = 2**20 if sys.platform == "darwin" else 2**10
    answer.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def peak_of(folder: Path | None, count: int = 0) -> float:
    """Most megabytes resident in a process of its own that takes the steps."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    worker = context.Process(target=_measure, args=(folder, count, answer))
    worker.start()
    worker.join()
    if worker.exitcode:
        raise RuntimeError("the training failed")
    return answer.get()


def training_memory(folder: Path, count: int) -> dict[str, float]:
    """On a store of ``count`` faces that is made in ``folder`` and removed again."""
    write_store(folder, count)
    whole, network = peak_of(folder, count), peak_of(None)
    shutil.rmtree(folder)
    return {
        "faces learned from": count,
        "megabytes of training": whole,
        "megabytes of the network's own": network,
        "megabytes of training beside the network's own": whole - network,
    }
