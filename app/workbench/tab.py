"""Workbench: a probe, its occlusion, what the four blocks saw of it, and whom the gallery finds. It only composes."""

from __future__ import annotations

import gradio as gr

from app.services import Services
from app.session import Sessions
from app.workbench import bench as steps
from app.workbench.address import AddressPanel
from app.workbench.blocks import BlocksPanel
from app.workbench.compare_panel import ComparePanel
from app.workbench.desk import Desk
from app.workbench.matches import MatchesPanel
from app.workbench.occlusion import OcclusionPanel
from app.workbench.probe import ProbePanel
from app.workbench.story_panel import StoryPanel
from app.workbench.sweep_panel import SweepPanel
from app.workbench.take_panel import TakePanel
from app.workbench.trail_panel import TrailPanel
from app.workbench.why import WhyPanel


def build_workbench(services: Services, sessions: Sessions, tab: gr.Tab) -> Desk:
    """Lay out the tab and connect it; it asks the gallery anew whenever it is opened."""
    story = StoryPanel(services)
    with gr.Row(elem_id="bench", equal_height=False):
        probe = ProbePanel(services)
        occlusion = OcclusionPanel(services)
        blocks = BlocksPanel(services)
        matches = MatchesPanel(services)
    trail = TrailPanel(services)
    why = WhyPanel(services, matches.ranks, story.why)
    compare, sweep = ComparePanel(services), SweepPanel(services)
    take = TakePanel(services)
    address = AddressPanel(services)
    desk = Desk(sessions, probe, occlusion, blocks, matches, why)
    desk.story, desk.trail = story, trail
    desk.below = [trail, compare, sweep, take, address, story.interrupted]
    panels = (why, sweep, story, probe, occlusion, blocks, matches, trail, compare, take, address)
    for panel in panels:  # why and sweep first: the others' events cancel what is under way
        panel.connect(desk)

    def on_open(overlay: bool, request: gr.Request):
        """Another tab may have handed a probe over; the gallery may have changed since."""
        if (handed := desk.visit(request)[1].handed_over()) is not None:
            return desk.take(request, lambda _: handed, overlay)
        return desk.search(request, lambda bench: bench if bench.after is None else steps.search(services, bench))

    desk.listen(tab.select, on_open, [desk.view[1]], desk.everything)
    return desk
