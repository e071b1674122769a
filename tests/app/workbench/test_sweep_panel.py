"""The Sweep panel: what it shows, and what must not reach the page after a step."""

from __future__ import annotations

import pytest

from app.workbench import bench as steps
from app.workbench import sweep_html as views
from app.workbench import sweep_panel as module
from app.workbench.sweep_figure import sweep_figure
from ssn.gallery.sweep import Sweeper
from tests.app.conftest import noise_face
from tests.coroutines import finish


@pytest.fixture
def hidden(services, desk, visitor, bench, face, landmarks):
    services.enrol("Ada <b>", face, "test")
    services.enrol("Eve", noise_face(landmarks, 31), "test")
    visit = desk.visit(visitor)[1]
    visit.put(steps.set_mode(services, steps.choose(services, bench, 0), "maskTop"))
    return visit.bench


@pytest.fixture
def panel(desk):
    return desk.below[2]


def test_a_sweep_of_the_face_on_the_bench_is_shown(services, panel, visitor, hidden):
    *before, last, _ = panel.on_start(96, visitor)
    assert before[0][panel.cancel].interactive, "it can be cancelled from the first moment"
    assert not last[panel.cancel].interactive
    html = last[panel.result] + last[panel.map]
    assert html.count("<li") == 4
    assert html.count("<circle") == 4
    assert "Ada <b>" not in html
    face = hidden.after.face
    sweep = Sweeper(face, services.gallery, services.recognizer.embed_batch).run(96)
    assert f"{sweep.parts[0].best.score:.3f}" in html
    assert sweep.whole.best.score == pytest.approx(hidden.matches[0].score, abs=1e-5)
    curve = sweep_figure(sweep).data[-1]
    assert list(curve.y) == sorted(tried.score for tried in sweep.windows)
    assert views.windows(sweep, face).count('class="smallest"') == (sweep.smallest is not None)


@pytest.fixture
def slow(monkeypatch):
    """A sweep that lasts until it is cancelled."""

    def wait(services, bench, window, told, run):
        assert run.cancel.wait(60)
        return Sweeper(bench.after.face, services.gallery, services.recognizer.embed_batch, stopped=lambda: True).run(
            window
        )

    monkeypatch.setattr(module, "sweep_bench", wait)


def test_a_sweep_is_cancelled(panel, visitor, hidden, slow):
    running = panel.on_start(96, visitor)
    next(running)
    finish(panel.on_cancel(visitor))
    *_, last, _ = running
    assert "Cancelled" in last[panel.status]


def test_after_a_step_no_old_sweep_is_shown(desk, panel, visitor, hidden, slow):
    running = panel.on_start(96, visitor)
    next(running)
    shown = desk.occlusion.on_mode("none", True, visitor)
    assert "Press Sweep" in shown[panel.result]
    assert [answer for answer in running if panel.result in answer] == []


def test_an_explanation_and_a_sweep_do_not_stop_each_other(desk, visitor, hidden):
    visit = desk.visit(visitor)[1]
    why, sweep = visit.begin(hidden), visit.begin(hidden, "sweep")
    assert visit.is_current(why)
    assert visit.is_current(sweep)
    assert visit.stop("sweep")
    assert not why.cancel.is_set()
    visit.interrupt()
    assert why.cancel.is_set()
    assert not visit.is_current(sweep)


def test_without_a_probe_there_is_nothing_to_sweep(panel, visitor):
    (only,) = panel.on_start(32, visitor)
    assert "Choose a probe" in only[panel.status]
