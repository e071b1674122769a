"""One visitor's run: from a protocol to what the tab shows, with its progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.evaluation.sources import Source
from app.evaluation.visit import Shown
from app.first_start import data_folder
from app.services import Services
from ssn.data.face_store import FaceStore
from ssn.errors import DataError
from ssn.evaluation.face_set import protocol_face_set
from ssn.evaluation.groups import group_rows
from ssn.evaluation.matcher import NetworkMatcher
from ssn.evaluation.metrics.intervals import Drawn
from ssn.evaluation.mistakes import mistakes, picture_pair
from ssn.evaluation.run import Plan, run
from ssn.evaluation.runs import load_run
from ssn.evaluation.summary import summarise

RESAMPLES = 200
"""How often people are drawn anew for an interval on the page; a report by the command line takes more."""


class RunStoppedError(Exception):
    """The visitor cancelled, or is gone."""


@dataclass(frozen=True)
class Progress:
    """``what`` is done to ``done`` of ``total`` things; ``left`` seconds remain, None where that is not known yet."""

    what: str
    done: int = 0
    total: int = 0
    left: float | None = None


class Watch:
    """Counts what is done, guesses what is left, and ends the run where that is asked."""

    def __init__(self, cancel: threading.Event):
        self.cancel = cancel
        self.now = Progress("Starting")
        self._since = time.monotonic()

    def step(self, what: str, done: int, total: int) -> None:
        """Raises RunStoppedError."""
        if self.cancel.is_set():
            raise RunStoppedError
        if what != self.now.what:
            self._since = time.monotonic()
        spent = time.monotonic() - self._since
        self.now = Progress(what, done, total, spent / done * (total - done) if done > 1 else None)

    def through(self, items: Iterable, what: str, total: int) -> Iterator:
        """Items one after the other, each of them a step."""
        name = "Drawing and aligning faces" if what == "faces" else what.capitalize()
        for done, item in enumerate(items):
            self.step(name, done, total)
            yield item


def measured(services: Services, source: Source, people: int, occlusions: tuple[str, ...], watch: Watch) -> Shown:
    """Measure the page's model, when nothing else that takes minutes is under way. Raises DataError where something is
    or the protocol cannot be read, RunStoppedError."""
    with services.running():
        cache = data_folder() / "cache"
        protocol = source.request(people).read(cache)
        store = FaceStore(cache, 1) if source.root is not None else None
        faces = protocol_face_set(protocol, store, watch.through)
        plan = Plan(occlusions)
        matcher = NetworkMatcher(services.recognizer)
        told = partial(watch.step, "Describing faces")
        scores = run(faces, matcher, plan, told=told, command="SSN Studio, evaluation tab")
        watch.step("Computing curves", 0, 1)
        wrong = tuple(mistakes(scores, faces))
        who = len(set(faces.compared().gallery_people))
        name = f"{protocol.name}, {who} people: {', '.join(occlusions)} ({matcher.name})"
        pairs = tuple(picture_pair(mistake, services.recognizer) for mistake in wrong)
        return Shown(name, summarise(scores, Drawn(RESAMPLES)), wrong, pairs, tuple(group_rows(scores)))


def opened(path: Path) -> Shown:
    """An earlier run. Raises DataError, which tells no visitor where files lie, where the file is none."""
    try:
        return Shown(path.name, load_run(path, Drawn(RESAMPLES)))
    except DataError as error:
        raise DataError(
            f"{path.name} cannot be shown: it, or the score file it names, is missing or damaged.",
            "Put what evaluate wrote beside it, or choose another run.",
        ) from error
