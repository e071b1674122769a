"""The workbench's last panel: the probe as a file."""

from __future__ import annotations

import base64
import json
import secrets

import gradio as gr
from gradio.blocks import Block

from app.kit.components import fragment, taker
from app.kit.events import PRIVATE, Sent, Update
from app.kit.notices import error_notice, nothing_yet, step
from app.services import Services
from app.workbench.bench import Bench
from app.workbench.desk import Desk
from app.workbench.taking_files import TakenFile, file_of
from app.workbench.taking_html import take_buttons
from ssn.errors import SSNError


class TakePanel:
    """Components and handler; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-take"):
            fragment(step("8", "Take it along", "a report, the maps, the ranking"))
            self.files = taker("take-files", take_buttons())
            self.problem = fragment(elem_id="take-problem")

    @property
    def outputs(self) -> list[Block]:
        return [self.problem]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        return {self.problem: ""}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        self.files.click(self.on_take, None, [self.files, self.problem], **PRIVATE)

    def on_take(self, event: gr.EventData, request: gr.Request) -> Update:
        """A file of the bench as it stands; it is made in memory and handed to the browser."""
        session, visit = self.desk.visit(request)
        with session.turn():
            if visit.bench is None:
                return {self.problem: nothing_yet(visit.forgotten)}
            try:
                with self.services.looks:
                    taken = file_of(Sent(event).text("form"), self.services, visit.bench, visit.reason)
            except SSNError as error:
                return {self.problem: error_notice(error)}
            return {self.files: _message(taken), self.problem: ""}


def _message(taken: TakenFile) -> str:
    """To the page's script; the same file asked for twice is another message."""
    content = base64.b64encode(taken.content).decode()
    return json.dumps({"name": taken.name, "kind": taken.kind, "data": content, "turn": secrets.token_hex(4)})
