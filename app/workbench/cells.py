"""The box in the Matches panel that compares everybody enrolled by the cells both faces show, and which of them carried
the first matches."""

from __future__ import annotations

import gradio as gr

from app.kit.events import Update
from app.workbench import bench as steps
from app.workbench.bench import Bench
from app.workbench.cells_html import PICTURED, cells_facts
from app.workbench.comparing import ComparingBox


class CellsBox(ComparingBox):
    """Searches everybody."""

    LABEL, NAME, FACTS = "Compare everybody by what both faces show", "by-cells", "cells-facts"

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        able = self.services.like_with_like is not None
        box = gr.Checkbox(value=bench.by_cells, interactive=able and bool(bench.mask.any()))
        shown = [] if bench.cells is None else [match.template_id for match in bench.matches[:PICTURED]]
        return {self.box: box, self.facts: cells_facts(bench, self.services.gallery.face_images(shown), able)}

    def set(self, bench: Bench, wanted: bool) -> Bench:
        return steps.set_by_cells(self.services, bench, wanted)
