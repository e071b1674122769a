"""The gallery's list of people, with a search by name."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
from gradio.blocks import Block

from app.gallery import people_html as views
from app.kit.components import clickable, fragment
from app.kit.events import Update
from app.kit.notices import step
from app.services import Services, only_of_other_models
from ssn.gallery.store import Person


class PeoplePanel:
    """Components, and what they show; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-people"):
            fragment(step("", "People"))
            self.wanted = gr.Textbox(label="Search by name", placeholder="Name", elem_id="people-search")
            self.count = fragment(elem_id="gallery-count")
            self.again = gr.Button("Enrol them again", visible=False, elem_id="enrol-again")
            self.people = clickable("people")

    @property
    def outputs(self) -> list[Block]:
        return [self.count, self.again, self.people]

    def renew(self, people: Sequence[Person], wanted: str | None, chosen: int | None) -> Update:
        """After the gallery changed."""
        others = only_of_other_models(list(people))
        return {
            self.count: views.gallery_facts(people, self.services.gallery.model_id, others),
            self.again: gr.Button(visible=others > 0),
            **self.found(people, wanted, chosen),
        }

    def found(self, people: Sequence[Person], wanted: str | None, chosen: int | None) -> Update:
        """Those of that name only, or everybody: their faces come with two queries, however many they are."""
        gallery, shown = self.services.gallery, views.named_like(people, wanted)
        first = gallery.first_templates([person.id for person in shown[: views.MOST_SHOWN]])
        pictures = gallery.face_images(list(first.values()))
        faces = {person: pictures[template] for person, template in first.items() if template in pictures}
        return {self.people: views.people_grid(shown, faces, chosen, bool((wanted or "").strip()))}
