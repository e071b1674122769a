"""The workbench's Probe panel: a photo or an example, the faces found in it, and the spectrum it is in."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from app.kit.components import clickable, fragment, photo_input
from app.kit.events import Sent, Update
from app.kit.notices import step
from app.kit.photo import Choice
from app.kit.photo_html import crowd_list, found_faces, largest_is_chosen
from app.services import Services
from app.workbench import bench as steps
from app.workbench import probe_html as views
from app.workbench.bench import Bench
from app.workbench.desk import Desk
from ssn.errors import ImageError

SPECTRA = [("VIS", "vis"), ("NIR", "nir"), ("Simulate NIR from this VIS photo", "simulate")]


def turn_page(services: Services, bench: Bench, page: int) -> Bench:
    """Another page of the file the photo is of, counted from 0. Raises as ``open_photo`` of the bench."""
    photo = bench.photo
    if photo.file is None:
        raise ImageError("The photo has no other pages.", "Choose one of the faces.")
    return steps.open_photo(services, photo.file, bench.choice, photo.title, photo.simulated, like=bench, page=page)


class ProbePanel:
    """Components and handlers; laid out where it is made. It holds no visitor's data."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-probe"):
            fragment(step("1", "Probe"))
            self.photo = photo_input("probe-input", "Choose a probe photo")
            self.problem = fragment(elem_id="probe-problem")
            self.found = clickable("found")
            self.crowd = clickable("crowd")
            fragment('<h3 class="sub">Examples <small>synthetic, simulated NIR</small></h3>')
            self.examples = clickable("examples", views.examples(services.demo.probes))
            self.spectrum = gr.Radio(SPECTRA, value="vis", label="The photo is", elem_id="spectrum")

    @property
    def outputs(self) -> list[Block]:
        return [self.photo, self.problem, self.found, self.crowd, self.spectrum]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        return {
            self.photo: bench.photo.token,
            self.problem: largest_is_chosen(bench.photo, bench.index),
            **self.names(bench),
            self.spectrum: bench.choice,
        }

    @property
    def naming(self) -> list[Block]:
        """The components of :meth:`names`."""
        return [self.found, self.crowd]

    def names(self, bench: Bench) -> Update:
        """The photo, and who everybody in it is."""
        best = {} if bench.crowd is None else bench.crowd.best
        return {
            self.found: found_faces(bench.photo, bench.index, best),
            self.crowd: crowd_list(bench.photo, bench.index, best),
        }

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        overlay = desk.view[1]
        work = {"show_progress": "minimal", "show_progress_on": [self.found]}
        desk.listen(self.photo.input, self.on_photo, [self.spectrum, overlay], desk.everything, **work)
        desk.listen(self.examples.click, self.on_example, [overlay], desk.everything, **work)
        for faces in (self.found, self.crowd):
            desk.listen(faces.click, self.on_face, [overlay], desk.everything)
        desk.listen(self.spectrum.input, self.on_spectrum, [self.spectrum, overlay], desk.everything)

    def on_photo(self, choice: Choice, overlay: bool, event: gr.EventData, request: gr.Request) -> Update:
        sent = Sent(event)
        title = "Camera photo" if sent.flag("camera") else "Your photo"

        def opened(bench: Bench | None) -> Bench:
            # After an example its NIR stays chosen, but nobody said it of this photo.
            spectrum: Choice = "vis" if bench is not None and bench.photo.simulated else choice
            return steps.open_photo(self.services, sent.photo(), spectrum, title, like=bench)

        return self.desk.take(request, opened, overlay)

    def on_example(self, overlay: bool, event: gr.EventData, request: gr.Request) -> Update:
        place, probes = Sent(event).number("place"), self.services.demo.probes

        def opened(bench: Bench | None) -> Bench:
            if not 0 <= place < len(probes):
                raise ImageError("There is no such example.", "Choose one of the pictures.")
            return steps.open_example(self.services, probes[place], bench)

        return self.desk.take(request, opened, overlay)

    def on_face(self, overlay: bool, event: gr.EventData, request: gr.Request) -> Update:
        sent = Sent(event)
        if sent.text("action") == "page":
            page = sent.number("page")
            turned = lambda bench: bench and turn_page(self.services, bench, page)  # noqa: E731
            return self.desk.take(request, turned, overlay)
        index = sent.number("index")
        return self.desk.take(request, lambda bench: bench and steps.choose(self.services, bench, index), overlay)

    def on_spectrum(self, choice: Choice, overlay: bool, request: gr.Request) -> Update:
        """Before there is a photo it is only a choice."""
        _, visit = self.desk.visit(request)
        if visit.bench is None:
            return self.desk.no_probe(visit) if visit.forgotten else gr.skip()
        return self.desk.take(request, lambda bench: bench and steps.set_choice(self.services, bench, choice), overlay)
