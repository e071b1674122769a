"""Workbench: a probe, its occlusion, what the four blocks saw of it, and whom the gallery finds."""

from __future__ import annotations

import base64
import binascii

import gradio as gr

from app.kit.components import brush, brush_answer, brush_load, clickable, fragment, photo_input
from app.kit.notices import error_notice, notice, step
from app.kit.pictures import unpack_mask
from app.services import Services
from app.workbench import bench as steps
from app.workbench import html as views
from app.workbench.bench import Bench, other_indicators
from app.workbench.matches import MatchesPanel
from app.workbench.why import WhyPanel
from ssn.errors import ImageTooLargeError, NotAnImageError, SSNError
from ssn.faces.occlude import OCCLUSIONS
from ssn.faces.read import MAX_BYTES

IDLE_SECONDS = 1800
SPECTRA = [("VIS", "vis"), ("NIR", "nir"), ("Simulate NIR from this VIS photo", "simulate")]
PAINTED = ("Painted", "painted")


def modes() -> list[tuple[str, str]]:
    """What can be hidden, as (title, name): every registered occlusion, and what is painted by hand."""
    return [*((kind.title, name) for name, kind in OCCLUSIONS.items()), PAINTED]


def photo_bytes(event: gr.EventData) -> bytes:
    """What the photo input sent. Raises NotAnImageError, ImageTooLargeError."""
    sent = event._data or {}
    if not sent.get("data"):
        size = sent.get("size") or 0
        if isinstance(size, int) and size > MAX_BYTES:
            limit = MAX_BYTES // 2**20
            raise ImageTooLargeError(f"The file has {size / 2**20:.0f} MB; the limit is {limit}.", "Save it smaller.")
        raise NotAnImageError("The file is empty.", "Choose a picture file.")
    try:
        return base64.b64decode(sent["data"], validate=True)
    except (binascii.Error, TypeError) as error:
        raise NotAnImageError("The upload was damaged.", "Send the picture again.") from error


def build_workbench(services: Services, tab: gr.Tab) -> None:
    """Lay out the tab and connect it; it asks the gallery anew whenever it is opened."""
    Workbench(services, tab)


class Workbench:
    """The tab's components, and the handlers that fill them. It holds no visitor's data: that travels in ``state``."""

    def __init__(self, services: Services, tab: gr.Tab):
        self.services = services
        self.state = gr.State(None, time_to_live=IDLE_SECONDS)
        with gr.Row(elem_id="bench", equal_height=False):
            self._build_probe()
            self._build_occlusion()
            self._build_blocks()
            self.matches = MatchesPanel(services)
        self.why = WhyPanel(services)
        self._connect(tab)

    def _build_probe(self) -> None:
        with gr.Column(elem_id="panel-probe"):
            fragment(step("1", "Probe"))
            self.photo = photo_input("probe-input", "Choose a probe photo")
            self.problem = fragment(elem_id="probe-problem")
            fragment('<h3 class="sub">Examples <small>synthetic, simulated NIR</small></h3>')
            self.examples = clickable("examples", views.examples(self.services.demo.probes))
            self.spectrum = gr.Radio(SPECTRA, value="vis", label="The photo is", elem_id="spectrum")
            self.found = clickable("found", views.found_faces(None))

    def _build_occlusion(self) -> None:
        with gr.Column(elem_id="panel-occlusion"):
            fragment(step("2", "Occlusion"))
            self.mode = gr.Radio(modes(), value="none", label="Hidden part", elem_id="occlusion")
            self.brush = brush("brush")
            self.facts = fragment(elem_id="facts")

    def _build_blocks(self) -> None:
        with gr.Column(elem_id="panel-blocks"):
            fragment(step("3", "Saliency, block by block"))
            with gr.Row(elem_id="block-options"):
                self.branch = gr.Radio(
                    [("NIR indicator", "nir"), ("VIS indicator", "vis")], value="vis", show_label=False, container=False
                )
                self.overlay = gr.Checkbox(True, label="Lay over the face", container=False)
            card = self.services.recognizer.card
            self.blocks = fragment(views.block_pictures(None, card, [], "vis", True), elem_id="blocks")

    @property
    def _results(self) -> list:
        return [self.state, self.facts, self.branch, self.blocks, *self._match_outputs]

    @property
    def _match_outputs(self) -> list:
        return [*self.matches.outputs, *self.why.outputs]

    @property
    def _all(self) -> list:
        return [self.problem, self.found, self.spectrum, self.mode, self.brush, *self._results]

    def _connect(self, tab: gr.Tab) -> None:
        # One at a time and none dropped: a step must see the state its predecessor left.
        shared = {"concurrency_id": "bench", "concurrency_limit": 1, "trigger_mode": "multiple"}
        quiet = {"show_progress": "hidden", "api_visibility": "private", **shared}
        work = {"show_progress": "minimal", "show_progress_on": [self.found], "api_visibility": "private", **shared}
        self.photo.input(self.on_photo, [self.state, self.spectrum, self.overlay], self._all, **work)
        self.examples.click(self.on_example, [self.state, self.overlay], self._all, **work)
        self.found.click(self.on_face, [self.state, self.overlay], self._all, **quiet)
        self.spectrum.input(self.on_spectrum, [self.state, self.spectrum, self.overlay], self._all, **quiet)
        self.mode.input(self.on_mode, [self.state, self.mode, self.overlay], self._all, **quiet)
        painted = [self.problem, self.mode, self.brush, *self._results]
        self.brush.input(self.on_paint, [self.state, self.branch, self.overlay], painted, **quiet)
        found = [self.state, *self._match_outputs]
        tab.select(self.on_open, self.state, found, **quiet)
        self.matches.alike.input(self.on_alike, [self.state, self.matches.alike], found, **quiet)
        self.why.connect(self.state, self.matches.ranks)
        for option in (self.branch, self.overlay):
            option.input(self.on_option, [self.state, self.branch, self.overlay], self.blocks, **quiet)

    def on_photo(self, state: Bench | None, choice: str, overlay: bool, event: gr.EventData):
        title = "Camera photo" if (event._data or {}).get("camera") else "Your photo"
        if state is not None and state.simulated:
            choice = "vis"  # the example before chose NIR; nobody said it of this photo
        alike = state is not None and state.alike
        return self._attempt(
            state,
            overlay,
            lambda: steps.open_photo(self.services, photo_bytes(event), choice, title, alike=alike),
        )

    def on_example(self, state: Bench | None, overlay: bool, event: gr.EventData):
        place = int((event._data or {}).get("place", 0))
        probe = self.services.demo.probes[place]
        simulated = probe.spectrum == "nir-simulated"
        choice = "vis" if probe.spectrum == "vis" else "nir"
        alike = state is not None and state.alike
        return self._attempt(
            state, overlay, lambda: steps.open_photo(self.services, probe.path, choice, probe.person, simulated, alike)
        )

    def on_face(self, state: Bench | None, overlay: bool, event: gr.EventData):
        index = int((event._data or {}).get("index", 0))
        return self._attempt(state, overlay, lambda: state and steps.choose(self.services, state, index))

    def on_spectrum(self, state: Bench | None, choice: str, overlay: bool):
        return self._attempt(state, overlay, lambda: state and steps.set_choice(self.services, state, choice), choice)

    def on_mode(self, state: Bench | None, mode: str, overlay: bool):
        def hide():
            return steps.set_mode(self.services, state, mode) if state and state.index is not None else state

        return self._attempt(state, overlay, hide)

    def on_paint(self, state: Bench | None, branch: str, overlay: bool, event: gr.EventData):
        """A stroke. One that belongs to a face no longer on the bench is answered and forgotten."""
        sent = event._data or {}
        answer = brush_answer(int(sent.get("stroke", 0)))
        if state is None or state.index is None or sent.get("token") != state.token:
            return [gr.skip(), gr.skip(), answer, *[gr.skip()] * len(self._results)]
        try:
            state = steps.paint(self.services, state, unpack_mask(sent.get("mask", "")))
        except (SSNError, ValueError) as error:
            problem = error if isinstance(error, SSNError) else NotAnImageError("The mask was damaged.", "Paint again.")
            return [error_notice(problem, True), gr.skip(), answer, *[gr.skip()] * len(self._results)]
        return ["", "painted", answer, *self._show(state, branch, overlay)]

    def on_open(self, state: Bench | None):
        """The gallery may have changed since."""
        if state is None or state.after is None:
            return [gr.skip()] * (1 + len(self._match_outputs))
        state = steps.search(self.services, state)
        return [state, *self._matches(state)]

    def on_alike(self, state: Bench | None, alike: bool):
        if state is None:
            return [gr.skip()] * (1 + len(self._match_outputs))
        state = steps.set_alike(self.services, state, alike)
        return [state, *self._matches(state)]

    def on_option(self, state: Bench | None, branch: str, overlay: bool):
        return self._blocks(state, branch, overlay)

    def _attempt(self, state: Bench | None, overlay: bool, make, choice: str | None = None) -> list:
        """Run a step and show its result, or say what was wrong and leave everything as it was."""
        try:
            done = make()
        except SSNError as error:
            return [error_notice(error, state is not None), *[gr.skip()] * (len(self._all) - 1)]
        if done is None:
            idle = "Choose a photo or an example first."
            nothing = [notice(idle), gr.skip(), gr.skip(), "none", gr.skip()] if choice is None else [gr.skip()] * 5
            return [*nothing, *[gr.skip()] * len(self._results)]
        face = None if done.before is None else done.before.face
        load = brush_load(done.token, None if face is None else face.pixels, done.mask)
        head = [views.several_faces(done), views.found_faces(done), done.choice, done.mode, load]
        return [*head, *self._show(done, None if face is None else face.branch, overlay)]

    def _show(self, state: Bench, branch: str | None, overlay: bool) -> list:
        branch = branch or "vis"
        facts = views.occlusion_facts(state, str(self.services.recognizer.device))
        return [state, facts, branch, self._blocks(state, branch, overlay), *self._matches(state)]

    def _matches(self, state: Bench) -> list:
        """The ranking, and the panel below made ready for it."""
        return [*self.matches.renew(state), *self.why.renew(state)]

    def _blocks(self, state: Bench | None, branch: str, overlay: bool) -> str:
        card = self.services.recognizer.card
        if state is None or state.after is None:
            return views.block_pictures(None, card, [], branch, overlay)
        return views.block_pictures(state, card, other_indicators(self.services, state, branch), branch, overlay)
