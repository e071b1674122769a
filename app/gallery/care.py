"""The gallery's panel that looks after it as a whole: undo, counts and checks, and the gallery as one file."""

from __future__ import annotations

import io

import gradio as gr
from gradio.blocks import Block

from app.gallery import care_html as views
from app.gallery.people_html import templates
from app.kit.components import file_input, fragment
from app.kit.events import Sent, Update
from app.kit.notices import notice, step
from app.services import Services
from ssn.errors import GalleryError
from ssn.faces.read import MAX_BYTES
from ssn.gallery.archive import export_gallery, import_gallery
from ssn.gallery.changes import Change
from ssn.gallery.health import statistics, verify

MOST_BYTES = 64 * 2**20
"""A larger gallery is exported on the command line: a page would hold it in memory several times. What is imported is
one request, and those are bounded like pictures."""


class CarePanel:
    """Components, what they show, and what they do; laid out where it is made. Errors are the library's."""

    def __init__(self, services: Services):
        self.services = services
        with gr.Column(elem_id="panel-care"):
            fragment(step("", "Look after it", "what was deleted cannot be undone"))
            self.message = fragment(elem_id="care-message")
            self.last = fragment(elem_id="care-last")
            with gr.Row():
                self.undo = gr.Button("Undo", min_width=90, elem_id="care-undo", interactive=False)
                self.count = gr.Button("Count", min_width=90, elem_id="care-count")
                self.verify = gr.Button("Verify", min_width=90, elem_id="care-verify")
                self.export = gr.Button("Export", min_width=90, elem_id="care-export")
            self.bring = file_input("care-import", views.import_input(MAX_BYTES))
            self.result = fragment(elem_id="care-result")

    @property
    def outputs(self) -> list[Block]:
        return [self.message, self.last, self.undo, self.result]

    def renew(self) -> tuple[int | None, Update]:
        """The number of the last change, and what it says."""
        changes = self.services.gallery.changes()
        return (changes[0].number if changes else None), {
            self.last: views.last_change(changes),
            self.undo: gr.Button(interactive=bool(changes)),
        }

    def undone(self, number: int) -> Change:
        """Only what the visitor saw is taken back."""
        return self.services.undo(number)

    def counted(self) -> Update:
        return {self.message: "", self.result: views.statistics_table(statistics(self.services.gallery))}

    def verified(self) -> Update:
        found = verify(self.services.gallery)
        seen = f"{found.people} people, {found.templates} templates and {found.pictures} pictures were read"
        if found.sound:
            return {self.message: notice(f"{seen}: all sound.", "good"), self.result: ""}
        return {self.message: notice(f"{seen}.", "warn"), self.result: views.problem_list(found.problems)}

    def exported(self) -> Update:
        """A link that holds the file: nothing is written to the server's disk."""
        size = statistics(self.services.gallery).bytes
        if size > MOST_BYTES:
            raise GalleryError(
                f"The gallery has {size / 2**20:.0f} MB; a page can hold {MOST_BYTES // 2**20}.",
                "Use python -m ssn gallery export.",
            )
        file = io.BytesIO()
        done = export_gallery(self.services.gallery, file)
        return {self.message: "", self.result: views.download(file.getvalue(), done)}

    def imported(self, sent: Sent) -> str:
        """→ what to say."""
        done = import_gallery(self.services.gallery, io.BytesIO(sent.file(MAX_BYTES)))
        again = f" Already there: {templates(done.already)}." if done.already else ""
        return f"Imported: {templates(done.templates)}; people in the file: {done.people}.{again}"
