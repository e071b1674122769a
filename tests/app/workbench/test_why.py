"""Explaining a match: the right target, an honest answer to cancelling, and words that fit the numbers."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from app.workbench import bench as steps
from app.workbench import why_html as views
from app.workbench.reasons import SIDE_BY_SIDE, find_reason, side_by_side, target_of
from app.workbench.why_figures import AGAINST, FOR, INFLUENCE, belief_curves, region_bars
from ssn.errors import ExplanationCancelledError, ExplanationError
from ssn.explanation.cache import Memory
from ssn.faces.types import AlignedFace


@pytest.fixture
def ranked(services, bench, face, landmarks):
    """A bench on which two people are ranked."""
    other = AlignedFace(face.pixels[::-1].copy(), landmarks, face.transform)
    services.enrol("Ada", face, "test")
    services.enrol("Eve", other, "test")
    return steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")


def reason(services, bench, method="gradcam", cancel=None, contrast=False):
    person = bench.matches[0].person_id
    return find_reason(
        services, bench, person, method, contrast, Memory(4), lambda share: None, cancel or threading.Event()
    )


def test_the_target_is_the_person_and_the_contrast_the_next_one(services, ranked):
    first, second = ranked.matches
    target = target_of(services, ranked, first.person_id, contrast=True)
    assert (target.name, target.rival_name) == (first.person, second.person)
    assert target_of(services, ranked, second.person_id, contrast=True).rival_name == first.person
    with pytest.raises(ExplanationError):
        target_of(services, ranked, 999, contrast=False)


def test_a_match_is_explained_and_measured(services, ranked):
    why = reason(services, ranked)
    assert why.found.map.shape == (128, 128)
    assert why.found.score == pytest.approx(ranked.matches[0].score, abs=0.01)
    assert why.face is ranked.after.face
    html = views.reason(why)
    assert "Grad-CAM" in html
    assert why.belief.verdict in html
    assert f"{why.belief.curves.deletion_auc:.3f}" in html
    names = [trace.name for trace in belief_curves(why.belief).data]
    assert names == ["random orders", "random, mean", "centred", "this map"] * 2, "for both curves"
    bars = region_bars(why.found.regions).data[0]
    assert set(bars.y) == set(why.found.regions)
    assert list(np.abs(bars.x)) == sorted(np.abs(bars.x), reverse=True)
    assert np.abs(bars.x).sum() == pytest.approx(100)
    assert set(bars.marker.color) <= {FOR, AGAINST}


def test_the_map_comes_first_then_the_other_face_then_what_it_is_worth(services, ranked):
    heard = []
    person = ranked.matches[0].person_id
    last = find_reason(services, ranked, person, "gradcam", False, Memory(9), heard.append, threading.Event())
    first, second = [now for now in heard if not isinstance(now, float)]
    assert (first.enrolled, first.belief, first.measuring) == (None, None, True)
    assert second.enrolled is not None
    assert second.belief is None
    assert last.belief is not None
    assert not last.measuring
    assert "Measuring whether" in views.reason(second)
    shares = [now for now in heard if isinstance(now, float)]
    assert shares == sorted(shares)
    stored = services.gallery.stored_face(ranked.matches[0].template_id)
    assert (last.other.pixels == stored.pixels).all()
    html = views.reason(last)
    assert html.count("<figure>") == 2
    assert f"Enrolled: {last.name}" in html


def test_without_a_stored_picture_the_probe_alone_is_explained(services, bench, face):
    services.gallery.enrol("Ada", services.recognizer.enrolment(face))
    why = reason(services, steps.choose(services, bench, 0))
    assert why.enrolled is None
    assert "No stored picture" in views.reason(why)
    assert why.belief is not None


def test_a_map_without_directions_has_one_colour_and_says_so(services, ranked):
    why = reason(services, ranked, "saliency")
    html = views.reason(why)
    assert "no influence" in html
    assert "against" not in html.split("<h3>")[0]
    assert "in which direction this method does not say" in html
    assert set(region_bars(why.found.regions, signed=False).data[0].marker.color) == {INFLUENCE}


def test_several_methods_stand_side_by_side_and_a_stop_leaves_those_there_are(services, ranked):
    person, heard = ranked.matches[0].person_id, []
    found = side_by_side(services, ranked, person, False, Memory(40), heard.append, threading.Event())
    assert [why.found.method for why in found] == list(SIDE_BY_SIDE)
    assert [why for why in heard if not isinstance(why, float)] == found, "each as soon as it is there"
    assert views.side_by_side(found).count("<li>") == len(SIDE_BY_SIDE)
    stop = threading.Event()
    hear = lambda now: None if isinstance(now, float) else stop.set()  # noqa: E731
    part = side_by_side(services, ranked, person, False, Memory(40), hear, stop)
    assert [why.found.method for why in part] == ["deeplift"]
    assert views.side_by_side([]) == ""


def test_cancelled_before_the_first_step_there_is_nothing(services, ranked):
    stop = threading.Event()
    stop.set()
    with pytest.raises(ExplanationCancelledError):
        reason(services, ranked, "occlusion", stop)


def test_an_unfinished_map_says_so(services, ranked):
    stop = threading.Event()
    person = ranked.matches[0].person_id
    why = find_reason(services, ranked, person, "occlusion", False, Memory(4), lambda share: stop.set(), stop)
    assert not why.found.complete
    assert why.belief is None
    assert "unfinished" in views.reason(why)


def test_the_time_of_a_cached_answer_is_called_cached(services, ranked):
    memory, person = Memory(4), ranked.matches[0].person_id
    ask = lambda: find_reason(services, ranked, person, "gradcam", False, memory, lambda s: None, threading.Event())  # noqa: E731
    first, again = ask(), ask()
    assert not first.cached
    assert again.cached
    assert "cached" not in views.reason(first)
    assert "this is cached" in views.reason(again)
