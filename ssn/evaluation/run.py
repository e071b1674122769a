"""A method on a protocol's faces, row by row: scores, which are filed as they come, and the measures of them.

A row is one probe spectrum and one occlusion. A run that ends in the middle goes on with the first row that is not on
file; what was measured before is not measured again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet
from ssn.evaluation.matcher import Matcher, NetworkMatcher
from ssn.evaluation.measure import Evaluation, Row, row_of, score_row
from ssn.evaluation.metrics.open_set import fnir_at_fpir
from ssn.evaluation.probes import as_probe, checked
from ssn.evaluation.scores import Comparisons, RowKey, RunHeader, ScoreFile, ScoreRow, fingerprint
from ssn.evaluation.summary import FPIRS, open_searches
from ssn.faces.occlude import OCCLUSIONS
from ssn.faces.types import Spectrum
from ssn.recognizer import Recognizer

T = TypeVar("T")
Told = Callable[[int, int], None]
"""Faces described so far, and how many there are to describe. What it raises ends the run."""


def nobody(_done: int, _total: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Plan:
    """Which rows are measured. ``spectra`` None: those of the set, with simulated NIR beside real NIR where
    ``simulate`` asks. ``tell_covers``: methods that use a mask know what a drawn cover hides. ``open_set`` None:
    measured wherever there can be one."""

    occlusions: tuple[str, ...] = tuple(OCCLUSIONS)
    spectra: tuple[Spectrum, ...] | None = None
    simulate: bool = False
    tell_covers: bool = False
    open_set: bool | None = None

    def keys(self, faces: FaceSet) -> list[RowKey]:
        """Spectrum by spectrum. Raises DataError for a spectrum that no probe can be shown in, or an occlusion that is
        none."""
        spectra = self.spectra or faces.measured_spectra(self.simulate)
        occlusions = checked(self.occlusions)
        for spectrum in spectra:
            if not len(faces.places(spectrum)):
                raise DataError(f"{faces.name} has no probes in {spectrum}.", "NIR is simulated from VIS photos only.")
        return [(spectrum, occlusion) for spectrum in spectra for occlusion in occlusions]


def data_fingerprint(faces: FaceSet, plan: Plan, precision: str = "float32") -> str:
    """Of every picture, whose it is, how covers are told and in which precision scores are computed."""
    who = faces.compared()
    named = (who.probe_ids, who.probe_people, who.gallery_ids, who.gallery_people)
    words = (str(part.tolist()) for part in named)
    pixels = (part for face in (*faces.gallery, *faces.probes) for part in (face.pixels, np.asarray(face.landmarks)))
    return fingerprint([*words, str(faces.pairs.tolist()), f"{plan.tell_covers} {precision}", *pixels])


@dataclass
class _Measuring:
    """Describes gallery and probes, the gallery once, and counts both."""

    faces: FaceSet
    matcher: Matcher
    plan: Plan
    told: Told
    total: int
    done: int = 0
    gallery: np.ndarray | None = field(default=None, repr=False)

    def _counted(self, items: Iterable[T]) -> Iterator[T]:
        for item in items:
            yield item
            self.done += 1
            self.told(self.done, self.total)

    def __call__(self, spectrum: str, occlusion: str) -> ScoreRow:
        if self.gallery is None:
            self.gallery = self.matcher.describe(self._counted(self.faces.gallery), enrolled=True)
        shown, tell = cast(Spectrum, spectrum), self.plan.tell_covers
        places = self.faces.places(shown)
        looks = (as_probe(self.faces.shown(int(i), shown), occlusion, tell) for i in places)
        scores = self.matcher.compare(self.matcher.describe(self._counted(looks)), self.gallery)
        return score_row(self.faces, shown, occlusion, places, scores)


def run(
    faces: FaceSet,
    matcher: Matcher,
    plan: Plan | None = None,
    path: Path | None = None,
    told: Told = nobody,
    command: str = "",
    print_of_data: str | None = None,
) -> ScoreFile:
    """Every row of the plan, in the file at ``path`` or in memory. ``print_of_data`` spares computing the fingerprint
    again. Raises DataError where the file holds another run, or a row cannot be measured."""
    plan = plan or Plan()
    keys = plan.keys(faces)
    data = print_of_data or data_fingerprint(faces, plan, matcher.precision)
    header = RunHeader(matcher.name, faces.name, data, command, tuple(notes_of(faces, plan)))
    scores = ScoreFile.resume(path, header, faces.compared())
    left = scores.missing(keys)
    work = sum(len(faces.places(cast(Spectrum, spectrum))) for spectrum, _ in left)
    measuring = _Measuring(faces, matcher, plan, told, work + (len(faces.gallery) if left else 0))
    asked = {row.key: row for row in scores.complete(keys, measuring)}
    return ScoreFile(path, header, scores.comparisons, asked)


def notes_of(faces: FaceSet, plan: Plan) -> list[str]:
    """What a reader of the figures must know of the data."""
    spectra = plan.spectra or faces.measured_spectra(plan.simulate)
    notes = list(faces.notes)
    if "nir-simulated" in spectra and "nir" in spectra:
        notes.append("Rows of simulated NIR are made from VIS probes; those of NIR are real.")
    if faces.unmatched:
        notes.append(f"{faces.unmatched} probes are left out: no picture of their person could be enrolled.")
    if drawn := [name for name in plan.occlusions if name not in OCCLUSIONS]:
        told = "told" if plan.tell_covers else "not told"
        notes.append(f"Drawn on the photos: {', '.join(drawn)}. Methods are {told} what these hide.")
    return notes


def evaluation_of(scores: ScoreFile, faces: FaceSet, matcher: Matcher, plan: Plan) -> Evaluation:
    """The measures of a finished run. Raises DataError where an open set is asked for and there is none."""
    who = scores.comparisons
    rows = [_measured(row, who, len(faces.failures), matcher.cosine, plan.open_set) for row in scores.rows()]
    return Evaluation(matcher.name, faces.name, rows, tuple(notes_of(faces, plan)), faces.failures, matcher.precision)


def _measured(row: ScoreRow, who: Comparisons, failures: int, cosine: bool, open_set: bool | None) -> Row:
    measures = row_of(row, who, failures, cosine)
    if open_set is False:
        return measures
    found = _open_set(row, who)
    if open_set and not found:
        raise DataError(
            "An open set needs probes of enrolled people and of others.", "Add a list to identify, or more people."
        )
    return replace(measures, open_set=found)


def _open_set(row: ScoreRow, who: Comparisons) -> dict[str, float]:
    """FNIR by FPIR and how many searches that is from; nothing where there is no open set."""
    opened = open_searches(row, who) if row.matrix.size else None
    if opened is None:
        return {}
    searched, _ = opened
    rates = {str(rate): fnir_at_fpir(searched, rate).fnir for rate in FPIRS}
    return {**rates, "strangers": len(searched.stranger_scores), "enrolled": len(searched.mate_scores)}


def evaluate(
    faces: FaceSet,
    recognizer: Recognizer,
    spectra: tuple[Spectrum, ...] | None = None,
    occlusions: Sequence[str] = tuple(OCCLUSIONS),
    simulate: bool = False,
    told: Told = nobody,
    fast: bool = False,
) -> Evaluation:
    """Measure a model on a protocol's faces, with the notes of both; nothing is filed."""
    plan = Plan(tuple(occlusions), spectra, simulate)
    matcher = NetworkMatcher(recognizer, fast=fast)
    return evaluation_of(run(faces, matcher, plan, told=told, print_of_data="memory"), faces, matcher, plan)
