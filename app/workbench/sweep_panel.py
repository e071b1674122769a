"""The workbench's Sweep panel: which part of the face carries the match?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr
import numpy as np
from gradio.blocks import Block

from app.kit.background import in_background
from app.kit.components import fragment
from app.kit.events import PRIVATE, Update
from app.kit.notices import error_notice, nothing_yet, notice, step
from app.services import Services
from app.workbench import sweep_html as views
from app.workbench.bench import Bench
from app.workbench.desk import Desk
from app.workbench.sweep_figure import sweep_figure
from app.workbench.visit import Run, Visit
from app.workbench.why_html import progress
from ssn.errors import ExplanationCancelledError, SSNError
from ssn.faces.types import AlignedFace
from ssn.gallery.sweep import WINDOW, WINDOWS, Sweep, Sweeper


def sweep_bench(services: Services, bench: Bench, window: int, told: Callable[[float], object], run: Run) -> Sweep:
    """The face as it is on the bench, in the gallery as it stands. Raises as ``Sweeper.run``."""

    def embed(faces: list[AlignedFace]) -> np.ndarray:
        with services.looks:
            return services.recognizer.embed_batch(faces)

    thresholds = services.recognizer.card.thresholds
    face = bench.looks[1].face
    sweeper = Sweeper(face, services.gallery, embed, services.cohort, bench.rates, thresholds, told, run.cancel.is_set)
    return sweeper.run(window)


class SweepPanel:
    """Components and handlers; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-sweep"):
            fragment(step("7", "Occlusion sweep", "which part of the face carries the match"))
            with gr.Row(elem_id="sweep-options"):
                sizes = [(f"{size} px", size) for size in WINDOWS]
                self.window = gr.Radio(sizes, value=WINDOW, label="Sliding window", elem_id="sweep-window")
                self.start = gr.Button("Sweep", variant="primary", min_width=90, elem_id="sweep-start")
                self.cancel = gr.Button("Cancel", min_width=90, interactive=False, elem_id="sweep-stop")
                self.status = fragment(elem_id="sweep-status")
            self.result = fragment(views.nothing_yet(), elem_id="sweep-result")
            with gr.Row(elem_id="sweep-row", equal_height=False):
                self.map = fragment(elem_id="sweep-map")
                self.curve = gr.Plot(visible=False, show_label=False, container=False, elem_id="sweep-curve")

    @property
    def outputs(self) -> list[Block]:
        return [self.status, self.cancel, self.result, self.map, self.curve]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        """No stale sweep."""
        nothing: Update = {self.result: views.nothing_yet(), self.map: "", self.curve: gr.Plot(visible=False)}
        return {**nothing, **self.rest("")}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        started = self.start.click(self.on_start, [self.window], self.outputs, trigger_mode="multiple", **PRIVATE)
        desk.under_way.append(started)
        self.cancel.click(self.on_cancel, None, None, **PRIVATE)

    async def on_cancel(self, request: gr.Request) -> None:
        """At once, whatever the server is busy with; the sweep itself says what is to be said."""
        self.desk.visit(request)[1].stop("sweep")

    def on_start(self, window: int, request: gr.Request) -> Iterator[Update]:
        """Progress, then the result; after a step on the bench nothing more is said."""
        session, visit = self.desk.visit(request)
        with session.turn():
            bench = visit.bench
            run = None if bench is None or bench.after is None else visit.begin(bench, "sweep")
        if run is None:
            yield self.rest(nothing_yet(visit.forgotten))
            return
        try:
            yield self._running(0.0)
            yield from self._swept(visit, run, window)
            yield gr.skip()  # Gradio sends the last answer once more at the end, when the page may show another face
        finally:
            visit.end(run)

    def _swept(self, visit: Visit, run: Run, window: int) -> Iterator[Update]:
        try:
            for now in in_background(lambda told: sweep_bench(self.services, run.bench, window, told, run)):
                if not visit.is_current(run):
                    return
                if isinstance(now, float):
                    yield {self.status: notice("Stopping…")} if run.cancel.is_set() else self._running(now)
                else:
                    face = run.bench.looks[1].face
                    yield {
                        **self.rest(""),
                        self.result: views.parts(now, face),
                        self.map: views.windows(now, face),
                        self.curve: gr.Plot(sweep_figure(now), visible=bool(now.windows)),
                    }
        except SSNError as error:
            if visit.is_current(run):
                cancelled = isinstance(error, ExplanationCancelledError)
                yield self.rest(notice("Cancelled.") if cancelled else error_notice(error))

    def _running(self, share: float) -> Update:
        return {self.status: progress(share), self.cancel: gr.Button(interactive=True)}

    def rest(self, said: str) -> Update:
        """No sweep is under way."""
        return {self.status: said, self.cancel: gr.Button(interactive=False)}
