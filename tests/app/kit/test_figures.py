"""The score figure: bars, markers and threshold lines say what the matches say."""

from __future__ import annotations

from app.kit.figures import VERDICT_COLOUR, score_bars
from ssn.gallery.store import Match

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


def test_negative_scores_stay_in_view():
    low, high = score_bars(MATCHES).layout.xaxis.range
    assert low < -0.2
    assert high > 1.0


def test_the_figure_is_drawn_for_nobody_too():
    assert len(score_bars([]).data[0].x) == 0
