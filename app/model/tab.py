"""Model: the card of what is loaded."""

from __future__ import annotations

import gradio as gr

from app.kit.components import fragment
from app.model.html import model_card
from app.services import Services
from app.session import Sessions


def build_model(services: Services, sessions: Sessions, tab: gr.Tab) -> None:
    """Lay out the tab; it has nothing to click, and keeps nothing of a visitor."""
    fragment(model_card(services), elem_id="model-card")
