"""A box in the Matches panel that asks for another comparison of the probe, and what came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import gradio as gr
from gradio.blocks import Block

from app.kit.components import fragment
from app.kit.events import Update
from app.services import Services
from app.workbench.bench import Bench
from app.workbench.desk import Desk


class ComparingBox(ABC):
    """Components and handler; laid out where it is made. ``LABEL`` and ``NAME`` are the box's, ``FACTS`` is the element
    that says what came of it."""

    LABEL: ClassVar[str]
    NAME: ClassVar[str]
    FACTS: ClassVar[str]

    def __init__(self, services: Services):
        self.services = services
        self.box = gr.Checkbox(False, label=self.LABEL, container=False, interactive=False, elem_id=self.NAME)
        self.facts = fragment(self.before(), elem_id=self.FACTS)

    def before(self) -> str:
        """What is said while there is no probe."""
        return ""

    @abstractmethod
    def set(self, bench: Bench, wanted: bool) -> Bench:
        """The bench as it is with the box ticked, or not."""

    @property
    def outputs(self) -> list[Block]:
        return [self.box, self.facts]

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        desk.listen(self.box.input, self.on_box, [self.box], desk.search_results)

    def on_box(self, wanted: bool, request: gr.Request) -> Update:
        return self.desk.search(request, lambda bench: self.set(bench, wanted))
