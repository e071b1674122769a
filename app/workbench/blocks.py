"""The workbench's Saliency panel: what each of the four blocks made of the face."""

from __future__ import annotations

import gradio as gr
import numpy as np
from gradio.blocks import Block

from app.kit.components import fragment
from app.kit.events import PRIVATE, Update
from app.kit.notices import step
from app.services import Services
from app.workbench.bench import Bench
from app.workbench.blocks_html import block_pictures, differs
from app.workbench.desk import Desk

BRANCHES = [("NIR indicator", "nir"), ("VIS indicator", "vis")]


class BlocksPanel:
    """Components and handlers; laid out where it is made. ``view`` is how the visitor wants the pictures."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-blocks"):
            fragment(step("3", "Saliency, block by block"))
            searched = differs(services.recognizer.card)
            with gr.Row(elem_id="block-options"):
                self.branch = gr.Radio(BRANCHES, value="vis", show_label=False, container=False, visible=searched)
                self.overlay = gr.Checkbox(True, label="Lay over the face", container=False)
            self.blocks = fragment(block_pictures(None, services.recognizer.card, [], "vis", True), elem_id="blocks")

    @property
    def view(self) -> list[Block]:
        return [self.branch, self.overlay]

    @property
    def outputs(self) -> list[Block]:
        return [self.branch, self.blocks]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        card = self.services.recognizer.card
        indicators = other_indicators(self.services, bench, branch)
        return {self.branch: branch, self.blocks: block_pictures(bench, card, indicators, branch, overlay)}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        for option in (self.branch, self.overlay):  # they change no bench, so what is being explained goes on
            option.input(self.on_view, list(self.view), self.blocks, trigger_mode="multiple", **PRIVATE)

    def on_view(self, branch: str, overlay: bool, request: gr.Request) -> Update:
        session, visit = self.desk.visit(request)
        with session.turn():
            if visit.bench is None:
                return gr.skip()
            return {self.blocks: self.renew(visit.bench, branch, overlay)[self.blocks]}


def other_indicators(services: Services, bench: Bench, branch: str) -> list[np.ndarray | None]:
    """The four blocks' indicators for ``branch``, ``nir`` or ``vis``; its own are at hand, the other spectrum's take
    one more pass. None where nothing was looked at yet."""
    if bench.after is None:
        return []
    if bench.after.face.branch == branch:
        maps = bench.after.maps
    else:
        with services.looks:
            _, maps = services.recognizer.look(bench.after.face.with_(spectrum="nir" if branch == "nir" else "vis"))
    return [block.indicator for block in maps]
