"""Evaluation: measure the model or open earlier runs; curves, two runs side by side, errors, downloads."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
from gradio.blocks import Block

from app.evaluation import html as views
from app.evaluation.measuring import Progress, RunStoppedError, Watch, measured, opened
from app.evaluation.sources import DRAWN, PEOPLE, USUAL_PEOPLE, earlier_runs, source_of, sources
from app.evaluation.visit import Shown, Visit
from app.kit.background import in_background
from app.kit.components import clickable, fragment
from app.kit.events import PRIVATE, Sent, Update
from app.kit.figures import evaluation_curves
from app.kit.notices import error_notice, notice, step
from app.services import Services
from app.session import Session, Sessions
from app.workbench import bench as steps
from app.workbench.visit import Visit as WorkbenchVisit
from ssn.errors import DataError, SSNError
from ssn.evaluation.curves import AXES
from ssn.evaluation.probes import hideable

USUAL = ["none", "maskTop", "maskBottom"]
NO_RUN = ""
LOOK_EVERY = 0.3
"""Seconds between two states of the progress."""
TO_WORKBENCH = "(problem) => { if (!problem) document.querySelector('#tabs button[role=tab]').click() }"
"""The workbench is the first tab; where the probe could not be opened the page stays."""


def build_evaluation(services: Services, sessions: Sessions, tab: gr.Tab) -> EvaluationTab:
    """Lay out the tab and connect it; it looks for earlier runs whenever it is opened."""
    return EvaluationTab(services, sessions, tab)


class EvaluationTab:
    """Components and handlers. It holds no visitor's data."""

    def __init__(self, services: Services, sessions: Sessions, tab: gr.Tab):
        self.services, self.sessions = services, sessions
        with gr.Row(elem_id="evaluation-page", equal_height=False):
            with gr.Column(elem_id="panel-measure"):
                self._lay_out_choices()
            with gr.Column(elem_id="panel-measured"):
                fragment(step("", "Measures and curves"))
                self.measures = fragment(views.nothing_yet(), elem_id="evaluation-measures")
                with gr.Row(elem_id="evaluation-plots"):
                    self.plots = {kind: gr.Plot(visible=False, show_label=False, container=False) for kind in AXES}
                self.errors = clickable("evaluation-errors", "")
        self._connect(tab)

    def _lay_out_choices(self) -> None:
        fragment(step("", "Measure", "the model of this page"))
        found = [(source.title, name) for name, source in sources().items()]
        self.protocol = gr.Dropdown(found, value=DRAWN, label="Protocol", elem_id="evaluation-protocol")
        self.people = gr.Slider(
            *PEOPLE, value=USUAL_PEOPLE, step=1, label="Synthetic people", elem_id="evaluation-people"
        )
        self.hidden = gr.CheckboxGroup(
            list(hideable()), value=USUAL, label="Hidden part of the probes", elem_id="evaluation-hidden"
        )
        with gr.Row():
            self.start = gr.Button("Measure", variant="primary", min_width=90, elem_id="evaluation-start")
            self.cancel = gr.Button("Cancel", min_width=90, interactive=False, elem_id="evaluation-stop")
        self.status = fragment(elem_id="evaluation-status")
        fragment(step("", "Show", "runs of this visit, and files in the data folder"))
        self.first = gr.Dropdown([], value=None, label="Run A", elem_id="evaluation-first")
        self.second = gr.Dropdown([("none", NO_RUN)], value=NO_RUN, label="Run B", elem_id="evaluation-second")
        self.downloads = fragment(elem_id="evaluation-downloads")

    @property
    def outputs(self) -> list[Block]:
        return [self.measures, *self.plots.values(), self.errors, self.downloads, self.status, self.cancel]

    def _connect(self, tab: gr.Tab) -> None:
        chosen: list[Block] = [self.first, self.second]
        everything = [*self.outputs, *chosen]
        tab.select(self.on_open, chosen, chosen, **PRIVATE)
        self.protocol.input(self.on_protocol, [self.protocol], [self.people], **PRIVATE)
        asked = [self.protocol, self.people, self.hidden]
        self.start.click(self.on_measure, asked, everything, **PRIVATE)
        self.cancel.click(self.on_cancel, None, None, **PRIVATE)
        # The second run is often chosen while the first is still being read.
        latest = {**PRIVATE, "trigger_mode": "always_last"}
        gr.on([self.first.input, self.second.input], self.on_choice, chosen, everything, **latest)
        opening = self.errors.click(self.on_error, None, [self.status], **PRIVATE)
        opening.then(None, [self.status], None, js=TO_WORKBENCH)

    def _visit(self, request: gr.Request) -> tuple[Session, Visit]:
        session = self.sessions.of(request)
        return session, session.part(Visit)

    def _choices(self, visit: Visit, first: str | None, second: str) -> Update:
        names = [*reversed(visit.runs), *earlier_runs()]
        return {
            self.first: gr.Dropdown(names, value=first if first in names else None),
            self.second: gr.Dropdown(
                [("none", NO_RUN), *((n, n) for n in names)], value=second if second in names else ""
            ),
        }

    def on_open(self, first: str | None, second: str, request: gr.Request) -> Update:
        """Files may have come since."""
        return self._choices(self._visit(request)[1], first, second)

    def on_protocol(self, protocol: str) -> Update:
        """People are counted where they are drawn; a set has those it has."""
        return {self.people: gr.Slider(visible=protocol == DRAWN)}

    async def on_cancel(self, request: gr.Request) -> None:
        """At once; the run says itself that it was cancelled."""
        self._visit(request)[1].running.stop()

    def on_measure(self, protocol: str, people: float, hidden: list[str], request: gr.Request) -> Iterator[Update]:
        """Progress while it runs, then the run as A."""
        _, visit = self._visit(request)
        cancel = visit.running.begin()
        if cancel is None:
            yield {self.status: notice("Your run is still under way.", "warn")}
            return
        watch = Watch(cancel)
        try:
            source = source_of(protocol)
            asked = self.services, source, int(people), tuple(hidden), watch
            for now in in_background(lambda _: measured(*asked), LOOK_EVERY):
                yield self._finished(visit, now) if isinstance(now, Shown) else self._running(watch.now)
        except RunStoppedError:
            yield self._rest(notice("Cancelled."))
        except SSNError as error:
            yield self._rest(error_notice(error))
        finally:
            visit.running.end()

    def _running(self, now: Progress) -> Update:
        return {self.status: views.progress(now), self.cancel: gr.Button(interactive=True)}

    def _rest(self, said: str) -> Update:
        return {self.status: said, self.cancel: gr.Button(interactive=False)}

    def _finished(self, visit: Visit, run: Shown) -> Update:
        visit.add(run)
        return {**self._show(visit, (run,)), **self._choices(visit, run.name, NO_RUN), **self._rest("")}

    def on_choice(self, first: str | None, second: str, request: gr.Request) -> Update:
        """One run, or two beside each other. Where one cannot be read, what is shown stays, and is what is chosen."""
        _, visit = self._visit(request)
        names = [name for name in (first, second) if name]
        try:
            runs = tuple(self._run(visit, name) for name in names)
        except SSNError as error:
            shown = [run.name for run in visit.shown] + [NO_RUN] * 2
            return {self.status: error_notice(error), **self._choices(visit, *shown[:2])}
        return {**self._show(visit, runs), self.status: ""}

    def _run(self, visit: Visit, name: str) -> Shown:
        if name in visit.runs:
            return visit.runs[name]
        files = earlier_runs()
        if name not in files:
            raise DataError("That run is no longer there.", "Choose another one.")
        return opened(files[name])

    def _show(self, visit: Visit, runs: tuple[Shown, ...]) -> Update:
        visit.shown = runs
        figures = evaluation_curves([run.summary for run in runs])
        return {
            self.measures: views.measures(runs) if runs else views.nothing_yet(),
            self.errors: views.errors(runs),
            self.downloads: views.downloads(runs),
            **{plot: gr.Plot(figures.get(kind), visible=kind in figures) for kind, plot in self.plots.items()},
        }

    def on_error(self, event: gr.EventData, request: gr.Request) -> Update:
        """The probe of an error, behind what hid it, is put on the workbench, which shows it when it opens."""
        session, visit = self._visit(request)
        place = Sent(event).number("place")
        wrong = visit.shown[0].mistakes if visit.shown else ()
        if not 0 <= place < len(wrong):
            return {self.status: notice("That error is no longer shown.", "warn")}
        mistake = wrong[place]
        try:
            bench = steps.open_face(self.services, mistake.complete, mistake.probe, mistake.occlusion, mistake.title)
        except SSNError as error:
            return {self.status: error_notice(error)}
        session.part(WorkbenchVisit).hand_over(bench)
        return {self.status: ""}
