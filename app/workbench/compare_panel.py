"""The workbench's Compare panel: before and after, A and B."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from app.kit.components import fragment, scripted
from app.kit.events import PRIVATE, Update
from app.kit.notices import error_notice, nothing_yet, step
from app.services import Services
from app.workbench import compare_html as views
from app.workbench.bench import Bench, no_face_chosen
from app.workbench.compare import joint, kinds, measures, sides_of
from app.workbench.compare_figure import joint_figure
from app.workbench.desk import Desk
from ssn.errors import SSNError


class ComparePanel:
    """Components and handlers; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        choices = [(title, kind) for kind, title in kinds(services).items()]
        with gr.Column(elem_id="panel-compare"):
            fragment(step("6", "Before and after", "maps, ranking and score side by side, or under a slider"))
            with gr.Row(elem_id="compare-options"):
                self.kind = gr.Radio(choices, value=choices[0][1], label="Compare", elem_id="compare-kind")
                self.start = gr.Button("Compare", variant="primary", min_width=90, elem_id="compare-start")
                self.pin = gr.Button("Pin this state", min_width=90, elem_id="compare-pin")
                self.pinned = fragment(views.pinned_card(()), elem_id="compare-pinned")
            self.problem = fragment(elem_id="compare-problem")
            with gr.Row(elem_id="compare-row", equal_height=False):
                self.result = scripted("compare-result", views.nothing_yet(), "slide.js")
                self.plot = gr.Plot(visible=False, show_label=False, container=False, elem_id="compare-plot")

    @property
    def outputs(self) -> list[Block]:
        return [self.problem, self.result, self.plot]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        """No stale comparison."""
        return self._nothing()

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        for event in (self.start.click, self.kind.input):
            event(self.on_compare, [self.kind], self.outputs, trigger_mode="multiple", **PRIVATE)
        self.pin.click(self.on_pin, None, [self.pinned, *self.outputs], trigger_mode="multiple", **PRIVATE)

    def on_compare(self, kind: str, request: gr.Request) -> Update:
        """In the visitor's turn, so that no later step's answer is overtaken."""
        session, visit = self.desk.visit(request)
        with session.turn():
            try:
                if visit.bench is None and visit.forgotten:
                    return {**self._nothing(), self.problem: nothing_yet(True)}
                if visit.bench is None:
                    raise no_face_chosen()
                sides = sides_of(self.services, kind, visit.bench, visit.pinned)
            except SSNError as error:
                return {**self._nothing(), self.problem: error_notice(error)}
            return {
                self.problem: "",
                self.result: views.comparison(sides, measures(sides)),
                self.plot: gr.Plot(joint_figure(sides, joint(sides)), visible=True),
            }

    def on_pin(self, request: gr.Request) -> Update:
        """What is on the bench now is one side of the comparisons to come."""
        session, visit = self.desk.visit(request)
        with session.turn():
            if visit.bench is None or visit.bench.after is None:
                return {self.problem: error_notice(no_face_chosen())}
            visit.pin(visit.bench)
            return {self.pinned: views.pinned_card(visit.pinned), **self._nothing()}

    def _nothing(self) -> Update:
        return {self.problem: "", self.result: views.nothing_yet(), self.plot: gr.Plot(visible=False)}
