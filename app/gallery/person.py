"""The gallery's panel of one person: what is changed about them, their templates, and deleting, which asks first."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
from gradio.blocks import Block

from app.gallery.edit import EditPanel
from app.gallery.person_html import person_details
from app.gallery.visit import Pending
from app.kit.components import clickable, fragment
from app.kit.events import Sent, Update
from app.kit.notices import notice, step
from app.services import Services
from ssn.gallery.store import Person


class PersonPanel:
    """Components, and what they show; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-person"):
            fragment(step("", "Templates"))
            self.message = fragment(elem_id="gallery-message")
            with gr.Group(visible=False, elem_id="confirm") as self.confirm:
                self.question = fragment()
                with gr.Row():
                    self.keep = gr.Button("Keep", min_width=90, elem_id="confirm-keep")
                    self.delete = gr.Button("Delete", variant="stop", min_width=90, elem_id="confirm-delete")
            self.edit = EditPanel(services)
            self.details = clickable("person-details", person_details(None))

    @property
    def outputs(self) -> list[Block]:
        return [self.message, self.confirm, self.question, *self.edit.outputs, self.details]

    def renew(self, people: Sequence[Person], chosen: int | None) -> Update:
        """The templates of the chosen person, if there still is one."""
        gallery = self.services.gallery
        person = next((person for person in people if person.id == chosen), None)
        if person is None:
            return {**self.edit.renew(None), self.details: person_details(None)}
        templates = gallery.templates_of(person.id)
        faces = gallery.face_images([number for number, *_ in templates])
        return {**self.edit.renew(person), self.details: person_details(person, templates, faces)}

    def ask(self, sent: Sent) -> tuple[Pending, Update]:
        """What a delete button means, and the question that goes before it."""
        if sent.text("action") == "person":
            number = sent.number("person")
            people = self.services.gallery.people()
            name = next((person.name for person in people if person.id == number), "this person")
            pending: Pending = ("person", number)
            question = f"Delete {name} with all templates and pictures?"
        else:
            pending = ("template", sent.number("template"))
            question = f"Delete template {pending[1]} and its picture? A person without templates is removed too."
        asked = {
            self.confirm: gr.Group(visible=True),
            self.question: notice(question, "warn", "This cannot be undone."),
        }
        return pending, asked

    def close(self) -> Update:
        """The question is answered, or no longer asked."""
        return {self.confirm: gr.Group(visible=False), self.question: ""}
