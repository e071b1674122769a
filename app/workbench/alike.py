"""The box in the Matches panel that asks for like with like: the gallery's faces behind the probe's mask."""

from __future__ import annotations

import gradio as gr

from app.kit.events import Update
from app.workbench import bench as steps
from app.workbench.alike_html import alike_facts
from app.workbench.bench import Bench
from app.workbench.comparing import ComparingBox


class AlikeBox(ComparingBox):
    """Re-orders the shortlist."""

    LABEL, NAME, FACTS = "Also hide the same part of the gallery faces", "alike", "alike-facts"

    def before(self) -> str:
        return alike_facts(None)

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        box = gr.Checkbox(value=bench.alike, interactive=bool(bench.mask.any()))
        return {self.box: box, self.facts: alike_facts(bench)}

    def set(self, bench: Bench, wanted: bool) -> Bench:
        return steps.set_alike(self.services, bench, wanted)
