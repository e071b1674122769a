"""Model: the card of what is loaded."""

from __future__ import annotations

from app.kit.components import fragment
from app.model.html import model_card
from app.services import Services


def build_model(services: Services) -> None:
    """Lay out the tab; it has nothing to click."""
    fragment(model_card(services), elem_id="model-card")
