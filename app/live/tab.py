"""Live: everybody before a camera, with names, scores and saliency, several times a second."""

from __future__ import annotations

import json

import gradio as gr

from app.kit.components import fragment, live_camera
from app.kit.events import PRIVATE, Sent, Update
from app.kit.notices import step
from app.live.watching import MOST_FRAME, Watching, answer_frame
from app.services import Services
from app.session import Sessions
from ssn.errors import SSNError
from ssn.faces.types import Spectrum

SPECTRA: list[tuple[str, str]] = [("VIS", "vis"), ("NIR", "nir")]
ABOUT = (
    '<p class="facts">Frames are looked at in memory, one at a time, and forgotten; the camera ends with this tab. '
    "Each face is followed by its box, and its scores are smoothed over the last frames. The colours over the largest "
    "face are the second block’s selected response. Verdicts are those of a search at the usual rate; behind something "
    "that covers a tenth of a face or more nobody is called a match.</p>"
)


class LiveTab:
    """Components and handler; laid out where it is made."""

    def __init__(self, services: Services, sessions: Sessions):
        self.services, self.sessions = services, sessions
        with gr.Column(elem_id="panel-live"):
            fragment(step("", "Live", "who stands before the camera"))
            self.spectrum = gr.Radio(SPECTRA, value="vis", label="The camera is", elem_id="live-spectrum")
            self.camera = live_camera("live-camera")
            fragment(ABOUT)
        self.camera.input(self.on_frame, [self.spectrum], self.camera, trigger_mode="multiple", **PRIVATE)

    def on_frame(self, spectrum: str, event: gr.EventData, request: gr.Request) -> Update:
        """The page sends the next frame once this one is answered."""
        sent = Sent(event)
        session = self.sessions.of(request)
        kind: Spectrum = "nir" if spectrum == "nir" else "vis"
        with session.turn():
            try:
                watcher = session.part(Watching).of(sent.number("run"), self.services)
                said = answer_frame(self.services, watcher, sent.file(MOST_FRAME), kind, sent.flag("overlay"))
            except SSNError as error:
                said = {"faces": [], "problem": str(error)}
        return {self.camera: json.dumps({"run": sent.number("run"), "frame": sent.number("frame"), **said})}


def build_live(services: Services, sessions: Sessions, tab: gr.Tab) -> LiveTab:
    """Lay out the tab and connect it."""
    return LiveTab(services, sessions)
