"""The gallery's panel that embeds what other models enrolled once more, with the page's model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr
from gradio.blocks import Block

from app.gallery.people_html import templates
from app.gallery.visit import Visit
from app.kit.background import in_background
from app.kit.components import fragment
from app.kit.events import Update
from app.kit.notices import error_notice, notice, progress_bar, step
from app.services import Services
from ssn.errors import SSNError
from ssn.gallery.enrol import EnrolledAgain
from ssn.gallery.re_embed import ReEmbedded, left_to_embed

KEEP = ""
LOOK_EVERY = 0.4
"""Seconds between two states of the progress."""
Work = Callable[[Callable[[int, int], bool]], EnrolledAgain | ReEmbedded]
"""Told what hears of its progress and says whether to go on."""


class AgainPanel:
    """Components, what they show, and what they do; laid out where it is made. Seen only where other models have
    enrolled somebody."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(visible=False, elem_id="panel-again") as self.panel:
            fragment(step("", "Embed again", "with this page’s model"))
            self.facts = fragment(elem_id="again-facts")
            self.drop = gr.Dropdown(
                [("none", KEEP)], value=KEEP, label="Then delete the templates of", elem_id="again-drop"
            )
            with gr.Row():
                self.start = gr.Button("Embed every picture", min_width=90, elem_id="again-start")
                self.cancel = gr.Button("Cancel", min_width=90, interactive=False, elem_id="again-cancel")
            self.status = fragment(elem_id="again-status")

    @property
    def outputs(self) -> list[Block]:
        return [self.panel, self.facts, self.drop, self.cancel, self.status]

    def renew(self) -> Update:
        """What is left to do."""
        gallery = self.services.gallery
        if not (others := gallery.other_models()):
            return {self.panel: gr.Column(visible=False)}
        left = left_to_embed(gallery)
        pictures = (
            "1 stored picture of another model has" if left == 1 else f"{left:,} stored pictures of other models have"
        )
        said = f"{pictures} no template of {gallery.model_id} yet. The old templates stay valid until you delete them."
        choices = [("none", KEEP), *((f"{model} (cannot be undone)", model) for model in others)]
        return {
            self.panel: gr.Column(visible=True),
            self.facts: notice(said, "info" if left else "good"),
            self.drop: gr.Dropdown(choices, value=KEEP),
        }

    def embedded(self, visit: Visit, drop_old: str) -> Iterator[Update]:
        """Every picture of other models, with progress; then the old templates go, where that was asked for."""
        yield from self.ran(visit, lambda progress: self.services.re_embed(drop_old or None, progress))

    def enrolled(self, visit: Visit) -> Iterator[Update]:
        """The people whom only other models know, with progress."""
        yield from self.ran(visit, self.services.enrol_again)

    def ran(self, visit: Visit, do: Work) -> Iterator[Update]:
        cancel = visit.running.begin()
        if cancel is None:
            yield {self.status: notice("Your other run is still under way.", "warn", "Cancel it, or wait.")}
            return
        seen = [(0, 0)]

        def progress(done: int, total: int) -> bool:
            seen.append((done, total))
            return not cancel.is_set()

        def work(_: object) -> EnrolledAgain | ReEmbedded:
            with self.services.running():
                return do(progress)

        try:
            for now in in_background(work, LOOK_EVERY):
                done, total = seen[-1]
                if isinstance(now, float):
                    text = f"{done:,} of {total:,} pictures" if total else "Starting …"
                    yield self._busy(progress_bar(text, done, total))
                else:
                    yield self._rest(said_again(now, cancel.is_set()))
        except SSNError as error:
            yield self._rest(error_notice(error))
        finally:
            visit.running.end()

    def _busy(self, said: str) -> Update:
        return {self.panel: gr.Column(visible=True), self.cancel: gr.Button(interactive=True), self.status: said}

    def _rest(self, said: str) -> Update:
        return {self.cancel: gr.Button(interactive=False), self.status: said}


def said_again(done: EnrolledAgain | ReEmbedded, cancelled: bool = False) -> str:
    """How many templates were added and deleted, what is left, and whose stored pictures cannot be read."""
    said = f"{templates(done.added)} added."
    if cancelled:
        said = f"Cancelled: {said} What is left is done the next time."
    if isinstance(done, ReEmbedded) and done.dropped:
        said += f" {templates(done.dropped)} of the old model deleted."
    left_out = ", ".join(name for name, _ in done.refused)
    return (
        notice(said, "warn", f"Their stored pictures cannot be read: {left_out}.") if left_out else notice(said, "good")
    )
