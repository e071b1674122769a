"""The box in the Matches panel that compares everybody enrolled by the cells both faces show, and which of them carried
the first matches."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from app.kit.components import fragment
from app.kit.events import Update
from app.services import Services
from app.workbench import bench as steps
from app.workbench.bench import Bench
from app.workbench.cells_html import PICTURED, cells_facts
from app.workbench.desk import Desk


class CellsBox:
    """Components and handlers; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        self.box = gr.Checkbox(
            False,
            label="Compare everybody by what both faces show",
            container=False,
            interactive=False,
            elem_id="by-cells",
        )
        self.facts = fragment(elem_id="cells-facts")

    @property
    def outputs(self) -> list[Block]:
        return [self.box, self.facts]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        able = self.services.like_with_like is not None
        box = gr.Checkbox(value=bench.by_cells, interactive=able and bool(bench.mask.any()))
        shown = [] if bench.cells is None else [match.template_id for match in bench.matches[:PICTURED]]
        return {self.box: box, self.facts: cells_facts(bench, self.services.gallery.face_images(shown), able)}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        desk.listen(self.box.input, self.on_box, [self.box], desk.search_results)

    def on_box(self, by_cells: bool, request: gr.Request) -> Update:
        return self.desk.search(request, lambda bench: steps.set_by_cells(self.services, bench, by_cells))
