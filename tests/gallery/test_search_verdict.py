"""The verdicts of one search, and their words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from ssn.errors import DataError
from ssn.gallery.cohort import Judge
from ssn.gallery.condition import Condition
from ssn.gallery.search_verdict import SearchJudges, among, frequency, get_this_far, search_words
from ssn.gallery.store import Match
from ssn.gallery.tail import RATES, Tail
from ssn.gallery.verdict import SearchRates, find_rule, in_search, two_rates

TAIL = Tail(norm.isf(RATES), 1e-5, 1, "all")


def judges(alike: bool = False, comparisons: int = 80) -> SearchJudges:
    def judge(mean: float) -> Judge:
        return Judge(mean, 0.08, TAIL, None, comparisons, comparisons, SearchRates(), Condition("vis", "none"))

    return SearchJudges(judge(0.1), judge(0.3) if alike else None)


def matches(*scores: float) -> list[Match]:
    names = ("Ada", "Ben", "Cid", "Dora", "Eve")
    return [
        Match(rank, name, rank, score, 10 * rank, "no match")
        for rank, (name, score) in enumerate(zip(names, scores, strict=False), start=1)
    ]


def test_the_rule_is_a_row_and_falls_back_where_no_search_was_measured():
    assert find_rule("search") is in_search
    asked = {"match": 0.5, "uncertain": 0.3}
    assert in_search([0.6, 0.4, 0.2], asked) == ["match", "uncertain", "no match"]
    fixed = {"0.01": 0.4, "0.001": 0.6}
    assert in_search([0.7, 0.5, 0.1], fixed) == two_rates([0.7, 0.5, 0.1], fixed)


@given(st.floats(-1, 1), st.integers(1, 10_000))
def test_a_verdict_is_that_of_the_stated_rates(score, comparisons):
    made = judges(comparisons=comparisons)
    verdict = made.judged(matches(score))[0].verdict
    rate = float(made.whole.search_rate(score))
    if abs(rate - 0.01) > 1e-6 and abs(rate - 0.25) > 1e-6:
        assert verdict == ("match" if rate < 0.01 else "uncertain" if rate < 0.25 else "no match")


def test_the_sentence_says_how_many_strangers_get_this_far():
    score = judges().whole.score_at(0.005)
    found = search_words(judges().judged(matches(score, 0.1)), judges())
    assert found.head == "Match: Ada"
    assert "about 1 stranger in 200 gets this far among your 80 people" in found.why
    assert found.kind == "match"


def test_two_people_above_the_threshold_are_both_named():
    found = search_words(judges().judged(matches(0.9, 0.8, 0.1)), judges())
    assert found.head == "2 people match: Ada or Ben"
    found = search_words(judges().judged(matches(0.9, 0.9, 0.9, 0.9, 0.1)), judges())
    assert found.head == "4 people match: Ada, Ben, Cid or 1 other"


def test_a_stranger_refused_is_no_error():
    found = search_words(judges().judged(matches(0.2, 0.1)), judges())
    assert (found.head, found.kind) == ("No match in this gallery", "none")
    assert "most strangers get this far" in found.why


def test_uncertain_says_what_a_match_would_need():
    score = judges().whole.score_at(0.1)
    found = search_words(judges().judged(matches(score)), judges())
    assert found.head == "Uncertain: perhaps Ada"
    assert "1 stranger in 10 " in found.why
    assert "1 stranger in 100 " in found.why


def test_scores_like_with_like_are_judged_by_their_own_strangers():
    """0.45 is far above what strangers score ordinarily, and usual like with like."""
    ranked = matches(0.45, 0.45)
    whole = judges().judged(ranked)
    alike = judges(alike=True).judged(ranked, {10: 0.45})
    assert [match.verdict for match in whole] == ["match", "match"]
    assert [match.verdict for match in alike] == ["no match", "match"], "the second was not scored anew"
    assert "0.450" in search_words(alike, judges(alike=True), {10: 0.45}).why


def test_what_is_extrapolated_is_called_so():
    found = search_words(judges().judged(matches(0.95)), judges())
    assert "by extrapolation" in found.why
    assert "by extrapolation" not in search_words(judges().judged(matches(0.3)), judges()).why


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.005, "1 stranger in 200"),
        (1 / 3, "1 stranger in 3"),
        (1 / 1234, "1 stranger in 1,200"),
        (0.01, "1 stranger in 100"),
    ],
)
def test_frequencies_are_round(rate, words):
    assert frequency(rate) == words


def test_frequencies_at_the_ends():
    assert get_this_far(0.9) == "most strangers get this far"
    assert get_this_far(1e-9) == "fewer than 1 stranger in 1,000,000 gets this far"
    assert among(1) == "with the 1 person you enrolled"
    assert among(1200) == "among your 1,200 people"


@pytest.mark.parametrize("rate", [0.0, -0.1, 0.6, 1.0])
def test_rates_out_of_range_are_refused(rate):
    with pytest.raises(DataError, match="rate"):
        SearchRates.around(rate)


@given(st.floats(0.001, 0.5))
def test_what_is_a_match_is_never_less_than_uncertain(rate):
    rates = SearchRates.around(rate)
    assert rates.match == rate <= rates.uncertain


@pytest.mark.parametrize("covered", [0.0, 0.05, 0.27])
def test_behind_a_cover_nobody_took_into_account_nobody_is_called_a_match(covered):
    judged = replace(judges(), covered=covered)
    sure, unsure = judged.whole.score_at(0.001), judged.whole.score_at(0.1)
    ranked = judged.judged(matches(sure, unsure, -0.9))
    words = search_words(ranked, judged)
    if covered < 0.1:
        assert [match.verdict for match in ranked] == ["match", "uncertain", "no match"]
        assert words.kind == "match"
        assert "cover" not in words.why
    else:
        assert [match.verdict for match in ranked] == ["uncertain", "uncertain", "no match"]
        assert words.kind == "uncertain"
        assert "cover 27\u00a0% of this face" in words.why
