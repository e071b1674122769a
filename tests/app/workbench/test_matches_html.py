"""The Matches panel's words: no verdict where none was measured, and honest counts."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from app.model.html import model_card
from app.page import header
from app.workbench import bench as steps
from app.workbench import matches_html as views
from app.workbench.alike_html import alike_facts
from app.workbench.matches import MatchesPanel
from ssn.gallery.alike import Reranking
from ssn.gallery.second_opinion import Opinion
from ssn.gallery.store import Match
from ssn.gallery.verdict import verdict
from ssn.models.card import ModelCard

THRESHOLDS = {"0.01": 0.2, "0.001": 0.3}
HIGHER = {"0.01": 0.5, "0.001": 0.7}
EVIL = '<img src=x onerror="alert(1)">'


def match(rank: int, person: str, score: float) -> Match:
    return Match(rank, person, sum(map(ord, person)), score, 10 * rank, "match")


@pytest.fixture
def hidden(services, bench):
    return steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")


@pytest.fixture
def reranked(hidden):
    """Ada and Ben with new scores; Eve has no picture."""
    matches = (match(1, "Ada", 0.512), match(2, "Ben", 0.6), match(3, "Eve", 0.4))
    told = Reranking({10: 0.71, 20: 0.65}, kept=1, ms=284.4)
    return replace(hidden, alike=True, matches=matches, complete_scores=(0.9, 0.9, 0.9), reranking=told)


def test_reranked_rows_show_both_scores_and_no_verdict(reranked):
    html = views.ranking(reranked, {})
    shown = re.findall(r"(0\.\d{3})<small[^>]*>was (0\.\d{3})</small>", html)
    assert shown == [("0.710", "0.512"), ("0.650", "0.600")]
    chips = re.findall(r'<em class="chip [^>]*>([^<]*)</em>', html)
    assert chips == ["not re-ranked"]
    assert '<li class="match">' not in html
    assert html.count("Why?</button>") == 3


def test_the_banner_says_who_leads_and_claims_no_verdict(reranked):
    html = views.verdict_banner(reranked, THRESHOLDS)
    assert "Re-ranked: Ada leads by 0.060" in html
    assert "0.650 for Ben" in html
    assert "thresholds were measured on the ordinary score" in html
    assert "Match:" not in html
    alone = replace(reranked, reranking=Reranking({10: 0.71}, 2, 1.0))
    assert "Ada alone" in views.verdict_banner(alone, THRESHOLDS)
    none = replace(reranked, reranking=Reranking({99: 0.71}, 3, 1.0))
    assert "nobody of the first 3" in views.verdict_banner(none, THRESHOLDS)


def test_a_reranking_that_moved_nobody_leaves_the_verdicts(reranked):
    idle = replace(reranked, reranking=Reranking({}, 3, 1.0))
    assert "Match: Ada" in views.verdict_banner(idle, THRESHOLDS)
    assert "chip match" in views.ranking(idle, {})
    assert "nobody is re-ranked" in alike_facts(idle)


def test_the_line_under_the_box_says_what_it_does(reranked, hidden, bench):
    assert "changes nothing" in alike_facts(None)
    assert "changes nothing" in alike_facts(bench)
    assert "Up to 50 people" in alike_facts(hidden)
    said = alike_facts(reranked)
    assert "2 people re-ranked in 284 ms" in said
    assert "1 person has no stored picture" in said
    assert "no stored picture" not in alike_facts(replace(reranked, reranking=Reranking({10: 0.7}, 0, 1.0)))


def test_the_figure_shows_the_new_scores_without_thresholds(services, reranked):
    with gr.Blocks():
        panel = MatchesPanel(services)
    figure = panel._figure(reranked, THRESHOLDS).value["plot"]
    bars, diamonds = json.loads(figure)["data"]
    assert bars["x"] == [0.71, 0.65, 0.4]
    assert diamonds["x"] == [0.512, 0.6, 0.4]
    assert diamonds["name"] == "before re-ranking"
    assert "FMR" not in figure
    assert "FMR" in panel._figure(replace(reranked, reranking=None), THRESHOLDS).value["plot"]


def with_score(bench, score):
    """The bench, its best match replaced by one of that score."""
    match = Match(1, "Ada", 1, score, 1, verdict(score, HIGHER))
    return replace(bench, matches=(match,), complete_scores=(score + 0.1,))


@pytest.mark.parametrize(
    ("score", "words"), [(0.8, "Match: Ada"), (0.6, "Uncertain: perhaps Ada"), (0.3, "No match in this gallery")]
)
def test_the_banner_is_as_sure_as_the_thresholds(services, bench, score, words):
    done = with_score(steps.choose(services, bench, 0), score)
    assert words in views.verdict_banner(done, HIGHER)


def test_without_thresholds_there_is_no_verdict(services, bench):
    done = with_score(steps.choose(services, bench, 0), 0.99)
    assert "no thresholds" in views.verdict_banner(done, {})
    assert "Match:" not in views.verdict_banner(done, {})
    assert "chip" not in views.ranking(done, {}, judged=False)
    assert "chip match" in views.ranking(done, {})


def test_an_empty_gallery_is_told(services, bench):
    assert "gallery is empty" in views.verdict_banner(steps.choose(services, bench, 0), HIGHER)


def test_ranks_show_the_change_only_where_something_is_hidden(services, bench, face):
    services.enrol("Ada", face, "test")
    done = steps.choose(services, bench, 0)
    assert "<small" not in views.ranking(done, {})
    hidden = steps.set_mode(services, done, "maskBottom")
    assert re.search(r"<small[^>]*>[-+]\d\.\d{3}</small>", views.ranking(hidden, {}))


def test_names_typed_by_visitors_are_escaped(services, bench, face):
    services.enrol(EVIL, face, "test")
    done = steps.choose(services, bench, 0)
    for html in (views.ranking(done, {}), views.verdict_banner(done, HIGHER)):
        assert "onerror" in html
        assert "<img src=x" not in html


def second(bench, people, skipped=0):
    return replace(bench, opinion=Opinion(tuple(match(i, *one) for i, one in enumerate(people, start=1)), skipped))


def test_a_second_model_agrees_or_not(reranked):
    card = ModelCard("other", thresholds=THRESHOLDS)
    agreeing = views.second_opinion(second(reranked, [("Ada", 0.8), ("Ben", 0.1)]), card)
    assert "Second model: other" in agreeing
    assert "Agrees on rank 1: Ada" in agreeing
    assert "cannot be compared" in agreeing
    assert agreeing.count("chip match") == 2
    assert "Disagrees on rank 1: Ben, not Ada" in views.second_opinion(second(reranked, [("Ben", 0.8)]), card)


def test_a_second_model_without_thresholds_has_no_verdicts_and_counts_what_it_skipped(reranked):
    html = views.second_opinion(second(reranked, [("Ada", 0.8)], skipped=2), ModelCard("other"))
    assert "chip" not in html
    assert "no thresholds" in html
    assert "no stored picture: 2" in html
    assert views.second_opinion(reranked, ModelCard("other")) == ""


def test_names_are_escaped_here_too(reranked):
    evil = replace(reranked, matches=tuple(replace(one, person=EVIL) for one in reranked.matches))
    evil = second(evil, [(EVIL, 0.8)])
    for html in (
        views.verdict_banner(evil, THRESHOLDS),
        views.ranking(evil, {}),
        views.second_opinion(evil, ModelCard(EVIL)),
    ):
        assert "onerror" in html
        assert "<img src=x" not in html


def test_the_box_can_be_ticked_only_where_something_is_hidden(services, hidden, face):
    services.enrol("Ada", face, "test")
    with gr.Blocks():
        panel = MatchesPanel(services)
    assert not panel.alike.box.interactive
    assert panel.renew(hidden, "vis", True)[panel.alike.box].interactive
    cleared = steps.paint(services, steps.set_alike(services, hidden, True), np.zeros((128, 128), bool))
    box = panel.renew(cleared, "vis", True)[panel.alike.box]
    assert not box.interactive
    assert box.value, "what was asked for is not forgotten"


def test_the_model_tab_and_the_masthead_name_a_second_model(services, two_models):
    identity = two_models.beside.recognizer.model_id
    assert "Second model" in model_card(two_models)
    assert identity in model_card(two_models)
    assert "0.700" in model_card(two_models), "its own threshold"
    assert identity in header(two_models)
    assert "Second model" not in model_card(services)
