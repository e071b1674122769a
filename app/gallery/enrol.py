"""The gallery's panel that enrols a face from a photo."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from app.gallery.visit import Visit
from app.kit.components import clickable, fragment, photo_input
from app.kit.events import Sent, Update
from app.kit.notices import error_notice, nothing_yet, notice, step
from app.kit.photo import Choice
from app.kit.photo_html import found_faces, several_faces
from app.services import Services
from ssn.errors import SSNError
from ssn.gallery.quality import Quality
from ssn.gallery.store import Person

FATE = "The photo stays in memory; Enrol stores the cut-out face and its template on disk, until they are deleted."


@dataclass(frozen=True)
class Enrolled:
    """A warning about whom a face looks like, which may be empty, and how good it is. ``already``: this person had been
    enrolled from the same photo, so nothing was added."""

    warning: str
    quality: Quality
    already: bool = False


class EnrolPanel:
    """Components and steps; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-enrol"):
            fragment(step("", "Enrol", "with the mirror image: the same photo scores just under 1"))
            self.photo = photo_input("enrol-input", "Choose a photo to enrol", FATE)
            self.problem = fragment(elem_id="enrol-problem")
            self.found = clickable("enrol-found", found_faces(None))
            self.spectrum = gr.Radio([("VIS", "vis"), ("NIR", "nir")], value="vis", label="The photo is")
            self.name = gr.Textbox(label="Name", max_length=80, placeholder="Whose face is it?", elem_id="enrol-name")
            self.enrol = gr.Button("Enrol", variant="primary", elem_id="enrol-button")

    @property
    def outputs(self) -> list[Block]:
        return [self.photo, self.problem, self.found, self.name]

    def open(self, visit: Visit, sent: Sent) -> Update:
        """A photo was sent, or another page of its file asked for; the face that is clearly meant is chosen."""
        file = visit.photo.file if visit.photo is not None and sent.text("action") == "page" else None
        try:
            source, page = (sent.photo(), None) if file is None else (file, sent.number("page"))
            photo = self.services.open_photo(source, "Photo to enrol", page=page)
        except SSNError as error:
            return {self.problem: error_notice(error)}
        index = None if photo.subject is None else photo.subject.index
        visit.photo, visit.index = photo, index
        found = found_faces(photo, index)
        return {self.photo: photo.token, self.problem: several_faces(photo, index), self.found: found}

    def choose(self, visit: Visit, index: int) -> Update:
        """One of several faces was clicked."""
        if visit.photo is None:
            return {self.problem: nothing_yet(True)} if visit.forgotten else gr.skip()
        try:
            visit.photo.usable(index)
        except SSNError as error:
            return {self.problem: error_notice(error)}
        visit.index = index
        return {self.problem: several_faces(visit.photo, index), self.found: found_faces(visit.photo, index)}

    def store(self, visit: Visit, choice: Choice, name: str) -> tuple[Person, Enrolled] | Update:
        """The chosen face becomes a template → its person and what is to be said of it, or what was wrong. All or
        nothing: an error leaves photo and name in place."""
        if visit.photo is None or visit.index is None:
            what = "Choose a photo first." if visit.photo is None else "Choose one of the faces first."
            return {self.problem: nothing_yet(visit.forgotten, what)}
        try:
            face = visit.photo.seen_as(visit.index, choice)
            done = self.services.enrol(name, face, "photo", visit.photo.digest(visit.index, choice))
            person = self.services.gallery.person(name)
        except SSNError as error:
            return {self.problem: error_notice(error)}
        if person is None:
            return {self.problem: notice("The person was deleted in the meantime.", "warn", "Enrol the photo again.")}
        visit.photo = visit.index = None
        visit.person = person.id
        return person, Enrolled(done.warning, self.services.quality(face), done.already)

    def done(self, person: Person, enrolled: Enrolled) -> Update:
        """Ready for the next photo; whom the face looks like, and what is wrong with it, is told."""
        if enrolled.already:
            said = notice(f"{person.name} was enrolled from this photo before.", "info", "Nothing was added.")
            return {self.problem: said, self.found: found_faces(None), self.name: ""}
        said = f"{person.name} is enrolled." if person.stored == 1 else f"{person.name} has a further template."
        concerns = enrolled.quality.concerns
        shown = notice(said, "good", f"{enrolled.quality.text}.")
        shown += notice(f"The face is {', '.join(concerns)}.", "warn", "A better photo is found more surely.") * bool(
            concerns
        )
        shown += notice(f"The face was {enrolled.warning}", "warn", "Merge them, or undo.") * bool(enrolled.warning)
        return {self.problem: shown, self.found: found_faces(None), self.name: ""}
