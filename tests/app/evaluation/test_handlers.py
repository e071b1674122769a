"""The evaluation tab's handlers, asked as the page asks them."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import gradio as gr
import pytest

from app.evaluation import tab as tab_module
from app.evaluation.measuring import Progress, RunStoppedError, Watch, measured
from app.evaluation.sources import PEOPLE, Source, earlier_runs, runs_folder, sources, variable
from app.evaluation.tab import EvaluationTab, build_evaluation
from app.evaluation.visit import Shown, Visit
from app.session import Sessions
from app.workbench.visit import Visit as WorkbenchVisit
from ssn.errors import DataError
from ssn.evaluation.metrics.intervals import Drawn
from ssn.evaluation.mistakes import Mistake
from ssn.evaluation.summary import WorstError, summarise
from ssn.evaluation.tables import NAMES
from tests.app.conftest import event
from tests.asynchronous import run_async
from tests.evaluation.toy_scores import toy_run


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A data folder of its own, and no data sets."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name in ("lfw", "casia", "lamp-hq", "buaa", "oulu", "folder"):
        monkeypatch.delenv(variable(name), raising=False)
    return tmp_path


@pytest.fixture
def tab(services) -> EvaluationTab:
    with gr.Blocks(), gr.Tab("Evaluation") as made:
        return build_evaluation(services, Sessions(), made)


@pytest.fixture
def visit(tab, visitor) -> Visit:
    return tab.sessions.of(visitor).part(Visit)


@pytest.fixture
def shown(tmp_path) -> Shown:
    return Shown("toy", summarise(toy_run(tmp_path / "toy.npz"), Drawn(5)))


def test_sets_are_offered_where_their_variable_names_a_folder(tmp_path, monkeypatch):
    assert list(sources()) == ["synthetic"]
    monkeypatch.setenv("SSN_LAMP_HQ", str(tmp_path))
    monkeypatch.setenv("SSN_CASIA", str(tmp_path / "none"))
    assert list(sources()) == ["synthetic", "lamp-hq"]
    request = sources()["lamp-hq"].request(10)
    assert (request.protocol, request.given) == ("lamp-hq", {"root": tmp_path})


def test_a_protocol_that_is_not_offered_is_refused(tab, visitor):
    *_, answer = tab.on_measure("casia", 4, ["none"], visitor)
    assert "Set SSN_CASIA" in answer[tab.status]


@pytest.mark.parametrize("people", [PEOPLE[0] - 1, PEOPLE[1] + 1])
def test_nobody_draws_more_people_than_are_offered(people):
    with pytest.raises(DataError, match="Use 2 to 100"):
        Source("synthetic", "").request(people)


def test_a_run_is_shown_with_progress_and_can_be_chosen_again(tab, visit, visitor, shown, monkeypatch):
    seen = SimpleNamespace(now=Progress("Describing faces", 3, 12, 9.0))
    monkeypatch.setattr(tab_module, "Watch", lambda _: seen)
    monkeypatch.setattr(tab_module, "in_background", lambda *_: iter([0.0, shown]))
    first, last = tab.on_measure("synthetic", 4, ["none"], visitor)
    assert "3 of 12, about 9 s left" in first[tab.status]
    for measure in ("auc", "rank1"):
        assert NAMES[measure] in last[tab.measures]
    assert last[tab.plots["roc"]].visible
    assert last[tab.first].value == "toy"
    assert visit.running.begin() is not None, "the run has ended"
    again = tab.on_choice("toy", "", visitor)
    assert again[tab.measures] == last[tab.measures]


def test_two_runs_stand_beside_each_other_and_what_differs_is_said(tab, visitor, tmp_path):
    runs_folder().mkdir(parents=True)
    for gain in (0.0, 0.2):
        toy_run(runs_folder() / f"{gain}.npz", gain=gain)
    assert list(earlier_runs()) == ["0.0.npz", "0.2.npz"]
    update = tab.on_choice("0.0.npz", "0.2.npz", visitor)
    assert "A: NIR, maskTop" in update[tab.measures]
    assert "B: NIR, maskTop" in update[tab.measures]
    assert "B minus A" in update[tab.measures]
    assert update[tab.measures].count("The same data.") == 1
    assert update[tab.measures].count("data 0123456789abcdef") == 1
    assert 'download="evaluation.html"' in update[tab.downloads]
    assert '"dash":"dash"' in update[tab.plots["roc"]].value["plot"]
    choices = tab.on_open("0.0.npz", "gone.npz", visitor)
    assert choices[tab.first].value == "0.0.npz"
    assert choices[tab.second].value == ""


@pytest.mark.parametrize("name", ["../secret.json", "gone.npz", "/etc/passwd"])
def test_only_files_of_the_folder_are_opened(tab, visitor, name):
    assert "no longer there" in tab.on_choice(name, "", visitor)[tab.status]


def test_a_run_that_cannot_be_read_leaves_what_is_shown_and_chosen(tab, visitor, tmp_path):
    runs_folder().mkdir(parents=True)
    toy_run(runs_folder() / "good.npz")
    (runs_folder() / "torn.json").write_text('{"scores": "gone.npz"}')
    tab.on_choice("good.npz", "", visitor)
    update = tab.on_choice("good.npz", "torn.json", visitor)
    assert "torn.json cannot be shown" in update[tab.status]
    assert str(tmp_path) not in update[tab.status], "where files lie is not the visitor's business"
    assert (update[tab.first].value, update[tab.second].value) == ("good.npz", "")
    assert tab.measures not in update


def test_people_are_counted_where_they_are_drawn(tab):
    assert tab.on_protocol("synthetic")[tab.people].visible
    assert not tab.on_protocol("casia")[tab.people].visible


def test_one_run_a_visitor_and_so_many_a_server(tab, services, visit, visitor):
    assert visit.running.begin() is not None
    (answer,) = tab.on_measure("synthetic", 4, ["none"], visitor)
    assert "still under way" in answer[tab.status]
    visit.running.end()
    with services.runs:
        *_, answer = tab.on_measure("synthetic", 4, ["none"], visitor)
    assert "Another run is under way" in answer[tab.status]
    assert services.runs.take(), "a refused run takes nobody's place"
    services.runs.release()


def test_cancel_ends_the_run_and_frees_the_server(tab, services, visit, visitor, monkeypatch):
    begun = threading.Event()

    def drawing(source, people):
        begun.set()
        visit.running._cancel.wait(30)
        raise_if_asked.step("faces", 1, 2)

    raise_if_asked = Watch(threading.Event())
    monkeypatch.setattr(tab_module, "Watch", lambda cancel: raise_if_asked.__init__(cancel) or raise_if_asked)
    monkeypatch.setattr(Source, "request", drawing)
    answers = tab.on_measure("synthetic", 4, ["none"], visitor)
    next(answers)
    assert begun.wait(30)
    run_async(tab.on_cancel(visitor))
    *_, last = answers
    assert "Cancelled" in last[tab.status]
    assert services.runs.take()
    services.runs.release()


def test_a_step_after_cancel_ends_the_run():
    cancel = threading.Event()
    watch = Watch(cancel)
    assert list(watch.through([1, 2], "faces", 2)) == [1, 2]
    assert watch.now.total == 2
    cancel.set()
    with pytest.raises(RunStoppedError):
        watch.step("faces", 1, 2)


def test_what_goes_wrong_in_the_thread_is_said_on_the_page(tab, visit, visitor, monkeypatch):
    def broken(*_):
        raise DataError("There is no way.", "Go back.")

    monkeypatch.setattr(tab_module, "measured", broken)
    *_, last = tab.on_measure("synthetic", 4, ["none"], visitor)
    assert "There is no way." in last[tab.status]
    assert not last[tab.cancel].interactive
    assert visit.running.begin() is not None, "the run has ended"


def test_the_probe_of_an_error_goes_to_the_workbench_behind_its_mask(tab, visit, visitor, face, shown):
    mistake = Mistake(WorstError(True, 0.1, 0.5, 0, 0), "vis", "maskTop", face, face, face, ("a", "b"))
    visit.shown = (Shown("x", shown.summary, (mistake,)),)
    assert "no longer shown" in tab.on_error(event(place=1), visitor)[tab.status]
    assert tab.on_error(event(place=0), visitor) == {tab.status: ""}
    bench = tab.sessions.of(visitor).part(WorkbenchVisit).handed_over()
    assert bench.mode == "maskTop"
    assert bench.mask.any()
    assert bench.photo.title == "VIS, maskTop: false non-match"
    assert tab.sessions.of(visitor).part(WorkbenchVisit).handed_over() is None, "it is handed over once"


@pytest.mark.slow
def test_synthetic_people_are_measured(services):
    watch = Watch(threading.Event())
    run = measured(services, sources()["synthetic"], 3, ("none", "scarf"), watch)
    assert [row.key for row in run.summary.rows] == [("nir-simulated", "none"), ("nir-simulated", "scarf")]
    assert len(run.pairs) == len(run.mistakes)
    assert watch.now.what == "Computing curves"


def test_a_choice_made_while_another_is_read_is_not_lost(services):
    with gr.Blocks() as page, gr.Tab("Evaluation") as made:
        built = build_evaluation(services, Sessions(), made)
    own = (built.first._id, built.second._id)
    listening = [d for d in page.config["dependencies"] if any(t[0] in own for t in d["targets"])]
    assert [d["trigger_mode"] for d in listening] == ["always_last"]
