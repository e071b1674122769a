"""Verdicts of a search on the page: banner, chips, figure, slider."""

from __future__ import annotations

import json
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.html import search_rates
from app.services import Services
from app.session import Sessions
from app.workbench import bench as steps
from app.workbench import matches_html as views
from app.workbench.strangers import EDGES, MOST, RAREST, set_threshold, strangers_message, threshold_words
from app.workbench.tab import build_workbench
from ssn.gallery.cohort import Cohort
from ssn.gallery.condition import Condition
from ssn.gallery.verdict import SearchRates
from ssn.recognizer import Template
from tests.app.conftest import event, noise_face
from tests.gallery.strangers import cohort, templates

FIXED = {"0.01": 0.2, "0.001": 0.3}


@pytest.fixture(scope="module")
def measured() -> Cohort:
    return cohort()


@pytest.fixture
def judging(services, measured, landmarks, monkeypatch) -> Services:
    """A model whose strangers were measured, and five people enrolled."""
    monkeypatch.setattr(type(services), "visibility", None)  # to which a face of noise is no face
    for seed, name in enumerate(("Ada", "Ben", "Cid", "Dora", "Eve"), start=10):
        services.enrol(name, noise_face(landmarks, seed), "test")
    return replace(services, cohort=replace(measured, model_id=services.recognizer.model_id))


@pytest.fixture
def ada(judging, bench, landmarks):
    """Ada's own picture is searched: her score is 1 but for the mirror image."""
    face = noise_face(landmarks, 10)
    return steps.choose(judging, replace(bench, photo=replace(bench.photo, faces=(face, None))), 0)


@pytest.fixture
def desk(judging):
    with gr.Blocks(), gr.Tab("Workbench") as tab:
        return build_workbench(judging, Sessions(), tab)


def test_verdicts_follow_this_search_and_not_the_fixed_thresholds(judging, ada):
    judge = ada.judges.whole
    assert judge.comparisons == judge.people == 5
    for match in ada.matches:
        rate = float(judge.search_rate(match.score))
        expected = "match" if rate <= 0.01 else "uncertain" if rate <= 0.25 else "no match"
        assert match.verdict == expected
    banner = views.verdict_banner(ada, FIXED)
    assert "among your 5 people" in banner
    assert "FMR" not in banner


def test_without_a_cohort_the_fixed_thresholds_stay_and_the_rate_is_explained(services, bench, face):
    services.enrol("Ada", face, "test")
    done = steps.choose(services, bench, 0)
    assert done.judges is None
    assert "FMR, in plain words" in views.search_facts(done)
    assert "FMR" in views.verdict_banner(done, FIXED)


def test_a_stranger_is_refused_without_alarm(judging, ada):
    low = tuple(replace(match, score=-0.9) for match in ada.matches)
    refused = replace(ada, matches=tuple(ada.judges.judged(low)))
    banner = views.verdict_banner(refused, FIXED)
    assert 'class="verdict none" role="status"' in banner
    assert "No match in this gallery" in banner


def test_scores_like_with_like_have_verdicts_too(judging, ada):
    hidden = steps.set_alike(judging, steps.set_mode(judging, ada, "maskBottom"), True)
    assert hidden.judges.alike is not None
    html = views.ranking(hidden, {})
    assert html.count('class="chip') == len(hidden.matches)
    assert "No verdict" not in views.verdict_banner(hidden, FIXED)
    scores = hidden.reranking.scores
    for match in hidden.matches:
        rate = float(hidden.judges.alike.search_rate(scores[match.template_id]))
        assert match.verdict == ("match" if rate <= 0.01 else "uncertain" if rate <= 0.25 else "no match")


def test_the_slider_moves_the_verdicts_and_nothing_else(judging, ada, desk, visitor):
    visit = desk.visit(visitor)[1]
    visit.put(ada)
    run = visit.begin(ada)
    shown = desk.matches.on_threshold(event(percent=20, number=3), visitor)
    assert visit.bench.rates.match == pytest.approx(0.2)
    assert visit.bench.rates.uncertain >= 0.2
    assert visit.is_current(run), "what is being explained goes on"
    assert "At most 1 stranger in 5 is called a match" in shown[desk.matches.search_facts]
    message = json.loads(shown[desk.matches.strangers])
    assert (message["percent"], message["number"]) == (20, 3), "the question it answers is named"
    assert "about 1 stranger in 5 gets this far among your 5 people" in message["said"]
    strict, loose = (steps.set_rate(judging, ada, rate).judges.whole.thresholds["match"] for rate in (0.001, 0.2))
    assert strict > loose
    for nonsense in ({"percent": 90}, {"percent": 0}, {"score": "high"}, {}):
        wrong = desk.matches.on_threshold(event(number=4, **nonsense), visitor)
        assert "rate of wrong matches" in wrong[desk.probe.problem]
        assert json.loads(wrong[desk.matches.strangers])["percent"] == 20, "the handle goes back"
    assert visit.bench.rates.match == pytest.approx(0.2)


@given(share=st.floats(0, 1))
def test_the_handle_stays_where_it_is_put_and_the_words_say_what_that_means(measured, share):
    probe = Template(templates(1, 5)[0], measured.model_id)
    judge = measured.judge(probe, Condition("vis", "none"), 20, 20, SearchRates())
    scores = [judge.score_at(rate) for rate in (MOST, RAREST)]
    score = scores[0] + share * (scores[1] - scores[0])
    rate = float(judge.search_rate(score))
    moved = replace(judge, rates=SearchRates.around(min(MOST, max(RAREST, rate))))
    assert moved.thresholds["match"] == pytest.approx(score, abs=1e-6)
    assert f"A match from {score:.2f} on: " in threshold_words(moved)


def test_beyond_what_can_be_said_of_strangers_the_handle_stops(judging, ada):
    assert set_threshold(judging, ada, 5.0).rates.match == RAREST
    assert set_threshold(judging, ada, -5.0).rates.match == MOST
    unjudged = replace(ada, judges=None)
    assert set_threshold(judging, unjudged, 0.5) is unjudged


def test_a_rate_stays_from_probe_to_probe(judging, ada, demo):
    asked = steps.set_rate(judging, ada, 0.05)
    following = steps.open_photo(judging, demo[0].enrolment, "vis", "Your photo", like=asked)
    assert following.rates == asked.rates


def test_the_slider_is_shown_only_where_it_means_something(services, desk, ada, bench):
    panel = desk.matches
    assert panel.renew(ada, "vis", True)[panel.strangers]
    assert panel.renew(replace(ada, judges=None), "vis", True)[panel.strangers] == ""


def test_the_message_holds_as_many_strangers_as_templates(ada):
    judge = ada.judges.whole
    message = json.loads(strangers_message(ada))
    limits = [judge.thresholds["uncertain"], judge.thresholds["match"]]
    assert [message["uncertain"], message["match"]] == pytest.approx(limits, abs=1e-4)
    assert message["first"] == pytest.approx(ada.matches[0].score, abs=1e-4)
    assert sum(message["enrolled"]) == len(ada.enrolled_scores)
    assert len(message["expected"]) == len(message["enrolled"]) == len(EDGES) - 1
    assert judge.expected(EDGES).sum() == pytest.approx(judge.comparisons, rel=0.05)
    assert np.isfinite(judge.expected(EDGES)).all()


def test_the_model_tab_says_what_was_measured(measured):
    said = search_rates(measured)
    assert "1 stranger in 100" in said
    assert said.count("<tr>") == 1 + len(measured.adults)
    assert "whichever of 1 groups" in said
    assert "group is most like" not in search_rates(replace(measured, facts={}))
    assert "python -m ssn cohort" in search_rates(None)


class Scarf:
    """Says that the lower half of a face is hidden."""

    def visibility(self, face) -> np.ndarray:
        v = np.ones((128, 128), np.float32)
        v[64:] = 0.02
        return v

    def visibilities(self, faces) -> np.ndarray:
        return np.stack([self.visibility(face) for face in faces])


def test_behind_a_cover_nobody_is_called_a_match_until_it_is_hidden(judging, ada, monkeypatch):
    assert ada.matches[0].verdict == "match"
    monkeypatch.setattr(type(judging), "visibility", Scarf())
    covered = steps.set_choice(judging, ada, "vis")
    assert covered.matches[0].person == ada.matches[0].person
    assert covered.matches[0].verdict == "uncertain"
    hidden = steps.set_mode(judging, covered, "found")
    assert hidden.judges.valid
