"""The workbench's lower panel: why does this probe match that person?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr
from gradio.blocks import Block

from app.kit.background import in_background
from app.kit.components import fragment
from app.kit.events import PRIVATE, Sent, Update
from app.kit.notices import error_notice, nothing_yet, notice, step
from app.services import Services
from app.workbench import why_html as views
from app.workbench.bench import Bench
from app.workbench.desk import Desk
from app.workbench.reasons import Hear, Reason, find_reason, side_by_side
from app.workbench.visit import Run, Visit
from app.workbench.why_figures import belief_curves, region_bars
from ssn.errors import ExplanationCancelledError, SSNError
from ssn.explanation.methods.registry import METHODS

DEFAULT_METHOD = "deeplift"
"""Of 100 pairs its maps are the most believed (docs/faithfulness.md), and it takes one pass each way."""
SCROLL = "() => document.querySelector('#panel-why').scrollIntoView({behavior: 'smooth', block: 'start'})"


class WhyPanel:
    """Components and handlers; laid out where it is made. ``ranks`` is the list whose “Why?” buttons it
    answers, ``asks`` the story's."""

    def __init__(self, services: Services, ranks: gr.HTML, asks: gr.Button):
        self.services, self.ranks, self.asks = services, ranks, asks
        with gr.Column(elem_id="panel-why"):
            fragment(step("5", "Why this match?", "which pixels speak for the pair, and can the picture be believed"))
            with gr.Row(elem_id="why-row", equal_height=False):
                with gr.Column(elem_id="why-options"):
                    self.person = gr.Radio([], label="Match", elem_id="why-person")
                    methods = [(method.title, key) for key, method in METHODS.items()]
                    self.method = gr.Dropdown(methods, value=DEFAULT_METHOD, label="Method", elem_id="why-method")
                    self.contrast = gr.Checkbox(False, label="Against the runner-up", container=False)
                    with gr.Row():
                        self.start = gr.Button("Explain", variant="primary", min_width=90, elem_id="why-start")
                        self.cancel = gr.Button("Cancel", min_width=90, interactive=False, elem_id="why-stop")
                    self.all = gr.Button("Methods side by side", elem_id="why-all")
                    self.status = fragment(elem_id="why-status")
                with gr.Column(elem_id="why-result"):
                    self.result = fragment(views.nothing_yet())
                    with gr.Row(elem_id="why-plots"):
                        self.curves = gr.Plot(visible=False, show_label=False, container=False)
                        self.regions = gr.Plot(visible=False, show_label=False, container=False, elem_id="why-regions")
                    self.others = fragment(elem_id="why-methods")

    @property
    def outputs(self) -> list[Block]:
        return [self.person, self.status, self.cancel, self.result, self.curves, self.regions, self.others]

    @property
    def asked(self) -> tuple[gr.Dropdown, gr.Checkbox]:
        """How it is explained: the method, and whether against the runner-up."""
        return self.method, self.contrast

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        """The new matches to choose from, and no stale explanation."""
        choices = [(f"{match.rank}  {match.person}", match.person_id) for match in bench.matches]
        return {
            self.person: gr.Radio(choices, value=choices[0][1] if choices else None),
            self.result: views.nothing_yet(),
            self.curves: gr.Plot(visible=False),
            self.regions: gr.Plot(visible=False),
            self.others: "",
            **self.rest(""),
        }

    def connect(self, desk: Desk) -> None:
        """Explain and the “Why?” beside each match are one dependency, so that every step on the bench can cancel it
        and the later question replaces the earlier."""
        self.desk = desk
        asked = [self.person, self.method, self.contrast]
        starts = [self.start.click, self.ranks.click, self.asks.click]
        desk.under_way.append(gr.on(starts, self.on_start, asked, self.outputs, trigger_mode="multiple", **PRIVATE))
        beside = [self.person, self.contrast], [self.status, self.cancel, self.others]
        desk.under_way.append(self.all.click(self.on_all, *beside, trigger_mode="multiple", **PRIVATE))
        for event in (self.ranks.click, self.asks.click):
            event(None, None, None, js=SCROLL)
        self.cancel.click(self.on_cancel, None, None, **PRIVATE)

    async def on_cancel(self, request: gr.Request) -> None:
        """At once, whatever the server is busy with: it needs neither a thread nor the visitor's turn. What is to be
        said of it the explanation says itself, so that no word comes after its last."""
        self.desk.visit(request)[1].stop()

    def on_start(
        self, person: int | None, method: str, contrast: bool, event: gr.EventData, request: gr.Request
    ) -> Iterator[Update]:
        """Progress while it computes, then the map, then its belief; what was shown before stays until then. After a
        step on the bench, or a later question, nothing more is said."""
        named = Sent(event).number("person")
        person = named if named >= 0 else person
        yield from self._answers(request, person, self._explained, find_reason, method, contrast)

    def on_all(self, person: int | None, contrast: bool, request: gr.Request) -> Iterator[Update]:
        """The same of several methods, of which each is shown as soon as it is there."""
        there: list[Reason] = []

        def shown(now: Reason | list[Reason]) -> Update:
            if isinstance(now, list):
                return {**self.rest(""), self.others: views.side_by_side(now)}
            there.append(now)
            return {self.others: views.side_by_side(there)}

        yield from self._answers(request, person, shown, side_by_side, contrast)

    def _answers(
        self, request: gr.Request, person: int | None, shown: Callable, ask: Callable, *options: object
    ) -> Iterator[Update]:
        """What ``ask`` finds out of this person, part by part as ``shown``."""
        session, visit = self.desk.visit(request)
        with session.turn():
            bench = visit.bench
            run = None if bench is None or bench.after is None or person is None else visit.begin(bench)
        if run is None or person is None:
            yield self.rest(nothing_yet(visit.forgotten))
            return
        try:
            begins = self._running(0.0)
            yield {self.person: person, **begins} if ask is find_reason else begins
            work = lambda hear: ask(self.services, run.bench, person, *options, visit.memory, hear, run.cancel)  # noqa: E731
            yield from self._told(visit, run, work, shown, remembered=ask is find_reason)
            yield gr.skip()  # Gradio sends the last answer once more at the end, when the page may show another face
        finally:
            visit.end(run)

    def _told(
        self, visit: Visit, run: Run, work: Callable[[Hear], object], shown: Callable, remembered: bool
    ) -> Iterator[Update]:
        """``remembered``: what is shown is the explanation of this bench, which can be taken along."""
        try:
            for now in in_background(work):
                if not visit.is_current(run):
                    return
                if isinstance(now, float):
                    yield {self.status: notice("Stopping…")} if run.cancel.is_set() else self._running(now)
                else:
                    if remembered:
                        visit.explained(run, now)
                    yield shown(now)
        except SSNError as error:
            if visit.is_current(run):
                cancelled = isinstance(error, ExplanationCancelledError)
                yield self.rest(notice("Cancelled.") if cancelled else error_notice(error))

    def _running(self, share: float) -> Update:
        return {self.status: views.progress(share), self.cancel: gr.Button(interactive=True)}

    def rest(self, said: str) -> Update:
        """No explanation is under way."""
        return {self.status: said, self.cancel: gr.Button(interactive=False)}

    def _explained(self, why: Reason) -> Update:
        curves = gr.Plot(visible=False) if why.belief is None else gr.Plot(belief_curves(why.belief), visible=True)
        signed = METHODS[why.found.method].signed
        return {
            **({} if why.measuring else self.rest("")),
            self.result: views.reason(why),
            self.curves: curves,
            self.regions: gr.Plot(region_bars(why.found.regions, signed), visible=True),
        }
