"""The workbench's Occlusion panel: a named part, or whatever is painted."""

from __future__ import annotations

import gradio as gr
import numpy as np
from gradio.blocks import Block

from app.kit.components import brush, brush_answer, brush_load, brush_mask, fragment
from app.kit.events import Sent, Update
from app.kit.notices import step
from app.kit.pictures import unpack_mask
from app.services import Services
from app.workbench import bench as steps
from app.workbench.bench import Bench
from app.workbench.desk import Desk
from app.workbench.look import FOUND, PAINTED
from app.workbench.occlusion_html import occlusion_facts
from ssn.errors import ImageError, SSNError
from ssn.faces.occlude import OCCLUSIONS

TITLES = {FOUND: "Found", PAINTED: "Painted"}


def modes(findable: bool = True) -> list[tuple[str, str]]:
    """What can be hidden, as (title, name): every registered occlusion, what is found where that is possible, and what
    is painted by hand."""
    ours = [(title, name) for name, title in TITLES.items() if findable or name != FOUND]
    return [*((kind.title, name) for name, kind in OCCLUSIONS.items()), *ours]


class OcclusionPanel:
    """Components and handlers; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-occlusion"):
            fragment(step("2", "Occlusion"))
            self.mode = gr.Radio(
                modes(services.visibility is not None), value="none", label="Hidden part", elem_id="occlusion"
            )
            self.brush = brush("brush")
            self.facts = fragment(elem_id="facts")

    @property
    def outputs(self) -> list[Block]:
        return [self.mode, self.brush, self.facts]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        face = None if bench.before is None else bench.before.face.pixels
        return {self.mode: bench.mode, self.brush: brush_load(bench.token, face, bench.mask), **self.facts_of(bench)}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        self.masked = MaskOnly(self)
        desk.listen(self.mode.input, self.on_mode, [self.mode, desk.view[1]], desk.everything)
        desk.listen(self.brush.input, self.on_paint, desk.view, desk.everything)

    def on_mode(self, mode: str, overlay: bool, request: gr.Request) -> Update:
        def hidden(bench: Bench | None) -> Bench | None:
            return bench if bench is None or bench.index is None else steps.set_mode(self.services, bench, mode)

        return self.desk.take(request, hidden, overlay, [self.masked, *self.desk.results])

    def on_paint(self, branch: str, overlay: bool, event: gr.EventData, request: gr.Request) -> Update:
        """A stroke. One that belongs to a face no longer on the bench, or that a later one has overtaken while it
        waited, is answered and forgotten."""
        sent = Sent(event)
        token, number = sent.text("token"), sent.number("number")
        answer: Update = {self.brush: brush_answer(sent.number("stroke"))}
        self.desk.visit(request)[1].arrived(token, number)
        with self.desk.changing(request) as visit:
            bench = visit.bench
            if bench is None:
                return {**answer, **self.desk.why.rest(""), **self.desk.no_probe(visit)}
            if bench.index is None or token != bench.token or visit.overtaken(token, number):
                return {**answer, **self.desk.why.rest("")}
            try:
                bench = steps.paint(self.services, bench, _mask(sent))
            except SSNError as error:
                return {**self.desk.refused(visit, error), **answer}
            visit.put(bench)
            results = self.desk.show(self.desk.results, visit, branch, overlay)
            return {self.desk.probe.problem: "", self.mode: PAINTED, **answer, **self.facts_of(bench), **results}

    def facts_of(self, bench: Bench) -> Update:
        """What is said of the mask."""
        return {self.facts: occlusion_facts(bench, str(self.services.recognizer.device))}


class MaskOnly:
    """The panel's part that follows from the mask: the face is on the page already, and so is the photo."""

    def __init__(self, panel: OcclusionPanel):
        self.panel = panel

    @property
    def outputs(self) -> list[Block]:
        return [*self.panel.outputs, self.panel.desk.probe.problem]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        panel = self.panel
        shown: Update = {panel.mode: bench.mode, panel.brush: brush_mask(bench.token, bench.mask)}
        return {**shown, **panel.facts_of(bench), panel.desk.probe.problem: ""}


def _mask(sent: Sent) -> np.ndarray:
    """The mask painted, (128, 128) bool. Raises ImageError."""
    try:
        return unpack_mask(sent.text("mask"))
    except ValueError as error:
        raise ImageError("The mask was damaged.", "Paint again.") from error
