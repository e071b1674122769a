"""The workbench's lower panel: why does this probe match that person?"""

from __future__ import annotations

import threading

import gradio as gr

from app.kit.components import fragment
from app.kit.figures import belief_curves, region_bars
from app.kit.notices import error_notice, notice, step
from app.services import Services
from app.workbench import why_html as views
from app.workbench.bench import Bench
from app.workbench.reasons import find_reason, in_background
from ssn.errors import ExplanationCancelledError, SSNError
from ssn.explanation.methods.registry import METHODS

SCROLL = "() => document.querySelector('#panel-why').scrollIntoView({behavior: 'smooth', block: 'start'})"


class WhyPanel:
    """Components and handlers. ``running`` holds the visitor's own cancel event while an explanation is computed."""

    def __init__(self, services: Services):
        self.services = services
        self.running = gr.State(None)
        with gr.Column(elem_id="panel-why"):
            fragment(step("5", "Why this match?", "which pixels speak for the pair, and can the picture be believed"))
            with gr.Row(elem_id="why-row", equal_height=False):
                with gr.Column(elem_id="why-options"):
                    self.person = gr.Radio([], label="Match", elem_id="why-person")
                    methods = [(method.title, key) for key, method in METHODS.items()]
                    self.method = gr.Dropdown(methods, value="ig", label="Method", elem_id="why-method")
                    self.contrast = gr.Checkbox(False, label="Against the runner-up", container=False)
                    with gr.Row():
                        self.start = gr.Button("Explain", variant="primary", min_width=90, elem_id="why-start")
                        self.stop = gr.Button("Cancel", min_width=90, interactive=False, elem_id="why-stop")
                    self.status = fragment(elem_id="why-status")
                with gr.Column(elem_id="why-result"):
                    self.result = fragment(views.nothing_yet())
                    with gr.Row(elem_id="why-plots"):
                        self.curves = gr.Plot(visible=False, show_label=False, container=False)
                        self.regions = gr.Plot(visible=False, show_label=False, container=False)

    @property
    def outputs(self) -> list:
        """What :meth:`renew` answers for."""
        return [self.person, self.result, self.curves, self.regions]

    def connect(self, state: gr.State, ranks: gr.HTML) -> None:
        """Wire the buttons, and the “Why?” beside each match."""
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        shown = [self.running, self.status, self.stop, self.result, self.curves, self.regions]
        asked = [state, self.person, self.method, self.contrast]
        self.start.click(self.on_start, asked, shown, **quiet)
        chosen = ranks.click(self.on_match, None, self.person, js=None, **quiet)
        ranks.click(None, None, None, js=SCROLL)
        chosen.then(self.on_start, asked, shown, **quiet)
        self.stop.click(self.on_stop, self.running, self.status, queue=False, **quiet)

    def renew(self, state: Bench | None) -> list:
        """After the face or the gallery changed: the new matches to choose from, and no stale explanation."""
        matches = [] if state is None else list(state.matches)
        choices = [(f"{match.rank}  {match.person}", match.person_id) for match in matches]
        person = gr.Radio(choices, value=choices[0][1] if choices else None)
        return [person, views.nothing_yet(), gr.Plot(visible=False), gr.Plot(visible=False)]

    def on_match(self, event: gr.EventData):
        return int((event._data or {}).get("person", 0))

    def on_stop(self, running: threading.Event | None):
        if running is None:
            return gr.skip()
        running.set()
        return notice("Stopping…")

    def on_start(self, state: Bench | None, person: int | None, method: str, contrast: bool):
        """Progress while it computes, then the map with its belief; what was shown before stays until then."""
        rest = [gr.skip()] * 3
        idle = gr.Button(interactive=False)
        if state is None or state.after is None or person is None:
            yield [None, notice("Choose a probe first.", "warn"), idle, *rest]
            return
        cancel = threading.Event()
        steps = in_background(lambda told: find_reason(self.services, state, person, method, contrast, told, cancel))
        try:
            for now in steps:
                if isinstance(now, float):
                    yield [cancel, views.progress(now), gr.Button(interactive=True), *rest]
        except ExplanationCancelledError:
            yield [None, notice("Cancelled."), idle, *rest]
            return
        except SSNError as error:
            yield [None, error_notice(error), idle, *rest]
            return
        finally:
            cancel.set()
        curves = gr.Plot(visible=False) if now.belief is None else gr.Plot(belief_curves(now.belief), visible=True)
        yield [None, "", idle, views.reason(now), curves, gr.Plot(region_bars(now.found.regions), visible=True)]
