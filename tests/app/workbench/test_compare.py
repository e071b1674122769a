"""Comparisons: each side is what the bench itself would show, and numbers of two models have no difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.workbench import bench as steps
from app.workbench import compare_html as views
from app.workbench.compare import HIDING, MODELS, PINNED, joint, kinds, measures, sides_of
from app.workbench.compare_figure import joint_figure
from app.workbench.slide_html import FIRST, under_one_handle
from app.workbench.visit import Visit
from ssn.errors import DataError, NoFaceError
from tests.app.conftest import noise_face


@pytest.fixture
def hidden(services, bench, face, landmarks):
    services.enrol("Ada <b>", face, "test")
    for seed in range(3):
        services.enrol(f"Person {seed}", noise_face(landmarks, 30 + seed), "test")
    return steps.set_mode(services, steps.choose(services, bench, 0), "maskBottom")


def test_complete_hidden_and_like_with_like(services, hidden):
    complete, behind, alike = sides_of(services, HIDING, hidden)
    assert complete.bench.matches == steps.set_mode(services, hidden, "none").matches
    assert behind.bench.matches == hidden.matches
    assert set(alike.bench.rescored) == {match.template_id for match in hidden.matches}
    ada = hidden.matches[0]
    assert complete.scores[ada.person_id][1] == pytest.approx(hidden.complete_scores[0], abs=1e-6)
    table = {row.name: row for row in measures([complete, behind, alike])}
    change = alike.counted(alike.bench.matches[0]) - complete.bench.matches[0].score
    assert float(table["Its score"].change) == pytest.approx(change, abs=1e-3)
    assert table["Hidden"].values[0] == "0.0 %"
    assert table["Verdict"].values[1] == hidden.matches[0].verdict
    html = views.comparison([complete, behind, alike], list(table.values()))
    assert html.count("<section ") == 3
    assert html.count("<img") == 17, "two of them once more under the handle"
    assert "Ada &lt;b&gt;" in html
    assert "Ada <b>" not in html
    people = joint([complete, behind, alike])
    assert len(people) == 4
    figure = joint_figure([complete, behind, alike], people)
    assert [len(trace.x) for trace in figure.data] == [4, 4, 2], "both other sides, and the line of equal scores"
    for trace in figure.data[:2]:
        left, right = figure.layout.xaxis.range
        for x, where in zip(trace.x, trace.textposition, strict=True):
            assert where.split()[1] == ("left" if right - x < x - left else "right"), "names stand inwards"
    named = [place for place, text in enumerate(figure.data[0].text) if text]
    heights, sides = (np.array(given)[named] for given in (figure.data[0].y, figure.data[0].textposition))
    assert [where.split()[0] for where in sides[np.argsort(heights)]] == ["bottom", "top"], "no name lies on the other"


def test_pinned_and_now(services, hidden):
    with pytest.raises(DataError, match="pinned"):
        sides_of(services, PINNED, hidden)
    pinned = steps.set_mode(services, hidden, "maskTop")
    first, second = sides_of(services, PINNED, hidden, [pinned])
    assert (first.bench.mode, second.bench.mode) == ("maskTop", "maskBottom")
    assert "eyes hidden" in views.pinned_card([pinned])


def test_two_models_are_not_subtracted(two_models, bench, face, landmarks):
    two_models.enrol("Ada", face, "test")
    two_models.enrol("Eve", noise_face(landmarks, 31), "test")
    now = steps.choose(two_models, bench, 0)
    assert MODELS in kinds(two_models)
    own, other = sides_of(two_models, MODELS, now)
    assert other.bench.matches == now.opinion.matches
    assert not any(row.change for row in measures([own, other]))
    assert len(joint_figure([own, other], joint([own, other])).data) == 1, "no line of equal scores"


def test_what_cannot_be_compared_is_said(services, hidden, bench):
    assert MODELS not in kinds(services)
    for kind in (MODELS, "anything"):
        with pytest.raises(DataError):
            sides_of(services, kind, hidden)
    with pytest.raises(DataError, match="Nothing is hidden"):
        sides_of(services, HIDING, steps.set_mode(services, hidden, "none"))
    with pytest.raises(NoFaceError):
        sides_of(services, HIDING, bench)
    with pytest.raises(DataError, match="damaged"):
        sides_of(services, PINNED, replace(hidden, search_problem="The gallery is damaged.", alike=False), [hidden])


def test_the_panel_says_what_is_wrong_and_forgets_with_the_next_step(services, desk, visitor, hidden):
    panel = desk.below[1]
    assert "No face is chosen" in panel.on_compare(HIDING, visitor)[panel.problem]
    assert "No face is chosen" in panel.on_pin(visitor)[panel.problem]
    visit = desk.visit(visitor)[1]
    visit.put(hidden)
    assert "Pinned" in panel.on_pin(visitor)[panel.pinned]
    shown = panel.on_compare(HIDING, visitor)
    assert "Like with like" in shown[panel.result]
    assert shown[panel.plot].visible
    after = desk.occlusion.on_mode("maskTop", True, visitor)
    assert "Press Compare" in after[panel.result]
    assert "eyes hidden" in panel.on_compare(PINNED, visitor)[panel.result]


def test_two_states_stay_pinned_and_none_twice(services, hidden, visitor):
    visit = Visit()
    top, complete = (steps.set_mode(services, hidden, mode) for mode in ("maskTop", "none"))
    for state in (complete, hidden, top, replace(hidden)):
        visit.pin(state)
    assert [state.mode for state in visit.pinned] == ["maskTop", "maskBottom"]
    sides = sides_of(services, PINNED, complete, visit.pinned)
    assert [side.title for side in sides] == ["Pinned 1", "Pinned 2", "Now"]
    html = under_one_handle(sides, [[f"{side.title}-{place}" for place in range(5)] for side in sides])
    assert f'src="Pinned 1-{FIRST}"' in html
    assert f'src="Pinned 2-{FIRST}"' in html
    assert html.count("<option") == 3 + 3 + 5
    assert "Ada &lt;b&gt;" in html
    assert "Ada <b>" not in html
