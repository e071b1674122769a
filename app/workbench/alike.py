"""The box in the Matches panel that asks for like with like: the gallery's faces behind the probe's mask."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from app.kit.components import fragment
from app.kit.events import Update
from app.services import Services
from app.workbench import bench as steps
from app.workbench.alike_html import alike_facts
from app.workbench.bench import Bench
from app.workbench.desk import Desk


class AlikeBox:
    """Components and handlers; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        self.box = gr.Checkbox(
            False,
            label="Also hide the same part of the gallery faces",
            container=False,
            interactive=False,
            elem_id="alike",
        )
        self.facts = fragment(alike_facts(None), elem_id="alike-facts")

    @property
    def outputs(self) -> list[Block]:
        return [self.box, self.facts]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        box = gr.Checkbox(value=bench.alike, interactive=bool(bench.mask.any()))
        return {self.box: box, self.facts: alike_facts(bench)}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        desk.listen(self.box.input, self.on_box, [self.box], desk.search_results)

    def on_box(self, alike: bool, request: gr.Request) -> Update:
        return self.desk.search(request, lambda bench: steps.set_alike(self.services, bench, alike))
