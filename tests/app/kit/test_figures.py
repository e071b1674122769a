"""The score figure: bars, markers and threshold lines say what the matches say."""

from __future__ import annotations

import pytest

from app.kit.figures import VERDICT_COLOUR, evaluation_curves, score_bars
from ssn.evaluation.curves import AXES
from ssn.evaluation.metrics.intervals import Drawn
from ssn.evaluation.summary import summarise
from ssn.evaluation.svg import within
from ssn.gallery.store import Match
from tests.evaluation.toy_scores import toy_run

MATCHES = [
    Match(1, "Ada", 1, 0.81, 11, "match"),
    Match(2, "A name that is far too long for an axis", 2, 0.55, 12, "uncertain"),
    Match(3, "Eve", 3, -0.2, 13, "no match"),
]


def test_bars_follow_the_ranking_and_carry_the_verdict():
    bars = score_bars(MATCHES, thresholds={"0.01": 0.5}).data[0]
    assert list(bars.x) == [0.81, 0.55, -0.2]
    assert list(bars.marker.color) == [VERDICT_COLOUR[m.verdict] for m in MATCHES]
    assert len(set(score_bars(MATCHES).data[0].marker.color)) == 1, "without thresholds there is no verdict"
    assert bars.y[0] == "1  Ada"
    assert all(len(label) < 22 for label in bars.y)


def test_complete_scores_are_markers():
    figure = score_bars(MATCHES, other=[0.9, 0.5, 0.1])
    assert list(figure.data[1].x) == [0.9, 0.5, 0.1]
    assert len(score_bars(MATCHES).data) == 1


def test_each_threshold_has_a_line_and_its_false_match_rate():
    figure = score_bars(MATCHES, thresholds={"0.01": 0.5, "0.001": 0.7})
    assert sorted(shape.x0 for shape in figure.layout.shapes) == [0.5, 0.7]
    assert {note.text for note in figure.layout.annotations} == {"FMR 1 %", "FMR 0.1 %"}


def test_a_figure_is_sent_without_what_it_does_not_need():
    assert len(score_bars(MATCHES, other=[0.9, 0.5, 0.1]).to_json()) < 2500


def test_negative_scores_stay_in_view():
    low, high = score_bars(MATCHES).layout.xaxis.range
    assert low < -0.2
    assert high > 1.0


def test_the_figure_is_drawn_for_nobody_too():
    assert len(score_bars([]).data[0].x) == 0


def test_curves_of_two_runs_share_axes_and_colours_and_the_second_is_dashed(tmp_path):
    runs = [summarise(toy_run(tmp_path / f"{gain}.npz", gain=gain), Drawn(2)) for gain in (0.0, 0.1)]
    figures = evaluation_curves(runs)
    assert set(figures) == set(AXES)
    lines = figures["roc"].data
    assert [line.line.dash for line in lines] == ["solid"] * 3 + ["dash"] * 3
    assert [line.line.color for line in lines[:3]] == [line.line.color for line in lines[3:]]
    assert lines[0].name == "A: NIR, complete"
    curve = within(runs[0].rows[0].curves["roc"], *AXES["roc"])
    assert list(lines[0].y) == pytest.approx(list(curve.y))
    assert lines[0].customdata[-1][0] == f"{100 * curve.x[-1]:.3g} %"
    assert list(figures["cmc"].layout.xaxis.ticktext) == ["1", "2", "5", "10", "20", "40"]
