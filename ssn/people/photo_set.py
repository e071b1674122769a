"""A set of drawn people as files: photos, exact landmarks and a list of it all.

``OUT/<person>/<vis|nir>-<nn>.jpg`` and ``OUT/people.json``; every NIR picture is simulated and listed as such.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from ssn.errors import DataError
from ssn.faces.read import read_image
from ssn.faces.types import Branch
from ssn.people.appearance_model import DEFAULT_MODEL, load_model
from ssn.people.casting import Candidate, Cast, cast, is_found, judge, numbers
from ssn.people.portrait import Person, Photo, draw_person, photo
from ssn.people.worn import WORN, Worn

TRIES = 10
"""How many photos are taken until the detector finds the face."""
RETAKE = 10_000
"""What is added to a photo's seed for every retake."""
COVERED: tuple[Worn, ...] = WORN[1:]


@dataclass(frozen=True)
class Order:
    """One photo to be taken: of whom, which seed, spectrum, what is worn, and the file under the set's folder."""

    number: int
    seed: int
    spectrum: Branch
    worn: Worn
    file: str


@dataclass(frozen=True)
class Taken:
    """A photo as written: the ``seed`` it has after ``retakes``, the landmarks (68, 2), and whether it was
    ``found``."""

    order: Order
    seed: int
    retakes: int
    found: bool
    landmarks: np.ndarray


def take(person: Person, seed: int, spectrum: Branch, worn: Worn, quality: int) -> tuple[Photo, bytes, int, bool]:
    """A photo in which the detector finds the face, as JPEG of ``quality`` → photo, its file, retakes, found.

    The face is looked for in what the file holds. A covered face may stay unfound: it is as hard as that, and kept.
    """
    for retake in range(TRIES):
        shot = photo(person, seed + retake * RETAKE, spectrum, worn)
        file = io.BytesIO()
        Image.fromarray(shot.pixels).save(file, "JPEG", quality=quality, optimize=True)
        found = is_found(replace(shot, pixels=read_image(file.getvalue())))
        if found or retake == 0:
            taken = shot, file.getvalue(), retake, found
        if found:
            break
    return taken


def _single_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _take_to_file(order: Order, out: Path, quality: int) -> Taken:
    shot, file, retakes, found = take(draw_person(order.number), order.seed, order.spectrum, order.worn, quality)
    (out / order.file).write_bytes(file)
    return Taken(order, order.seed + retakes * RETAKE, retakes, found, shot.landmarks)


def _judged(pool: ProcessPoolExecutor, seed: int, ahead: int) -> Iterator[Candidate]:
    """Candidates in order, judged by the pool a block at a time."""
    every = numbers(seed)
    while block := list(islice(every, ahead)):
        yield from pool.map(judge, block, chunksize=2)


def plan(cast_numbers: list[int], images: int, covered: int) -> list[Order]:
    """The photos of a set: half VIS (one more if odd), half NIR, of each person's NIR photos the last ``covered``
    worn."""
    orders = []
    for number in cast_numbers:
        vis = (images + 1) // 2
        for i in range(images):
            spectrum: Branch = "vis" if i < vis else "nir"
            hidden = spectrum == "nir" and i >= images - covered
            worn = COVERED[(number + i) % len(COVERED)] if hidden else "none"
            nth = i if spectrum == "vis" else i - vis
            orders.append(Order(number, i, spectrum, worn, f"{number:09d}/{spectrum}-{nth:02d}.jpg"))
    return orders


def write_set(
    out: str | Path,
    people: int,
    images: int,
    seed: int = 0,
    covered: int = 0,
    workers: int | None = None,
    quality: int = 92,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Draw ``people`` × ``images`` photos into ``out`` and say what was made.

    ``covered``: how many of each person's NIR photos show goggles, a surgical mask or a scarf. ``progress`` is called
    with (photos done, photos in all). Returns, and writes as ``people.json``, the list of photos with landmarks, the
    counts of rejected candidates, the share the detector found and the seconds taken. Raises DataError for sizes that
    make no set.
    """
    if people < 1 or images < 1 or not 0 <= covered <= images // 2:
        raise DataError(
            f"{people} people with {images} images, {covered} of them covered, is no set.",
            "Use at least 1 person and 1 image; at most half of the images can be covered.",
        )
    load_model()
    out, started = Path(out), time.monotonic()
    workers = workers or os.cpu_count() or 1
    try:
        out.mkdir(parents=True, exist_ok=True)
        # A forked copy of a process whose torch threads run can wait for them for ever.
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, fresh, initializer=_single_thread) as pool:
            chosen = cast(people, seed, judged=_judged(pool, seed, max(8, min(people, 64))))
            orders = plan([person.number for person in chosen.people], images, covered)
            for folder in {(out / order.file).parent for order in orders}:
                folder.mkdir(exist_ok=True)
            done = []
            for taken in pool.map(partial(_take_to_file, out=out, quality=quality), orders, chunksize=4):
                done.append(taken)
                if progress:
                    progress(len(done), len(orders))
        report = _report(chosen, done, seed, time.monotonic() - started, workers)
        (out / "people.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"The set cannot be written to {out}.", "Choose a folder with space and permission.") from error
    return report


def _report(chosen: Cast, done: list[Taken], seed: int, seconds: float, workers: int) -> dict:
    first_try = [t.found and not t.retakes for t in done]
    return {
        "what": "Synthetic people: nobody shown exists. NIR is simulated.",
        "model": DEFAULT_MODEL.name,
        "seed": seed,
        "people": len(chosen.people),
        "images": len(done),
        "seconds": round(seconds, 1),
        "workers": workers,
        "rejected": {
            "not found": chosen.not_found,
            "like a training person": chosen.like_real,
            "like another drawn person": chosen.like_drawn,
        },
        "nearest training person": round(min(chosen.nearest_real), 3),
        "found by the detector": round(float(np.mean([t.found for t in done])), 4),
        "found at the first try": round(float(np.mean(first_try)), 4),
        "photos": [
            {
                "file": t.order.file,
                "person": t.order.number,
                "seed": t.seed,
                "spectrum": "vis" if t.order.spectrum == "vis" else "nir-simulated",
                "worn": t.order.worn,
                "found": t.found,
                "landmarks": np.round(t.landmarks, 2).tolist(),
            }
            for t in done
        ],
    }
