"""Gallery: who is enrolled, enrolling from a photo, and deleting, which asks first."""

from __future__ import annotations

import gradio as gr

from app.gallery import html as views
from app.kit.components import clickable, fragment, photo_input
from app.kit.notices import error_notice, notice, step
from app.services import Services, people_of_other_models
from app.workbench import bench as steps
from app.workbench.bench import Bench
from app.workbench.html import found_faces, several_faces
from app.workbench.tab import IDLE_SECONDS, photo_bytes
from ssn.errors import SSNError


def build_gallery(services: Services, tab: gr.Tab) -> None:
    """Lay out the tab and connect it; it shows the gallery anew whenever it is opened."""
    GalleryTab(services, tab)


class GalleryTab:
    """The tab's components and handlers. The visitor's photo and choices travel in gr.State."""

    def __init__(self, services: Services, tab: gr.Tab):
        self.services = services
        self.photo_state = gr.State(None, time_to_live=IDLE_SECONDS)
        self.person = gr.State(None)
        self.pending = gr.State(None)
        with gr.Row(elem_id="gallery-page", equal_height=False):
            self._build_people()
            self._build_person()
            self._build_enrol()
        self._connect(tab)

    def _build_people(self) -> None:
        with gr.Column(elem_id="panel-people"):
            fragment(step("", "People"))
            self.wanted = gr.Textbox(label="Search by name", placeholder="Name", elem_id="people-search")
            self.count = fragment(elem_id="gallery-count")
            self.again = gr.Button("Enrol them again", visible=False, elem_id="enrol-again")
            self.people = clickable("people")

    def _build_person(self) -> None:
        with gr.Column(elem_id="panel-person"):
            fragment(step("", "Templates"))
            self.message = fragment(elem_id="gallery-message")
            with gr.Group(visible=False, elem_id="confirm") as self.confirm:
                self.question = fragment()
                with gr.Row():
                    self.keep = gr.Button("Keep", min_width=90, elem_id="confirm-keep")
                    self.delete = gr.Button("Delete", variant="stop", min_width=90, elem_id="confirm-delete")
            self.details = clickable("person-details", views.person_details(self.services.gallery, None))

    def _build_enrol(self) -> None:
        with gr.Column(elem_id="panel-enrol"):
            fragment(step("", "Enrol", "with the mirror image: the same photo scores just under 1"))
            self.photo = photo_input("enrol-input", "Choose a photo to enrol")
            self.problem = fragment(elem_id="enrol-problem")
            self.found = clickable("enrol-found", found_faces(None))
            self.spectrum = gr.Radio([("VIS", "vis"), ("NIR", "nir")], value="vis", label="The photo is")
            self.name = gr.Textbox(label="Name", max_length=80, placeholder="Whose face is it?", elem_id="enrol-name")
            self.enrol = gr.Button("Enrol", variant="primary", elem_id="enrol-button")

    def _connect(self, tab: gr.Tab) -> None:
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        work = {"show_progress": "minimal", "show_progress_on": [self.found], "api_visibility": "private"}
        listing = [self.count, self.again, self.people, self.details]
        chosen = [self.pending, self.confirm, self.question]
        tab.select(self.on_open, [self.wanted, self.person], listing, **quiet)
        self.wanted.change(self.on_open, [self.wanted, self.person], listing, **quiet)
        self.people.click(self.on_person, self.wanted, [self.person, self.message, *chosen, *listing], **quiet)
        self.again.click(self.on_again, [self.wanted, self.person], [self.message, *listing], **quiet)
        self.details.click(self.on_ask, None, chosen, **quiet)
        self.keep.click(lambda: (None, gr.Group(visible=False), ""), None, chosen, **quiet)
        after = [self.person, self.message, *chosen, *listing]
        self.delete.click(self.on_delete, [self.pending, self.person, self.wanted], after, **quiet)
        shown = [self.photo_state, self.problem, self.found]
        self.photo.input(self.on_photo, [self.photo_state, self.spectrum], shown, **work)
        self.found.click(self.on_face, self.photo_state, shown, **quiet)
        enrolled = [*shown, self.name, self.person, *listing]
        for start in (self.enrol.click, self.name.submit):
            start(self.on_enrol, [self.photo_state, self.spectrum, self.name, self.wanted], enrolled, **quiet)

    def _listing(self, wanted: str, person: int | None) -> list:
        gallery = self.services.gallery
        others = people_of_other_models(gallery)
        return [
            views.gallery_facts(gallery, others),
            gr.Button(visible=others > 0),
            views.people_grid(gallery, wanted, person),
            views.person_details(gallery, person),
        ]

    def on_open(self, wanted: str, person: int | None):
        return self._listing(wanted, person)

    def on_again(self, wanted: str, person: int | None):
        """The way out of a gallery made by another model."""
        try:
            done = self.services.enrol_again()
        except SSNError as error:
            return [error_notice(error), *self._listing(wanted, person)]
        said, left_out = f"{done.added} templates were added.", ", ".join(name for name, _ in done.refused)
        if left_out:
            said = notice(said, "warn", f"Their stored pictures cannot be read: {left_out}.")
        else:
            said = notice(said, "good")
        return [said, *self._listing(wanted, person)]

    def on_person(self, wanted: str, event: gr.EventData):
        person = int((event._data or {}).get("person", 0))
        return [person, "", None, gr.Group(visible=False), "", *self._listing(wanted, person)]

    def on_ask(self, event: gr.EventData):
        """Nothing is deleted before the question is answered."""
        sent = event._data or {}
        kind = "person" if sent.get("action") == "person" else "template"
        number = int(sent.get(kind, 0))
        if kind == "person":
            name = next((one.name for one in self.services.gallery.people() if one.id == number), "this person")
            question = f"Delete {name} with all templates and pictures?"
        else:
            question = f"Delete template {number} and its picture? A person without templates is removed too."
        return (kind, number), gr.Group(visible=True), notice(question, "warn", "This cannot be undone.")

    def on_delete(self, pending: tuple[str, int] | None, person: int | None, wanted: str):
        closed = [None, gr.Group(visible=False), ""]
        try:
            if pending:
                self.services.delete(*pending)
        except SSNError as error:
            return [person, error_notice(error), *closed, *self._listing(wanted, person)]
        person = person if any(one.id == person for one in self.services.gallery.people()) else None
        return [person, notice("Deleted.", "good") if pending else "", *closed, *self._listing(wanted, person)]

    def on_photo(self, state: Bench | None, choice: str, event: gr.EventData):
        try:
            state = steps.open_photo(self.services, photo_bytes(event), choice, "Photo to enrol")
        except SSNError as error:
            return [gr.skip(), error_notice(error), gr.skip()]
        return [state, several_faces(state), found_faces(state)]

    def on_face(self, state: Bench | None, event: gr.EventData):
        if state is None:
            return [gr.skip()] * 3
        try:
            state = steps.choose(self.services, state, int((event._data or {}).get("index", 0)))
        except SSNError as error:
            return [gr.skip(), error_notice(error), gr.skip()]
        return [state, "", found_faces(state)]

    def on_enrol(self, state: Bench | None, choice: str, name: str, wanted: str):
        """All or nothing: an error leaves photo and name in place."""
        stay = [gr.skip()] * 7
        if state is None or state.index is None:
            what = "Choose a photo first." if state is None else "Choose one of the faces first."
            return [gr.skip(), notice(what, "warn"), *stay]
        try:
            known = self.services.gallery.person(name)
            face = steps.set_choice(self.services, state, choice).before.face
            self.services.enrol(name, face, "photo")
        except SSNError as error:
            return [gr.skip(), error_notice(error), *stay]
        person = self.services.gallery.person(name)
        said = f"{person.name} has a further template." if known else f"{person.name} is enrolled."
        return [None, notice(said, "good"), found_faces(None), "", person.id, *self._listing(wanted, person.id)]
