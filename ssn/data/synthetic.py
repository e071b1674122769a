"""Protocol "synthetic": drawn people, one VIS gallery photo each, simulated NIR probes. Needs no download and no data
set.

One cast of people is drawn by seed and checked once (see ``ssn.people.casting``); the numbers of the first 200 come
with the project, and a longer one can be kept in a file, which saves checking it again. Every fold divides it anew into
people to learn from and people to test on, and photographs the test people anew. Pictures are made when they are asked
for, so thousands of people cost no space.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

import ssn.people
from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError
from ssn.faces.types import Branch
from ssn.files import atomically
from ssn.people.appearance_model import DEFAULT_MODEL, load_model
from ssn.people.casting import NEAREST_DRAWN, NEAREST_REAL, Candidate, cast, judge, numbers
from ssn.people.portrait import SPREAD, WITHIN, draw_person, photo, photo_landmarks
from ssn.people.worn import WORN, Worn
from ssn.places import ASSETS

FOLDS = 10
BRANCHES: tuple[Branch, Branch] = ("vis", "nir")
NOTES = (
    "Synthetic people from a statistical appearance model; nobody shown exists.",
    "All NIR pictures are simulated from drawn VIS pictures: figures say nothing about a real NIR camera.",
)


@dataclass(frozen=True)
class SyntheticOptions:
    """How many people are drawn, and what of them is shown."""

    people: int = field(default=200, metadata={"help": "how many people are tested"})
    fold: int = field(default=1, metadata={"help": "fold 1 to 10"})
    worn: str = field(default="none", metadata={"help": "what probes wear: none, goggles, surgical or scarf"})
    probes: int = field(default=4, metadata={"help": "probes of each person tested"})
    train_people: int = field(default=0, metadata={"help": "how many others are learned from"})
    train_photos: int = field(default=4, metadata={"help": "photos of each of them in each spectrum"})


def read_synthetic(options: SyntheticOptions, cache: Path | None = None) -> Protocol:
    """The protocol the options ask for; the checked cast is kept in ``cache``."""
    return synthetic_protocol(
        people=options.people,
        probes=options.probes,
        fold=options.fold,
        train_people=options.train_people,
        train_photos=options.train_photos,
        worn=options.worn,
        cache=cache,
    )


def synthetic_protocol(
    people: int = 200,
    probes: int = 4,
    fold: int = 1,
    seed: int = 0,
    train_people: int = 0,
    train_photos: int = 4,
    worn: str = "none",
    cache: str | Path | None = None,
) -> Protocol:
    """Fold ``fold`` (1 to 10) with ``people`` tested, ``probes`` simulated NIR probes each, ``train_people`` others to
    learn from (``train_photos`` in each spectrum).

    ``worn`` is what all probes wear. ``cache``: a folder where the checked cast is kept. The same arguments give the
    same pictures. Raises DataError for sizes or folds that do not exist.
    """
    if people < 2 or probes < 1 or train_people < 0 or train_photos < 1:
        raise DataError(f"{people} people with {probes} probes make no protocol.", "Use 2 people and 1 probe or more.")
    if not 1 <= fold <= FOLDS:
        raise DataError(f"There is no fold {fold}.", f"Folds are 1 to {FOLDS}.")
    if worn not in WORN:
        raise DataError(f"Nobody can wear {worn!r}.", f"Use one of {', '.join(WORN)}.")
    everyone = cast_numbers(people + train_people, seed, cache)
    order = np.random.default_rng((93, seed, fold)).permutation(len(everyone))
    tested = sorted(everyone[i] for i in order[:people])
    learned = sorted(everyone[i] for i in order[people:])
    first = fold * 1000
    gallery = [sample(n, first, "vis") for n in tested]
    shown = [sample(n, first + 1 + i, "nir", worn) for n in tested for i in range(probes)]
    train = [sample(n, first + 500 + i, s) for n in learned for s in BRANCHES for i in range(train_photos)]
    return Protocol(f"synthetic, fold {fold}", gallery, shown, [], train, NOTES, train_source="synthetic")


def sample(number: int, seed: int, spectrum: Branch, worn: Worn = "none") -> Sample:
    """One photo of person ``number``, made when its image is called for; its landmarks are exact."""
    return Sample(
        identity=f"synthetic-{number:09d}",
        spectrum="vis" if spectrum == "vis" else "nir-simulated",
        image=partial(_pixels, number, seed, spectrum, worn),
        landmarks=photo_landmarks(_person(number), seed),
        key=f"synthetic-{_signature(drawing=True)}-{number}-{seed}-{spectrum}-{worn}",
    )


@lru_cache(maxsize=4096)
def _person(number: int):
    return draw_person(number)


def _pixels(number: int, seed: int, spectrum: Branch, worn: Worn) -> np.ndarray:
    return photo(_person(number), seed, spectrum, worn).pixels


@lru_cache(maxsize=16)
def cast_numbers(count: int, seed: int = 0, cache: str | Path | None = None) -> tuple[int, ...]:
    """The numbers of a checked cast of ``count``; read from ``cache``, or from the one that comes with the project,
    where a cast at least as long is kept there."""
    for folder in (cache, ASSETS):
        if folder and len(kept := _kept(_cast_file(folder, seed))) >= count:
            return tuple(kept[:count])
    with contextlib.closing(_judged(count, seed)) as candidates:
        drawn = tuple(person.number for person in cast(count, seed, load_model(), candidates).people)
    if cache:
        with atomically(_cast_file(cache, seed)) as part:
            part.write_text(json.dumps(drawn), encoding="utf-8")
    return drawn


def is_kept(count: int, cache: str | Path, seed: int = 0) -> bool:
    """Is a checked cast of ``count`` at hand? Raises DataError where its file is none."""
    return any(len(_kept(_cast_file(folder, seed))) >= count for folder in (cache, ASSETS))


def _cast_file(cache: str | Path, seed: int) -> Path:
    return Path(cache) / f"cast-{_signature()}-{seed}.json"


def _kept(path: Path) -> list[int]:
    """The numbers in a cast's file; none where there is no file yet."""
    if not path.is_file():
        return []
    try:
        return [int(n) for n in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path.name} is no cast.", "Delete it; it will be made again.") from error


def _judged(count: int, seed: int) -> Generator[Candidate, None, None]:
    """Candidates in order, with a bar: about one in four is turned away."""
    with tqdm(total=count * 4 // 3, desc="people", unit="person", leave=False, mininterval=1) as bar:
        for number in numbers(seed):
            yield judge(number, load_model())
            bar.update()


@lru_cache(maxsize=2)
def _signature(drawing: bool = False) -> str:
    """Which model and bounds a cast was checked with; with ``drawing`` also how its pictures are drawn."""
    bounds = f"{SPREAD} {WITHIN} {NEAREST_REAL} {NEAREST_DRAWN}".encode()
    code = [path.read_bytes() for path in sorted(Path(ssn.people.__file__).parent.glob("*.py"))] if drawing else []
    return hashlib.sha256(b"".join([DEFAULT_MODEL.read_bytes(), bounds, *code])).hexdigest()[:12]
