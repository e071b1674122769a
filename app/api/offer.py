"""The endpoints, as a part of the page that is not seen."""

from __future__ import annotations

import gradio as gr

from app.api.endpoints import Endpoints
from app.api.gallery import GalleryEndpoints
from app.services import Services

ASKED = ("match", "embed", "enrol", "people", "explain", "compare")
LOOKED_AFTER = {
    **{name: name for name in ("enrol_many", "re_embed", "templates", "rename", "merge", "move", "note", "changes")},
    **{name: name for name in ("undo", "delete", "stats", "verify", "export")},
    "import": "import_file",
}
"""Endpoints of the gallery → the method that answers."""
NAMES = (*ASKED, *LOOKED_AFTER)
AT_ONCE = 4
"""Calls of all programs answered at a time; the others wait in the queue, apart from the page's visitors."""


def offer_endpoints(services: Services) -> None:
    """To be called within the page's ``gr.Blocks``."""
    asked, gallery = Endpoints(services), GalleryEndpoints(services)
    answers = {name: getattr(asked, name) for name in ASKED}
    answers |= {name: getattr(gallery, method) for name, method in LOOKED_AFTER.items()}
    for name, answer in answers.items():
        gr.api(answer, api_name=name, concurrency_limit=AT_ONCE, concurrency_id="programs")
