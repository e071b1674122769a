"""What a score means: the thresholds measured at a false match rate, the verdicts that follow from them, and the words
for both. Nothing else in the program reads a rate or names a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ssn.errors import DataError

Verdict = Literal["match", "uncertain", "no match"]
Thresholds = Mapping[str, float]
"""Cosine score by false match rate, as a model card holds them: ``{"0.01": 0.48, "0.001": 0.59}``."""

STRICT, LOOSE = "0.001", "0.01"
MATCH: Verdict = "match"
UNCERTAIN: Verdict = "uncertain"
NO_THRESHOLDS = "This model has no thresholds, so there is no verdict."


class VerdictRule(Protocol):
    """Scores of one search, best first, and the model's thresholds → a verdict for each."""

    def __call__(self, scores: Sequence[float], thresholds: Thresholds) -> list[Verdict]: ...


def verdict(score: float, thresholds: Thresholds) -> Verdict:
    """``match`` at or above the threshold of FMR 0.1 %, ``uncertain`` down to that of 1 %, ``no match`` below. Without
    thresholds nothing is called a match."""
    strict, loose = thresholds.get(STRICT), thresholds.get(LOOSE)
    if strict is not None and score >= strict:
        return "match"
    return "uncertain" if loose is None or score >= loose else "no match"


def two_rates(scores: Sequence[float], thresholds: Thresholds) -> list[Verdict]:
    """Every score by itself, as :func:`verdict` says."""
    return [verdict(score, thresholds) for score in scores]


@dataclass(frozen=True)
class SearchRates:
    """Shares of strangers' searches (FPIR), in (0, 1): at most so many end with somebody called a match, and so many
    with somebody called uncertain or a match."""

    match: float = 0.01
    uncertain: float = 0.25

    @classmethod
    def around(cls, match: float) -> SearchRates:
        """With another rate of matches. Raises DataError outside (0, 0.5]."""
        if not 0 < match <= 0.5:
            raise DataError(f"{match} is no rate of wrong matches.", "Choose one above 0 and up to 0.5.")
        return cls(match, max(cls.uncertain, match))


def in_search(scores: Sequence[float], thresholds: Thresholds) -> list[Verdict]:
    """By the scores from which on *this search* finds a match, or is uncertain, as ``cohort.Judge.thresholds`` has them
    for a probe, its condition and the size of the gallery. Thresholds that were not made for a search are read as
    :func:`two_rates` reads them."""
    match, uncertain = thresholds.get(MATCH), thresholds.get(UNCERTAIN)
    if match is None or uncertain is None:
        return two_rates(scores, thresholds)
    return ["match" if s >= match else "uncertain" if s >= uncertain else "no match" for s in scores]


RULES: dict[str, VerdictRule] = {"two-rates": two_rates, "search": in_search}
DEFAULT_RULE = "two-rates"
SEARCH_RULE = "search"


def find_rule(name: str) -> VerdictRule:
    """Raises DataError for a name that is not in ``RULES``."""
    if name not in RULES:
        raise DataError(f"{name!r} is no verdict rule.", f"Use one of {', '.join(RULES)}.")
    return RULES[name]


def rate_name(rate: str) -> str:
    """``"0.001"`` → ``FMR 0.1 %``."""
    return f"FMR {100 * float(rate):g} %"


def reached_by(rate: str) -> str:
    """``"0.001"`` → ``one stranger in 1,000``."""
    return f"one stranger in {round(1 / float(rate)):,}"


def rate_meaning(rate: str) -> str:
    """What reaching the threshold of a rate is called; empty for a rate no verdict depends on."""
    return {STRICT: "match at or above", LOOSE: "uncertain at or above, no match below"}.get(rate, "")


def by_rate(thresholds: Thresholds) -> list[tuple[str, float]]:
    """(rate, score), strictest first."""
    return sorted(thresholds.items(), key=lambda item: float(item[0]))


def css_class(given: Verdict) -> str:
    """The verdict as a word without spaces."""
    return given.replace(" ", "-")


@dataclass(frozen=True)
class Words:
    """A verdict said aloud: ``head`` names it, ``why`` gives the numbers, ``kind`` is match, uncertain or none."""

    head: str
    why: str
    kind: Literal["match", "uncertain", "none"]


def words(person: str, score: float, given: Verdict, thresholds: Thresholds) -> Words:
    """What is said of rank 1, whose score and verdict these are."""
    strict, loose = thresholds.get(STRICT), thresholds.get(LOOSE)
    if strict is None and loose is None:
        return Words(f"Most like {person}", NO_THRESHOLDS, "uncertain")
    if given == "match" and strict is not None:
        why = f"{score:.3f} is above {strict:.3f}, which {reached_by(STRICT)} reaches ({rate_name(STRICT)})."
        return Words(f"Match: {person}", why, "match")
    if given == "match":
        return Words(f"Match: {person}", f"The score is {score:.3f}.", "match")
    if given == "uncertain":
        return Words(f"Uncertain: perhaps {person}", _why_uncertain(score, strict, loose), "uncertain")
    bound, rate = (loose, LOOSE) if loose is not None else (strict, STRICT)
    why = f"The best score, {score:.3f}, stays below {bound:.3f} ({rate_name(rate)})."
    return Words("No match in this gallery", why, "none")


def _why_uncertain(score: float, strict: float | None, loose: float | None) -> str:
    if loose is None:
        return f"{score:.3f} stays below {strict:.3f} ({rate_name(STRICT)})."
    why = f"{score:.3f} is above {loose:.3f}, which {reached_by(LOOSE)} reaches ({rate_name(LOOSE)})"
    return why + (f", but not {strict:.3f} ({rate_name(STRICT)})." if strict is not None else ".")


def summary(verdicts: Sequence[Verdict]) -> str:
    """A line about a whole ranking; empty where exactly one person is a match and nothing needs saying."""
    matches = sum(given == "match" for given in verdicts)
    if matches == 0:
        return "Nobody enrolled reaches the threshold of a match."
    if matches == 1:
        return ""
    return f"{matches} people reach the threshold of a match: one face may be enrolled under several names."
