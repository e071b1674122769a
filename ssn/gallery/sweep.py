"""Which part of a face carries its match: parts and square windows are hidden in turn, each time as the network sees
hidden pixels, and the gallery is searched anew.

A match is *broken* where somebody else comes to rank 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ssn.errors import DataError, ExplanationCancelledError, LandmarksUnknownError
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.types import FACE_SIZE, AlignedFace
from ssn.gallery.again import templates_of_person
from ssn.gallery.cohort import Cohort
from ssn.gallery.condition import condition_of
from ssn.gallery.search_verdict import SearchJudges
from ssn.gallery.store import GalleryStore, Match
from ssn.gallery.verdict import SearchRates
from ssn.recognizer import Template

WINDOWS = (16, 24, 32, 48, 64, 96)
"""Sides of the square windows, in pixels of the aligned face; they move by half their side."""
WINDOW = 32
BATCH = 8
"""Faces embedded at a time; between batches a sweep can be stopped."""
PARTS = ("eyes", "lower half", "left side", "right side")
"""Left and right as in the picture, from the tip of the nose."""
FIRST_SHARE = 0.7
"""Of the progress, what parts and windows of the chosen size make; the rest is the search for the smallest window."""

Embed = Callable[[list[AlignedFace]], np.ndarray]
"""Aligned faces → (N, 256) templates of unit length, as probes."""


@dataclass(frozen=True, eq=False)
class Place:
    """What is hidden besides what was hidden already: ``mask`` (128, 128) bool. A window has a ``size`` and an upper
    left ``corner`` (x, y), in pixels."""

    name: str
    mask: np.ndarray
    corner: tuple[int, int] = (0, 0)
    size: int = 0


@dataclass(frozen=True, eq=False)
class Tried:
    """A search with one place hidden: ``best`` is rank 1, ``score`` that of the person asked about, ``rival`` the best
    of anybody else's, None where nobody else is enrolled."""

    place: Place
    best: Match
    score: float
    rival: float | None

    @property
    def lead(self) -> float:
        """How far the person asked about is ahead; below 0 where the match is broken."""
        return self.score - (-1.0 if self.rival is None else self.rival)


@dataclass(frozen=True)
class Sweep:
    """``whole`` is the search without anything more hidden, whose rank 1 is asked about. ``smallest`` is the smallest
    window that was seen to break the match, ``unbroken`` the sizes at which no window did. ``done`` in [0, 1], below 1
    where it was stopped."""

    whole: Tried
    parts: tuple[Tried, ...] = ()
    windows: tuple[Tried, ...] = ()
    window: int = WINDOW
    smallest: Tried | None = None
    unbroken: tuple[int, ...] = ()
    done: float = 0.0
    seconds: float = 0.0

    @property
    def person(self) -> str:
        """Who is asked about."""
        return self.whole.best.person

    def breaks(self, tried: Tried) -> bool:
        """Is somebody else at rank 1?"""
        return tried.best.person_id != self.whole.best.person_id

    def fall(self) -> np.ndarray:
        """(128, 128): how far the person's score falls when a pixel is hidden, the mean over the windows it lies in.
        Zeros before there are any."""
        total, seen = np.zeros((FACE_SIZE, FACE_SIZE)), np.zeros((FACE_SIZE, FACE_SIZE))
        for tried in self.windows:
            total[tried.place.mask] += self.whole.score - tried.score
            seen[tried.place.mask] += 1
        return total / np.maximum(seen, 1)


def parts_of(face: AlignedFace) -> list[Place]:
    """Eyes, lower half, left and right side. Raises LandmarksUnknownError."""
    if face.landmarks is None:
        raise LandmarksUnknownError
    left = np.broadcast_to(np.arange(FACE_SIZE) < face.landmarks[30, 0], (FACE_SIZE, FACE_SIZE))
    eyes, lower = (named_mask(name, face.landmarks) for name in ("maskTop", "maskBottom"))
    return [Place(name, mask) for name, mask in zip(PARTS, (eyes, lower, left, ~left), strict=True)]


def windows_of(size: int) -> list[Place]:
    """Square windows over the whole face, half overlapping; the last of a row ends at the edge. Raises DataError for a
    size that is none of ``WINDOWS``."""
    if size not in WINDOWS:
        raise DataError(f"A window of {size} pixels is not offered.", f"Use one of {', '.join(map(str, WINDOWS))}.")
    starts = sorted({*range(0, FACE_SIZE - size + 1, size // 2), FACE_SIZE - size})
    places = []
    for y in starts:
        for x in starts:
            mask = np.zeros((FACE_SIZE, FACE_SIZE), bool)
            mask[y : y + size, x : x + size] = True
            places.append(Place("window", mask, (x, y), size))
    return places


@dataclass
class Sweeper:
    """One face and one gallery. ``cohort`` and ``rates`` give the verdicts of each search, else ``thresholds`` do;
    ``progress`` is told the share done after every batch, and ``stopped`` asked whether to go on."""

    face: AlignedFace
    gallery: GalleryStore
    embed: Embed
    cohort: Cohort | None = None
    rates: SearchRates = field(default_factory=SearchRates)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    progress: Callable[[float], object] = lambda share: None
    stopped: Callable[[], bool] = lambda: False

    def run(self, window: int = WINDOW) -> Sweep:
        """Parts, windows, and the smallest window that breaks the match. When stopped, what there is. Raises DataError
        in an empty gallery and for a window that is not offered, LandmarksUnknownError, GalleryError, and
        ExplanationCancelledError where it is stopped before there is anything."""
        start, places = time.perf_counter(), windows_of(window)
        parts = parts_of(self.face)
        self._enrol()
        found: list[Tried] = []
        everything = [Place("nothing", np.zeros_like(self.face.mask)), *parts, *places]
        for batch in self._batches(everything):
            found += batch
            self.progress(FIRST_SHARE * len(found) / len(everything))
        if not found:
            raise ExplanationCancelledError("Cancelled before there was anything to show.", "Start it again.")
        cut = 1 + len(parts)
        sweep = Sweep(found[0], tuple(found[1:cut]), tuple(found[cut:]), window)
        if len(found) < len(everything):
            return replace(sweep, done=FIRST_SHARE * len(found) / len(everything), seconds=time.perf_counter() - start)
        smallest, unbroken, whole = self._smallest(sweep)
        done = 1.0 if whole else FIRST_SHARE
        took = time.perf_counter() - start
        return replace(sweep, smallest=smallest, unbroken=unbroken, done=done, seconds=took)

    def _enrol(self) -> None:
        """How many are enrolled, asked once: it is the same for every search."""
        enrolled = [person.templates for person in self.gallery.people() if person.templates]
        if not enrolled:
            raise DataError("Nobody is enrolled.", "Enrol somebody first.")
        self._size = sum(enrolled), len(enrolled)
        self._asked: tuple[int, np.ndarray] | None = None

    def _batches(self, places: Sequence[Place]) -> Iterator[list[Tried]]:
        """The places in their order, until stopped."""
        for start in range(0, len(places), BATCH):
            if self.stopped():
                return
            yield self._tried(places[start : start + BATCH])

    def _tried(self, places: Sequence[Place]) -> list[Tried]:
        faces = [occlude(self.face, place.mask) for place in places]
        rows = self.embed(faces)
        probes = [Template(row, self.gallery.model_id, self.face.spectrum) for row in rows]
        found = self.gallery.search_many(probes, 2, self.thresholds)
        person, templates = self._person(found[0][0])
        result = []
        for place, face, probe, matches in zip(places, faces, probes, found, strict=True):
            best = self._judged(face, probe, matches[0])
            other = next((match.score for match in matches if match.person_id != person), None)
            own = next((match.score for match in matches if match.person_id == person), None)
            score = float((templates * probe.vector).sum(axis=1).max()) if own is None else own
            result.append(Tried(place, best, score, other))
        return result

    def _person(self, first: Match) -> tuple[int, np.ndarray]:
        """Who is asked about, the first of the first search, and their templates (T, 256)."""
        if self._asked is None:
            known = templates_of_person(self.gallery, first.person_id)
            self._asked = first.person_id, np.stack([template.vector for template in known])
        return self._asked

    def _judged(self, face: AlignedFace, probe: Template, match: Match) -> Match:
        """With the verdict of its own search, where its condition was measured."""
        if self.cohort is None:
            return match
        judge = self.cohort.judge(probe, condition_of(face), *self._size, self.rates)
        return match if judge is None else SearchJudges(judge).judged([match])[0]

    def _smallest(self, sweep: Sweep) -> tuple[Tried | None, tuple[int, ...], bool]:
        """From the chosen size down as long as some window breaks the match, or else up until one does → that window,
        the sizes at which none did, and whether it came to its end."""
        broken = [tried for tried in sweep.windows if sweep.breaks(tried)]
        at, fall = WINDOWS.index(sweep.window), sweep.fall()
        smallest = min(broken, key=lambda tried: tried.lead, default=None)
        sizes = WINDOWS[:at][::-1] if broken else WINDOWS[at + 1 :]
        unbroken: tuple[int, ...] = () if broken else (sweep.window,)
        for number, size in enumerate(sizes, start=1):
            if self.stopped():
                return smallest, unbroken, False
            found, whole = self._first_break(sweep, size, fall)
            if not whole:
                return smallest, unbroken, False
            self.progress(FIRST_SHARE + (1 - FIRST_SHARE) * number / len(sizes))
            smallest = found or smallest
            unbroken = unbroken if found else (*unbroken, size)
            if (found is None) == bool(broken):  # on the way down the first that holds, on the way up the first broken
                break
        self.progress(1.0)
        return smallest, unbroken, True

    def _first_break(self, sweep: Sweep, size: int, fall: np.ndarray) -> tuple[Tried | None, bool]:
        """A window of that size that breaks the match, those that should cost most tried first; and whether all were
        tried or one was found."""
        places = sorted(windows_of(size), key=lambda place: -float(fall[place.mask].mean()))
        tried = 0
        for batch in self._batches(places):
            tried += len(batch)
            broken = [one for one in batch if sweep.breaks(one)]
            if broken:
                return min(broken, key=lambda one: one.lead), True
        return None, tried == len(places)
