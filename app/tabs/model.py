"""Model: the card of what is loaded."""

from __future__ import annotations

from app.components import fragment
from app.services import Services
from app.views.model import model_card


def build_model(services: Services) -> None:
    """Lay out the tab; it has nothing to click."""
    fragment(model_card(services), elem_id="model-card")
