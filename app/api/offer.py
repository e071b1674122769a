"""The endpoints, as a part of the page that is not seen."""

from __future__ import annotations

import gradio as gr

from app.api.endpoints import Endpoints
from app.services import Services

NAMES = ("match", "embed", "enrol", "people", "explain", "compare")
AT_ONCE = 4
"""Calls of all programs answered at a time; the others wait in the queue, apart from the page's visitors."""


def offer_endpoints(services: Services) -> None:
    """To be called within the page's ``gr.Blocks``."""
    endpoints = Endpoints(services)
    for name in NAMES:
        gr.api(getattr(endpoints, name), api_name=name, concurrency_limit=AT_ONCE, concurrency_id="programs")
