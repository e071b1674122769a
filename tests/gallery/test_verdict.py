"""Rates, verdicts and the words for them: said in one place, and the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ssn.errors import DataError
from ssn.gallery.verdict import (
    NO_THRESHOLDS,
    RULES,
    by_rate,
    css_class,
    find_rule,
    rate_meaning,
    rate_name,
    summary,
    two_rates,
    verdict,
    words,
)

BOTH = {"0.01": 0.4, "0.001": 0.6}
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("score", "thresholds", "head", "numbers"),
    [
        (0.7, BOTH, "Match: Ada", {"0.700", "0.600", "1,000", "0.1"}),
        (0.5, BOTH, "Uncertain: perhaps Ada", {"0.500", "0.400", "100", "1", "0.600", "0.1"}),
        (0.2, BOTH, "No match in this gallery", {"0.200", "0.400", "1"}),
        (0.5, {"0.01": 0.4}, "Uncertain: perhaps Ada", {"0.500", "0.400", "100", "1"}),
        (0.5, {"0.001": 0.6}, "Uncertain: perhaps Ada", {"0.500", "0.600", "0.1"}),
        (0.7, {}, "Most like Ada", set()),
        (0.7, {"0.1": 0.2}, "Most like Ada", set()),
    ],
)
def test_the_words_name_the_verdict_and_the_numbers_behind_it(score, thresholds, head, numbers):
    said = words("Ada", score, verdict(score, thresholds), thresholds)
    assert said.head == head
    assert set(re.findall(r"\d[\d.,]*\d|\d", said.why)) == numbers
    assert (said.why == NO_THRESHOLDS) == (not numbers)


def test_rates_are_named_alike_and_the_strictest_comes_first():
    assert [rate_name(rate) for rate, _ in by_rate({"0.01": 1, "0.1": 1, "0.0001": 1, "0.001": 1})] == [
        "FMR 0.01 %",
        "FMR 0.1 %",
        "FMR 1 %",
        "FMR 10 %",
    ]
    assert rate_meaning("0.001").startswith("match")
    assert rate_meaning("0.1") == ""
    assert css_class("no match") == "no-match"


def test_a_ranking_of_two_matches_is_told_as_such():
    assert "Nobody" in summary(two_rates([0.5, 0.1], BOTH))
    assert summary(two_rates([0.7, 0.1], BOTH)) == ""
    assert "2 people" in summary(two_rates([0.7, 0.65, 0.1], BOTH))


def test_a_new_rule_is_one_row(monkeypatch):
    """Somebody is a match only where the next is far behind."""

    def leads(scores, thresholds):
        ahead = len(scores) > 1 and scores[0] - scores[1] > 0.3
        return ["match" if ahead and i == 0 else "no match" for i in range(len(scores))]

    with pytest.raises(DataError, match="two-rates"):
        find_rule("leads")
    monkeypatch.setitem(RULES, "leads", leads)
    assert find_rule("leads")([0.5, 0.1], {}) == ["match", "no match"]
    assert words("Ada", 0.5, "match", BOTH).kind == "match"


def test_nobody_else_reads_a_rate_to_judge_or_to_name_it():
    """The page and the commands take verdicts and their words from where they are made."""
    files = [path for room in ("app", "ssn/gallery") for path in (ROOT / room).rglob("*.py")]
    files += [ROOT / "ssn" / "commands" / f"{command}.py" for command in ("enrol", "enrolling", "match")]
    telling = re.compile(r"""FMR \d|get\("0\.0+1"\)|thresholds\["0""")
    own = {path.relative_to(ROOT).as_posix() for path in files if telling.search(path.read_text(encoding="utf-8"))}
    assert own <= {"ssn/gallery/verdict.py"}
