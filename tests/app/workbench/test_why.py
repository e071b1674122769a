"""Explaining a match: the right target, an honest answer to cancelling, and words that fit the numbers."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from app.kit.figures import belief_curves, region_bars
from app.workbench import bench as steps
from app.workbench import why_html as views
from app.workbench.reasons import find_reason, target_of
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
    assert [trace.name for trace in belief_curves(why.belief).data] == ["deletion", "insertion"]
    bars = region_bars(why.found.regions).data[0]
    assert set(bars.y) == set(why.found.regions)
    assert list(np.abs(bars.x)) == sorted(np.abs(bars.x), reverse=True)


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
