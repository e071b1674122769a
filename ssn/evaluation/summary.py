"""A score file → everything a report says of the run: measures with their intervals, curves, thresholds, worst errors.

No network and no picture: the same file gives the same summary.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ssn.evaluation import curves, metrics
from ssn.evaluation.curves import Curve, Histogram
from ssn.evaluation.metrics.acquisition import Acquisition
from ssn.evaluation.metrics.intervals import DRAWN, Drawn, Interval, SortedComparisons, share_draws, verification_draws
from ssn.evaluation.metrics.open_set import Searches, fnir_at_fpir, missed, searches, strangers_of
from ssn.evaluation.scores import Comparisons, RunHeader, ScoreFile, ScoreRow, Verification, fingerprint

RATES = (0.01, 0.001)
"""FMRs at which TPR is read."""
FPIRS = (0.1, 0.01)
RANKS = 5
STRANGERS = 0.5
"""Share of the people left out of the gallery for the open set, where all probes' people are enrolled."""


@dataclass(frozen=True)
class RowSummary:
    """One kind of probe. ``measures`` in [0, 1]: ``auc``, ``eer``, ``tpr_at_RATE``, ``rank1`` …, ``fnir_at_RATE``;
    ``thresholds`` by FMR; ``draws``: (resamples,) values of each measure, for comparing two runs."""

    spectrum: str
    occlusion: str
    measures: dict[str, Interval]
    thresholds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    histogram: Histogram | None = None
    draws: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.spectrum, self.occlusion


@dataclass(frozen=True)
class RunSummary:
    """One run. ``compared`` names who was compared: two runs with the same one are compared pair by pair; "" where it
    is not known."""

    header: RunHeader
    rows: list[RowSummary]
    compared: str = ""
    acquisition: Acquisition | None = None
    failures: tuple[str, ...] = ()


def summarise(scores: ScoreFile, drawn: Drawn = DRAWN) -> RunSummary:
    """Everything of all rows on file."""
    who = scores.comparisons
    failed = len(who.failed_probes), len(who.failed_gallery)
    totals = len(who.probe_ids) + failed[0], len(who.gallery_ids) + failed[1]
    acquisition = Acquisition(totals[0], failed[0], totals[1], failed[1]) if all(totals) else None
    ids = (who.probe_ids, who.probe_people, who.gallery_ids, who.gallery_people, who.enrolled)
    compared = fingerprint([scores.header.fingerprint, *(str(part.tolist()) for part in ids)])
    rows = [summarise_row(row, who, drawn) for row in scores.rows()]
    failures = (*who.failed_probes.tolist(), *who.failed_gallery.tolist())
    return RunSummary(scores.header, rows, compared, acquisition, failures)


def summarise_row(row: ScoreRow, who: Comparisons, drawn: Drawn = DRAWN) -> RowSummary:
    """One row; measures that need what it lacks (genuine pairs, a gallery, strangers) are left out."""
    values: dict[str, float] = {}
    draws: dict[str, np.ndarray] = {}
    drawing: dict[str, Curve] = {}
    compared = row.verification(who)
    both = bool(compared.same.any()) and not bool(compared.same.all())
    if both:
        probe, gallery = who.people()
        people = probe[compared.probe], gallery[compared.gallery]
        values, draws = verification_draws(SortedComparisons(compared.scores, compared.same, *people), RATES, drawn)
        drawing = curves.verification_curves(compared.scores, compared.same)
    if row.matrix.size:
        for part in (_closed_set(row, who, drawn), _open_set(row, who, drawn)):
            values, draws, drawing = values | part.values, draws | part.draws, drawing | part.curves
    impostors = _impostors(row, who)
    return RowSummary(
        spectrum=row.spectrum,
        occlusion=row.occlusion,
        measures={name: drawn.interval(value, draws[name]) for name, value in values.items()},
        thresholds={str(rate): metrics.threshold_at_fmr(impostors, rate) for rate in RATES if len(impostors)},
        counts={
            "genuine": int(compared.same.sum()),
            "impostor": int((~compared.same).sum()),
            "probes": len(row.searched) or len(np.unique(compared.probe)),
            "gallery": len(who.enrolled) or len(who.gallery_ids),
        },
        curves=drawing,
        histogram=curves.histogram(compared.scores, compared.same) if both else None,
        draws=draws,
    )


def _impostors(row: ScoreRow, who: Comparisons) -> np.ndarray:
    """All impostor scores of a row: of its pairs, and of all against all."""
    matrix, probes, gallery = row.identification(who)
    everything = matrix[probes[:, None] != gallery[None, :]]
    if not len(row.pairs):
        return everything
    pairs = row.verification(who)
    return np.concatenate([everything, pairs.scores[~pairs.same]])


@dataclass(frozen=True)
class _Part:
    values: dict[str, float] = field(default_factory=dict)
    draws: dict[str, np.ndarray] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)


def _closed_set(row: ScoreRow, who: Comparisons, drawn: Drawn) -> _Part:
    """Ranks of the probes whose people are enrolled."""
    matrix, probes, gallery = row.identification(who)
    ranks = metrics.mate_ranks(matrix, probes, gallery)
    mated = ranks > 0
    if not mated.any():
        return _Part()
    number, _ = who.people()
    people, count = number[row.searched][mated], int(number.max()) + 1
    hits = {f"rank{r}": ranks[mated] <= r for r in range(1, RANKS + 1)}
    return _Part(
        {name: float(hit.mean()) for name, hit in hits.items()},
        {name: share_draws(hit, people, count, drawn) for name, hit in hits.items()},
        {"cmc": curves.cmc_curve(ranks[mated], len(np.unique(gallery)))},
    )


def open_searches(row: ScoreRow, who: Comparisons) -> tuple[Searches, np.ndarray] | None:
    """The searches of an open set, and whose the mated ones are. Where every probe's person is enrolled, half of the
    people are taken out of the gallery, always the same; None where that leaves nothing to search."""
    matrix, probes, gallery = row.identification(who)
    if np.isin(probes, gallery).all():
        left = ~np.isin(gallery, strangers_of(gallery, STRANGERS))
        matrix, gallery = matrix[:, left], gallery[left]
    mated = np.isin(probes, gallery)
    if mated.all() or not mated.any():
        return None
    return searches(matrix, probes, gallery), probes[mated]


def _open_set(row: ScoreRow, who: Comparisons, drawn: Drawn) -> _Part:
    """FNIR at each FPIR; the draws leave the threshold as it is."""
    opened = open_searches(row, who)
    if opened is None:
        return _Part()
    searched, people = opened
    names, index = np.unique(people, return_inverse=True)
    values, draws = {}, {}
    for rate in FPIRS:
        point = fnir_at_fpir(searched, rate)
        values[f"fnir_at_{rate}"] = point.fnir
        draws[f"fnir_at_{rate}"] = share_draws(missed(searched, point.threshold), index, len(names), drawn)
    return _Part(values, draws, {"open_set": curves.open_set(searched)})


@dataclass(frozen=True)
class WorstError:
    """A comparison that went wrong by most: ``genuine`` below the threshold, or an impostor at or above it. ``probe``
    and ``gallery`` are places in the comparisons."""

    genuine: bool
    score: float
    threshold: float
    probe: int
    gallery: int


def worst_errors(row: ScoreRow, who: Comparisons, rate: float = 0.001, most: int = 6) -> list[WorstError]:
    """Up to ``most`` false non-matches, lowest score first, then as many false matches, highest first, at the
    threshold of that FMR."""
    impostors = _impostors(row, who)
    if not len(impostors):
        return []
    threshold = metrics.threshold_at_fmr(impostors, rate)
    compared = row.verification(who)
    order = np.argsort(compared.scores, kind="stable")
    genuine = [i for i in order if compared.same[i] and compared.scores[i] < threshold][:most]
    wrong = [i for i in order[::-1] if not compared.same[i] and compared.scores[i] >= threshold][:most]
    return [_worst(compared, i, threshold) for i in (*genuine, *wrong)]


def _worst(compared: Verification, i: int, threshold: float) -> WorstError:
    places = int(compared.probe[i]), int(compared.gallery[i])
    return WorstError(bool(compared.same[i]), float(compared.scores[i]), threshold, *places)
