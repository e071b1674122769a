"""The page: theme, header, tabs. It only composes."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.api.offer import offer_endpoints
from app.faults import Studio
from app.kit.components import scripted
from app.page_state import keep_components_once
from app.services import Services
from app.session import Sessions
from app.tabs import TABS

TITLE = "SSN Studio"
PRESENT = '<button type="button" class="quiet present-button" aria-pressed="false">Present</button>'
PRESENTING = (
    '<p class="present-keys" role="status" hidden>1, 2, … hide a part · N, P next and previous example · '
    "M enlarge the maps, one after the other · a click enlarges a picture · Esc leaves</p>"
    '<dialog class="large" aria-label="Enlarged picture"><img alt=""><p></p></dialog>'
)
"""What presentation mode shows: its keys, and a picture that was enlarged."""


def header(services: Services) -> str:
    """Name, purpose, and which model runs where."""
    recognizer, beside = services.recognizer, services.beside
    second = "" if beside is None else f'<li title="second model">{escape(beside.recognizer.model_id)}</li>'
    return (
        '<header id="masthead"><div><h1>SSN Studio</h1>'
        "<p>Partial NIR–VIS face recognition, with its saliency in plain sight</p></div>"
        f'<ul><li title="model id">{escape(recognizer.model_id)}</li>{second}'
        f'<li title="device">{escape(str(recognizer.device))}</li><li class="plainly">{PRESENT}</li></ul></header>'
        f'{PRESENTING}<p class="elsewhere" role="status"></p>'
    )


def build_demo(services: Services, sessions: Sessions | None = None) -> gr.Blocks:
    """Services → the page, not launched yet. ``sessions`` holds what is kept of its visitors."""
    keep_components_once()
    sessions = Sessions() if sessions is None else sessions
    with Studio(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(600, 600)) as demo:
        scripted("top", header(services), "present.js", "radios.js", "elsewhere.js")
        with gr.Tabs(elem_id="tabs"):
            for key, row in TABS.items():
                with gr.Tab(row.title, id=key) as tab:
                    row.build(services, sessions, tab)
        offer_endpoints(services)

        def forget(request: gr.Request) -> None:
            """A closed page takes its photos, and what was made of them, along at once. By itself Gradio would keep the
            pictures last shown until it is restarted."""
            sessions.forget(request.session_hash)
            demo.state_holder.session_data.pop(request.session_hash, None)
            demo.state_holder.time_last_used.pop(request.session_hash, None)

        demo.unload(forget)
    return demo
