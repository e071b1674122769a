"""The strip below the bench: what the visitor looked at before, and the way back to it."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
from gradio.blocks import Block

from app.kit.components import clickable
from app.kit.events import Sent, Update
from app.services import Services
from app.workbench import bench as steps
from app.workbench.bench import Bench, new_token
from app.workbench.desk import Desk
from app.workbench.trail_html import strip
from app.workbench.visit import Visit


class TrailPanel:
    """Components and handlers; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        self.strip = clickable("trail")

    @property
    def outputs(self) -> list[Block]:
        return [self.strip]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        """It shows what was left, not what is there."""
        return {}

    def news(self, visit: Visit) -> Update:
        """The strip, where it is not what was shown last: a stroke that paints on changes nothing of it."""
        return {self.strip: strip(visit.trail.states, visit.trail.let_go)} if visit.trail_changed() else {}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        desk.listen(self.strip.click, self.on_return, [desk.view[1]], desk.everything)

    def on_return(self, overlay: bool, event: gr.EventData, request: gr.Request) -> Update:
        """The state as it was left, searched anew: the gallery may have changed."""
        number = Sent(event).number("number")
        visit = self.desk.visit(request)[1]

        def returned(_: Bench | None) -> Bench:
            bench = replace(visit.trail.state(number), token=new_token())
            return steps.search(self.services, bench)

        return self.desk.take(request, returned, overlay)
