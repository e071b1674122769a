"""The part of a person's panel that changes them: name, notes, and whose their templates are."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from app.kit.components import fragment
from app.kit.events import Update
from app.services import Services
from ssn.errors import GalleryError
from ssn.gallery.enrol import rename_person
from ssn.gallery.names import MAX_NAME, MAX_NOTES
from ssn.gallery.store import Person


class EditPanel:
    """Components, what they show, and what they do; laid out where it is made. Errors are the library's."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(visible=False, elem_id="edit") as self.edit:
            with gr.Row(equal_height=False):
                self.name = gr.Textbox(label="Name", max_length=MAX_NAME, elem_id="edit-name", scale=3)
                self.rename = gr.Button("Rename", min_width=90, elem_id="edit-rename")
            self.notes = gr.Textbox(label="Notes", lines=2, max_length=MAX_NOTES, elem_id="edit-notes")
            self.save = gr.Button("Save the notes", min_width=90, elem_id="edit-save")
            with gr.Row(equal_height=False):
                self.other = gr.Textbox(
                    label="Another person", max_length=MAX_NAME, placeholder="Name", elem_id="edit-other", scale=3
                )
                self.merge = gr.Button("Merge", min_width=90, elem_id="edit-merge")
            fragment(
                '<p class="more">Merging moves every template to that person; each template has a button that moves it '
                "alone, also to a new name. All of it can be undone.</p>"
            )

    @property
    def outputs(self) -> list[Block]:
        return [self.edit, self.name, self.notes, self.other]

    def renew(self, person: Person | None) -> Update:
        """What stands about the chosen person."""
        if person is None:
            return {self.edit: gr.Column(visible=False)}
        notes = self.services.gallery.notes(person.id)
        return {self.edit: gr.Column(visible=True), self.name: person.name, self.notes: notes, self.other: ""}

    def renamed(self, person: int, name: str) -> str:
        """→ what to say."""
        rename_person(self.services.gallery, person, name)
        return "Renamed."

    def noted(self, person: int, notes: str) -> str:
        """→ what to say."""
        self.services.gallery.set_notes(person, notes)
        return "The notes are saved."

    def merged(self, person: int, name: str) -> tuple[int, str]:
        """→ whom the templates belong to now, and what to say."""
        gallery = self.services.gallery
        if (other := gallery.person(name)) is None:
            raise GalleryError(f"Nobody is enrolled as {name}.", "Write the name of another person, as it is enrolled.")
        gallery.merge(person, other.id)
        return other.id, f"They are part of {other.name} now."

    def moved(self, template: int, name: str) -> str:
        """→ what to say."""
        self.services.gallery.move_template(template, name)
        return f"The template is {name.strip()}'s now."
