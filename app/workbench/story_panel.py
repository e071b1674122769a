"""The strip above the workbench: the story's steps as buttons, and what came of the last one."""

from __future__ import annotations

import threading
from typing import Literal

import gradio as gr
from gradio.blocks import Block

from app.kit.components import fragment, scripted
from app.kit.events import PRIVATE, Update
from app.kit.notices import error_notice
from app.services import Services
from app.workbench.bench import Bench
from app.workbench.desk import Desk
from app.workbench.story import TITLES, Cast, Step, find_cast, take_step, told
from app.workbench.story_html import story_text
from ssn.errors import SSNError

NEXT: dict[Step, Step] = {1: 2, 2: 3, 3: 4, 4: 5}
LEADS_TO_WHY = (1, 2, 3, 4)
"""Steps after which there is somebody to ask about."""


BEGINNING = "Five steps on people who do not exist: what covering a face does to recognition."


class StoryPanel:
    """Components and handlers; laid out where it is made, and shown where there are demo people."""

    def __init__(self, services: Services):
        self.services = services
        self._cast: Cast | None = None
        self._choosing = threading.Lock()
        with gr.Column(elem_id="story", visible=bool(services.demo.people)):
            with gr.Row(elem_id="story-steps"):
                fragment("<h2>Show me</h2>")
                self.buttons = {step: self._button(step, 1) for step in TITLES}
            self.text = scripted("story-text", story_text(BEGINNING), "story.js")
        self.interrupted = Interrupted(self)

    @property
    def why(self) -> gr.Button:
        """The button that asks for an explanation."""
        return self.buttons[4]

    @property
    def outputs(self) -> list[Block]:
        return [self.text, *self.buttons.values()]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        """The story goes on only where it is asked to."""
        return {}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        for step, button in self.buttons.items():
            if step != 4:
                desk.listen(button.click, self._handler(step), [desk.view[1]], [*desk.everything, self])
        self.why.click(self.on_why, None, self.outputs, **PRIVATE)

    def _handler(self, step: Step):
        def on_step(overlay: bool, request: gr.Request) -> Update:
            return self.on_step(step, overlay, request)

        return on_step

    def on_step(self, step: Step, overlay: bool, request: gr.Request) -> Update:
        """Bring the workbench where the step wants it, and say what came of it."""
        try:
            cast = self._chosen()
        except SSNError as error:
            return {self.text: error_notice(error)}
        shown = self.desk.take(request, lambda bench: take_step(self.services, cast, step, bench), overlay)
        bench = self.desk.visit(request)[1].bench
        return shown if bench is None else {**shown, **self._told(step, bench, cast.covered.occlusion)}

    def on_why(self, request: gr.Request) -> Update:
        """Only words: the explanation itself listens to the same button."""
        bench = self.desk.visit(request)[1].bench
        return gr.skip() if bench is None else self._told(4, bench)

    def _told(self, step: Step, bench: Bench, worn: str = "surgical") -> Update:
        coming = NEXT.get(step)
        shown: Update = {self.text: story_text(told(step, bench, worn), step)}
        for number, button in self.buttons.items():
            shown[button] = self._changed(number, coming, step)
        return shown

    def _chosen(self) -> Cast:
        """Who is shown, found out once. Raises DataError."""
        with self._choosing:
            if self._cast is None:
                self._cast = find_cast(self.services)
            return self._cast

    def _button(self, step: Step, coming: Step) -> gr.Button:
        return gr.Button(TITLES[step], variant=_variant(step, coming), size="sm", min_width=90, interactive=step != 4)

    def _changed(self, number: Step, coming: Step | None, step: Step) -> gr.Button:
        ready = number != 4 or step in LEADS_TO_WHY
        return gr.Button(variant=_variant(number, coming), interactive=ready)


class Interrupted:
    """The story's words after a step that is not its own: what was told is not what is shown any more."""

    def __init__(self, story: StoryPanel):
        self.story = story

    @property
    def outputs(self) -> list[Block]:
        return [self.story.text]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        return {self.story.text: story_text(BEGINNING)}


def _variant(step: Step, coming: Step | None) -> Literal["primary", "secondary"]:
    """What comes next stands out."""
    return "primary" if step == coming else "secondary"
