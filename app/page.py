"""The page: theme, header, tabs. It only composes."""

from __future__ import annotations

from html import escape

import gradio as gr

from app.gallery.tab import build_gallery
from app.kit.components import fragment
from app.model.tab import build_model
from app.services import Services
from app.workbench.tab import build_workbench

TITLE = "SSN Studio"


def header(services: Services) -> str:
    """Name, purpose, and which model runs where."""
    recognizer, beside = services.recognizer, services.beside
    second = "" if beside is None else f'<li title="second model">{escape(beside.recognizer.model_id)}</li>'
    return (
        '<header id="masthead"><div><h1>SSN Studio</h1>'
        "<p>Partial NIR–VIS face recognition, with its saliency in plain sight</p></div>"
        f'<ul><li title="model id">{escape(recognizer.model_id)}</li>{second}'
        f'<li title="device">{escape(str(recognizer.device))}</li></ul></header>'
    )


def build_demo(services: Services) -> gr.Blocks:
    """Services → the page, not launched yet."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(600, 600)) as demo:
        fragment(header(services))
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Workbench", id="workbench") as bench_tab:
                build_workbench(services, bench_tab)
            with gr.Tab("Gallery", id="gallery") as gallery_tab:
                build_gallery(services, gallery_tab)
            with gr.Tab("Model", id="model"):
                build_model(services)

        def forget(request: gr.Request) -> None:
            """A closed page takes its photos along at once. By itself Gradio would keep the state for an hour, and the
            pictures last shown until it is restarted."""
            demo.state_holder.session_data.pop(request.session_hash, None)
            demo.state_holder.time_last_used.pop(request.session_hash, None)

        demo.unload(forget)
    return demo
