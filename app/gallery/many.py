"""The gallery's panel that enrols many people at once, from a ZIP file, with a line for every photo."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
from gradio.blocks import Block

from app.gallery import many_html as views
from app.gallery.visit import Visit
from app.kit.background import in_background
from app.kit.components import file_input, fragment
from app.kit.events import Sent, Update
from app.kit.notices import error_notice, notice, step
from app.services import Services
from ssn.answers.enrolling import Outcome, Report, enrol_zip
from ssn.errors import SSNError
from ssn.faces.read import MAX_BYTES

LOOK_EVERY = 0.4
"""Seconds between two states of the progress."""


class ManyPanel:
    """Components, what they show, and what they do; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-many"):
            fragment(step("", "Enrol many"))
            self.file = file_input("many-input", views.zip_input(MAX_BYTES))
            fragment(views.explained(MAX_BYTES))
            self.spectrum = gr.Radio([("VIS", "vis"), ("NIR", "nir")], value="vis", label="The photos are")
            self.cancel = gr.Button("Cancel", min_width=90, interactive=False, elem_id="many-cancel")
            self.status = fragment(elem_id="many-status")

    @property
    def outputs(self) -> list[Block]:
        return [self.cancel, self.status]

    def enrolled(self, visit: Visit, sent: Sent, spectrum: str) -> Iterator[Update]:
        """Progress, and at the end every line."""
        cancel = visit.running.begin()
        if cancel is None:
            yield {self.status: notice("Your other run is still under way.", "warn", "Cancel it, or wait.")}
            return
        seen: list[tuple[Report, Outcome]] = []
        try:
            content, enroller = sent.file(MAX_BYTES), self.services.enroller(spectrum)

            def work(_: object) -> Report:
                with self.services.running():
                    return enrol_zip(enroller, content, cancel.is_set, lambda *told: seen.append(told))

            for now in in_background(work, LOOK_EVERY):
                if isinstance(now, Report):
                    yield self._rest(views.finished(now, [outcome for _, outcome in seen]))
                elif seen:
                    yield self._busy(views.under_way(seen[-1][0], [outcome for _, outcome in seen[-views.NEWEST :]]))
                else:
                    yield self._busy(notice("Reading the file …"))
        except SSNError as error:
            yield self._rest(error_notice(error))
        finally:
            visit.running.end()

    def _busy(self, said: str) -> Update:
        return {self.cancel: gr.Button(interactive=True), self.status: said}

    def _rest(self, said: str) -> Update:
        return {self.cancel: gr.Button(interactive=False), self.status: said}
