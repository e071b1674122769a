"""Gallery: who is enrolled, enrolling from a photo, and deleting, which asks first. Composes and connects."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from app.gallery.enrol import EnrolPanel
from app.gallery.people import PeoplePanel
from app.gallery.person import PersonPanel
from app.gallery.visit import Visit
from app.kit.events import PRIVATE, Sent, Update
from app.kit.notices import error_notice, notice
from app.kit.photo import Choice
from app.services import Services
from app.session import Session, Sessions
from ssn.errors import SSNError
from ssn.gallery.enrol import EnrolledAgain


def build_gallery(services: Services, sessions: Sessions, tab: gr.Tab) -> GalleryTab:
    """Lay out the tab and connect it; it shows the gallery anew whenever it is opened."""
    return GalleryTab(services, sessions, tab)


class GalleryTab:
    """The three panels and their handlers."""

    def __init__(self, services: Services, sessions: Sessions, tab: gr.Tab):
        self.services, self.sessions = services, sessions
        with gr.Row(elem_id="gallery-page", equal_height=False):
            self.list = PeoplePanel(services)
            self.person = PersonPanel(services)
            self.enrol = EnrolPanel(services)
        self._connect(tab)

    def _connect(self, tab: gr.Tab) -> None:
        wanted, photo = self.list.wanted, [self.enrol.photo, self.enrol.problem, self.enrol.found]
        work = PRIVATE | {"show_progress": "minimal", "show_progress_on": [self.enrol.found]}
        listing: list[Block] = [*self.list.outputs, *self.person.outputs]
        tab.select(self.on_open, wanted, listing, **PRIVATE)
        # While one search runs only the last of the keystrokes behind it is kept.
        wanted.change(self.on_search, wanted, self.list.people, trigger_mode="always_last", **PRIVATE)
        self.list.people.click(self.on_person, wanted, listing, **PRIVATE)
        self.list.again.click(self.on_again, wanted, listing, **PRIVATE)
        self.person.details.click(self.on_ask, None, self.person.outputs, **PRIVATE)
        self.person.keep.click(self.on_keep, None, self.person.outputs, **PRIVATE)
        self.person.delete.click(self.on_delete, wanted, listing, **PRIVATE)
        self.enrol.photo.input(self.on_photo, None, photo, **work)
        self.enrol.found.click(self.on_face, None, photo, **PRIVATE)
        asked = [self.enrol.spectrum, self.enrol.name, wanted]
        starts = [self.enrol.enrol.click, self.enrol.name.submit]
        gr.on(starts, self.on_enrol, asked, [*self.enrol.outputs, *listing], **PRIVATE)

    def _visit(self, request: gr.Request) -> tuple[Session, Visit]:
        session = self.sessions.of(request)
        return session, session.part(Visit)

    def _listing(self, visit: Visit, wanted: str) -> Update:
        """Both lists, from one reading of the gallery."""
        people = self.services.gallery.people()
        if all(person.id != visit.person for person in people):
            visit.person = None
        return {**self.list.renew(people, wanted, visit.person), **self.person.renew(people, visit.person)}

    def on_open(self, wanted: str, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            return self._listing(visit, wanted)

    def on_search(self, wanted: str, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            return self.list.found(self.services.gallery.people(), wanted, visit.person)

    def on_person(self, wanted: str, event: gr.EventData, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            visit.person, visit.pending = Sent(event).number("person"), None
            return {self.person.message: "", **self.person.close(), **self._listing(visit, wanted)}

    def on_again(self, wanted: str, request: gr.Request) -> Update:
        """The way out of a gallery made by another model."""
        session, visit = self._visit(request)
        with session.turn():
            try:
                said = _said_again(self.services.enrol_again())
            except SSNError as error:
                said = error_notice(error)
            return {self.person.message: said, **self._listing(visit, wanted)}

    def on_ask(self, event: gr.EventData, request: gr.Request) -> Update:
        """Nothing is deleted before the question is answered."""
        session, visit = self._visit(request)
        with session.turn():
            visit.pending, asked = self.person.ask(Sent(event))
            return asked

    def on_keep(self, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            visit.pending = None
            return self.person.close()

    def on_delete(self, wanted: str, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            said, pending, visit.pending = "", visit.pending, None
            try:
                if pending is not None:
                    self.services.delete(*pending)
                    said = notice("Deleted.", "good")
            except SSNError as error:
                said = error_notice(error)
            return {self.person.message: said, **self.person.close(), **self._listing(visit, wanted)}

    def on_photo(self, event: gr.EventData, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            return self.enrol.open(visit, Sent(event))

    def on_face(self, event: gr.EventData, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            return self.enrol.choose(visit, Sent(event).number("index"))

    def on_enrol(self, choice: Choice, name: str, wanted: str, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            person = self.enrol.store(visit, choice, name)
            if isinstance(person, dict):
                return person
            return {**self.enrol.done(person), **self._listing(visit, wanted)}


def _said_again(done: EnrolledAgain) -> str:
    """How many people were enrolled again, and whose stored pictures cannot be read."""
    said, left_out = f"{done.added} templates were added.", ", ".join(name for name, _ in done.refused)
    if left_out:
        return notice(said, "warn", f"Their stored pictures cannot be read: {left_out}.")
    return notice(said, "good")
