"""Probes → the people of a gallery who are most like each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ssn.answers.faces import subject_of
from ssn.errors import SSNError
from ssn.faces.types import AlignedFace
from ssn.gallery.cohort import Cohort
from ssn.gallery.index import find_over
from ssn.gallery.search_verdict import judges_of
from ssn.gallery.store import GalleryStore, Match
from ssn.gallery.verdict import SEARCH_RULE, SearchRates, find_rule
from ssn.recognizer import Recognizer, Template


@dataclass(frozen=True)
class Probe:
    """A photo's aligned face and its template, or why it has none. ``photo`` is what the asker calls it; ``covered`` is
    as in ``SearchJudges``, 0 where nobody looked."""

    photo: str | int
    face: AlignedFace | None = None
    template: Template | None = None
    error: SSNError | None = None
    covered: float = 0.0


@dataclass(frozen=True)
class Wanted:
    """``k`` ranks; with the rule ``search`` the verdicts hold at ``rates``; ``over`` says what several templates of a
    person count as. Raises DataError for a rule, or a way to count, that is none."""

    k: int = 5
    rule: str = SEARCH_RULE
    rates: SearchRates = field(default_factory=SearchRates)
    over: str = "best"

    def __post_init__(self) -> None:
        find_rule(self.rule)
        find_over(self.over)


def search_probes(
    store: GalleryStore, recognizer: Recognizer, cohort: Cohort | None, probes: Sequence[Probe], wanted: Wanted
) -> list[list[Match]]:
    """The matches of every probe; none for a photo without a template. Raises GalleryError, TemplateMismatchError."""
    known = [probe.template for probe in probes if probe.template is not None]
    thresholds, over = recognizer.card.thresholds, find_over(wanted.over)
    answers = iter(store.search_many(known, wanted.k, thresholds, wanted.rule, over))
    matches = [[] if probe.template is None else next(answers) for probe in probes]
    if wanted.rule != SEARCH_RULE or cohort is None:
        return matches
    return [_judged(cohort, probe, store, wanted.rates, one) for probe, one in zip(probes, matches, strict=True)]


def _judged(cohort: Cohort, probe: Probe, store: GalleryStore, rates: SearchRates, matches: list[Match]) -> list[Match]:
    """The matches of a probe with the verdicts of its search, where its condition was measured."""
    if probe.face is None or probe.template is None:
        return matches
    judges = judges_of(cohort, probe.face, probe.template, store, rates, covered=probe.covered)
    return matches if judges is None else judges.judged(matches)


def probe_row(probe: Probe, matches: Sequence[Match]) -> dict:
    """``{"photo", "face", "covered", "matches"}``, or ``{"photo", "matches": [], "error"}``."""
    if probe.face is None:
        return {"photo": probe.photo, "matches": [], "error": str(probe.error)}
    rows = [match_row(one) for one in matches]
    return {"photo": probe.photo, "face": subject_of(probe.face), "covered": probe.covered, "matches": rows}


def match_row(match: Match) -> dict:
    """``{"rank", "person", "score", "verdict"}``."""
    return {"rank": match.rank, "person": match.person, "score": match.score, "verdict": match.verdict}
