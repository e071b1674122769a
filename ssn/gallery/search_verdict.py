"""The verdicts of one search among so many people, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ssn.faces.types import AlignedFace
from ssn.gallery.cohort import Cohort, Judge
from ssn.gallery.condition import condition_of
from ssn.gallery.store import GalleryStore, Match
from ssn.gallery.verdict import MATCH, SEARCH_RULE, UNCERTAIN, SearchRates, Words, find_rule
from ssn.recognizer import Template

RAREST = 1e-6
"""Share of strangers below which no number is said."""
COVERED = 0.1
"""Share of a face that may be covered, by something that was not taken into account, before rates of uncovered faces no
longer count."""
NAMED = 3
"""People above the threshold who are named; more are counted."""


@dataclass(frozen=True)
class SearchJudges:
    """What judges the ordinary scores of a search, and its scores like with like where there are any. ``covered`` is
    the share of the probe that something hides of which nobody took account, in [0, 1]."""

    whole: Judge
    alike: Judge | None = None
    covered: float = 0.0

    @property
    def valid(self) -> bool:
        """Do the rates hold for this probe? They were measured for faces of which nothing else was hidden."""
        return self.covered < COVERED

    def of(self, match: Match, rescored: Mapping[int, float]) -> tuple[float, Judge]:
        """The score that counts for a match, and its judge; ``rescored`` by template id."""
        if self.alike is not None and match.template_id in rescored:
            return rescored[match.template_id], self.alike
        return match.score, self.whole

    def judged(self, matches: Sequence[Match], rescored: Mapping[int, float] | None = None) -> list[Match]:
        """The same matches with the verdicts of this search."""
        rule, given = find_rule(SEARCH_RULE), []
        for match in matches:
            score, judge = self.of(match, rescored or {})
            verdict = rule([score], judge.thresholds)[0]
            given.append(replace(match, verdict=UNCERTAIN if verdict == MATCH and not self.valid else verdict))
        return given


def judges_of(
    cohort: Cohort | None,
    face: AlignedFace,
    probe: Template,
    gallery: GalleryStore,
    rates: SearchRates,
    alike: bool = False,
    seen: np.ndarray | None = None,
    covered: float = 0.0,
) -> SearchJudges | None:
    """Who judges a search of that face's template in a gallery as it stands; with ``seen``, the template of what
    is seen of it, the scores like with like are those by cells. ``covered`` is as in :class:`SearchJudges`. None
    without a cohort, in a condition it does not know, and where nobody is enrolled. Raises GalleryError."""
    if cohort is None:
        return None
    size = gallery.size()
    whole = cohort.judge(probe, condition_of(face), *size, rates)
    if whole is None:
        return None
    if not alike:
        return SearchJudges(whole, covered=covered)
    condition = condition_of(face, "alike" if seen is None else "cells")
    return SearchJudges(whole, cohort.judge(probe, condition, *size, rates, seen), covered)


def frequency(rate: float) -> str:
    """``0.005`` → ``1 stranger in 200``, rounded to two digits."""
    count = 1 / rate
    return f"1 stranger in {round(count, 2 - len(str(int(count))) if count >= 100 else 0):,.0f}"


def get_this_far(rate: float) -> str:
    """``0.005`` → ``about 1 stranger in 200 gets this far``; ``rate`` is a share of strangers' searches in [0, 1]."""
    if rate >= 0.75:
        return "most strangers get this far"
    if rate < RAREST:
        return f"fewer than {frequency(RAREST)} gets this far"
    return f"about {frequency(rate)} gets this far"


def among(people: int) -> str:
    """How many are enrolled, in words."""
    return "with the 1 person you enrolled" if people == 1 else f"among your {people:,} people"


def said_of(score: float, judge: Judge) -> str:
    """One sentence: how many strangers do as well."""
    guess = ", by extrapolation" if judge.extrapolated(score) else ""
    return f"{get_this_far(float(judge.search_rate(score)))} {among(judge.people)}{guess}"


def search_words(matches: Sequence[Match], judges: SearchJudges, rescored: Mapping[int, float] | None = None) -> Words:
    """What is said of a ranking, whose verdicts are those of :meth:`SearchJudges.judged`. Everybody above the threshold
    is named."""
    best = matches[0]
    score, judge = judges.of(best, rescored or {})
    sentence = f"{score:.3f}: {said_of(score, judge)}."
    above = [match.person for match in matches if match.verdict == "match"]
    if len(above) > 1:
        return Words(
            f"{len(above)} people match: {_names(above)}", f"{sentence} One face may have several names.", "match"
        )
    if above:
        return Words(f"Match: {above[0]}", sentence, "match")
    perhaps = [match.person for match in matches if match.verdict == "uncertain"]
    if perhaps:
        needed = f"A match is what {frequency(judge.rates.match)} reaches."
        if not judges.valid:
            needed = f"But {cover_words(judges.covered)}"
        return Words(f"Uncertain: perhaps {_names(perhaps)}", f"{sentence} {needed}", "uncertain")
    return Words("No match in this gallery", f"The best score is {sentence}", "none")


def cover_words(covered: float) -> str:
    """What is said of a face of which the share ``covered``, in [0, 1], is hidden by something nobody took account of;
    empty where verdicts hold all the same."""
    if covered < COVERED:
        return ""
    return (
        f"something seems to cover {100 * covered:.0f}\u00a0% of this face, and these rates are of faces without a "
        "cover: nobody is called a match until it is hidden."
    )


def _names(people: Sequence[str]) -> str:
    """``Ada``, ``Ada or Ben``, ``Ada, Ben, Cid or 4 others``."""
    if len(people) > NAMED:
        return f"{', '.join(people[:NAMED])} or {_others(len(people) - NAMED)}"
    return " or ".join([", ".join(people[:-1]), people[-1]] if len(people) > 1 else people)


def _others(count: int) -> str:
    return "1 other" if count == 1 else f"{count} others"
