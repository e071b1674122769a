"""The page's tabs, in their order. A new one is a module with a ``build`` and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from app.evaluation.tab import build_evaluation
from app.gallery.tab import build_gallery
from app.live.tab import build_live
from app.model.tab import build_model
from app.services import Services
from app.session import Sessions
from app.workbench.tab import build_workbench


@dataclass(frozen=True)
class Tab:
    """``build(services, sessions, tab)`` lays the tab out and connects it; it is called within the ``gr.Tab``."""

    title: str
    build: Callable[[Services, Sessions, gr.Tab], object]


TABS: dict[str, Tab] = {
    "workbench": Tab("Workbench", build_workbench),
    "live": Tab("Live", build_live),
    "gallery": Tab("Gallery", build_gallery),
    "evaluation": Tab("Evaluation", build_evaluation),
    "model": Tab("Model", build_model),
}
"""By the tab's id in the page."""
