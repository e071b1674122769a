"""Gallery: who is enrolled, enrolling from a photo or many, changing and undoing, embedding again, and deleting, which
asks first. Composes and connects."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr
from gradio.blocks import Block

from app.gallery.again import AgainPanel
from app.gallery.care import CarePanel
from app.gallery.enrol import EnrolPanel
from app.gallery.many import ManyPanel
from app.gallery.people import PeoplePanel
from app.gallery.person import PersonPanel
from app.gallery.visit import Visit
from app.kit.events import PRIVATE, Sent, Update
from app.kit.notices import error_notice, notice
from app.kit.photo import Choice
from app.services import Services
from app.session import Session, Sessions
from ssn.errors import SSNError


def build_gallery(services: Services, sessions: Sessions, tab: gr.Tab) -> GalleryTab:
    """Lay out the tab and connect it; it shows the gallery anew whenever it is opened."""
    return GalleryTab(services, sessions, tab)


class GalleryTab:
    """The panels and their handlers."""

    def __init__(self, services: Services, sessions: Sessions, tab: gr.Tab):
        self.services, self.sessions = services, sessions
        with gr.Row(elem_id="gallery-page", equal_height=False):
            self.list = PeoplePanel(services)
            self.person = PersonPanel(services)
            self.enrol = EnrolPanel(services)
            self.many = ManyPanel(services)
            self.again = AgainPanel(services)
            self.care = CarePanel(services)
        self._connect(tab)
        self._connect_changes()
        self._connect_many(tab)

    def _connect(self, tab: gr.Tab) -> None:
        wanted, photo = self.list.wanted, [self.enrol.photo, self.enrol.problem, self.enrol.found]
        work = PRIVATE | {"show_progress": "minimal", "show_progress_on": [self.enrol.found]}
        listing = self._listed
        tab.select(self.on_open, wanted, listing, **PRIVATE)
        # While one search runs only the last of the keystrokes behind it is kept.
        wanted.change(self.on_search, wanted, self.list.people, trigger_mode="always_last", **PRIVATE)
        self.list.people.click(self.on_person, wanted, listing, **PRIVATE)
        self.person.details.click(self.on_template, [self.person.edit.other, wanted], listing, **PRIVATE)
        self.person.keep.click(self.on_keep, None, self.person.outputs, **PRIVATE)
        self.person.delete.click(self.on_delete, wanted, listing, **PRIVATE)
        self.enrol.photo.input(self.on_photo, None, photo, **work)
        self.enrol.found.click(self.on_face, None, photo, **PRIVATE)
        asked = [self.enrol.spectrum, self.enrol.name, wanted]
        starts = [self.enrol.enrol.click, self.enrol.name.submit]
        gr.on(starts, self.on_enrol, asked, [*self.enrol.outputs, *listing], **PRIVATE)

    @property
    def _listed(self) -> list[Block]:
        return [*self.list.outputs, *self.person.outputs, self.care.last, self.care.undo]

    def _connect_changes(self) -> None:
        wanted, edit, listed = self.list.wanted, self.person.edit, self._listed
        said = [self.care.message, self.care.result]
        gr.on([edit.rename.click, edit.name.submit], self.on_rename, [edit.name, wanted], listed, **PRIVATE)
        edit.save.click(self.on_notes, [edit.notes, wanted], listed, **PRIVATE)
        gr.on([edit.merge.click, edit.other.submit], self.on_merge, [edit.other, wanted], listed, **PRIVATE)
        self.care.undo.click(self.on_undo, wanted, [*said, *listed], **PRIVATE)
        self.care.count.click(self.on_count, None, said, **PRIVATE)
        self.care.verify.click(self.on_verify, None, said, **PRIVATE)
        self.care.export.click(self.on_export, None, said, **PRIVATE)
        self.care.bring.input(self.on_import, wanted, [*said, *listed, *self.again.outputs], **PRIVATE)

    def _connect_many(self, tab: gr.Tab) -> None:
        wanted, again = self.list.wanted, [*self.again.outputs, *self._listed]
        tab.select(self.on_again_facts, None, self.again.outputs, **PRIVATE)
        many = [*self.many.outputs, *self._listed]
        self.many.file.input(self.on_many, [self.many.spectrum, wanted], many, **PRIVATE)
        self.list.again.click(self.on_again, wanted, again, **PRIVATE)
        self.again.start.click(self.on_embed, [self.again.drop, wanted], again, **PRIVATE)
        gr.on([self.many.cancel.click, self.again.cancel.click], self.on_cancel, None, None, **PRIVATE)

    def _visit(self, request: gr.Request) -> tuple[Session, Visit]:
        session = self.sessions.of(request)
        return session, session.part(Visit)

    def _listing(self, visit: Visit, wanted: str | None) -> Update:
        """Both lists, from one reading of the gallery."""
        people = self.services.gallery.people()
        if all(person.id != visit.person for person in people):
            visit.person = None
        visit.last_change, last = self.care.renew()
        return {**self.list.renew(people, wanted, visit.person), **self.person.renew(people, visit.person), **last}

    def on_open(self, wanted: str | None, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            return self._listing(visit, wanted)

    def on_search(self, wanted: str | None, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            return self.list.found(self.services.gallery.people(), wanted, visit.person)

    def on_person(self, wanted: str | None, event: gr.EventData, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            visit.person, visit.pending = Sent(event).number("person"), None
            return {self.person.message: "", **self.person.close(), **self._listing(visit, wanted)}

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

    def on_delete(self, wanted: str | None, request: gr.Request) -> Update:
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
        sent = Sent(event)
        with session.turn():
            if sent.text("action") == "page" and visit.photo is not None and visit.photo.file is not None:
                return self.enrol.open(visit, sent)
            return self.enrol.choose(visit, sent.number("index"))

    def on_enrol(self, choice: Choice, name: str, wanted: str | None, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            enrolled = self.enrol.store(visit, choice, name)
            if isinstance(enrolled, dict):
                return enrolled
            return {**self.enrol.done(*enrolled), **self._listing(visit, wanted)}

    def _changed(self, visit: Visit, wanted: str | None, change: Callable[[int], str]) -> Update:
        """Change the chosen person, and show what came of it."""
        try:
            said = "" if visit.person is None else notice(change(visit.person), "good", "Undo takes it back.")
        except SSNError as error:
            return {self.person.message: error_notice(error)}
        return {self.person.message: said, **self._listing(visit, wanted)}

    def on_rename(self, name: str, wanted: str | None, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            return self._changed(visit, wanted, lambda person: self.person.edit.renamed(person, name))

    def on_notes(self, notes: str, wanted: str | None, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            return self._changed(visit, wanted, lambda person: self.person.edit.noted(person, notes))

    def on_merge(self, other: str, wanted: str | None, request: gr.Request) -> Update:
        session, visit = self._visit(request)

        def merge(person: int) -> str:
            visit.person, said = self.person.edit.merged(person, other)
            return said

        with session.turn():
            return self._changed(visit, wanted, merge)

    def on_template(self, other: str, wanted: str | None, event: gr.EventData, request: gr.Request) -> Update:
        """A template is moved at once, since that can be undone; deleting asks first."""
        sent = Sent(event)
        if sent.text("action") != "move":
            return self.on_ask(event, request)
        session, visit = self._visit(request)
        with session.turn():
            template = sent.number("template")
            return self._changed(visit, wanted, lambda _: self.person.edit.moved(template, other))

    def on_undo(self, wanted: str | None, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            try:
                said = ""
                if visit.last_change is not None:
                    said = notice(f"Undone: {self.care.undone(visit.last_change).text}.", "good")
            except SSNError as error:
                said = error_notice(error)
            return {self.care.message: said, self.care.result: "", **self._listing(visit, wanted)}

    def _looked(self, request: gr.Request, look: Callable[[], Update]) -> Update:
        session, _ = self._visit(request)
        with session.turn():
            try:
                return look()
            except SSNError as error:
                return {self.care.message: error_notice(error), self.care.result: ""}

    def on_count(self, request: gr.Request) -> Update:
        return self._looked(request, self.care.counted)

    def on_verify(self, request: gr.Request) -> Update:
        return self._looked(request, self.care.verified)

    def on_export(self, request: gr.Request) -> Update:
        return self._looked(request, self.care.exported)

    def on_import(self, wanted: str | None, event: gr.EventData, request: gr.Request) -> Update:
        session, visit = self._visit(request)
        with session.turn():
            try:
                said = notice(self.care.imported(Sent(event)), "good")
            except SSNError as error:
                said = error_notice(error)
            shown = {**self._listing(visit, wanted), **self.again.renew()}
            return {self.care.message: said, self.care.result: "", **shown}

    def on_many(self, spectrum: str, wanted: str | None, event: gr.EventData, request: gr.Request) -> Iterator[Update]:
        """Photos of many people; the list follows at the end."""
        session, visit = self._visit(request)
        yield from self.many.enrolled(visit, Sent(event), spectrum)
        with session.turn():
            yield self._listing(visit, wanted)

    def on_again(self, wanted: str | None, request: gr.Request) -> Iterator[Update]:
        """The way out of a gallery made by another model."""
        yield from self._again(request, wanted, lambda visit: self._beside_the_list(self.again.enrolled(visit)))

    def _beside_the_list(self, updates: Iterator[Update]) -> Iterator[Update]:
        """What is said appears where the button is."""
        for update in updates:
            yield {(self.person.message if part is self.again.status else part): new for part, new in update.items()}

    def on_embed(self, drop_old: str, wanted: str | None, request: gr.Request) -> Iterator[Update]:
        """Everybody, with the page's model."""
        yield from self._again(request, wanted, lambda visit: self.again.embedded(visit, drop_old))

    def _again(
        self, request: gr.Request, wanted: str | None, run: Callable[[Visit], Iterator[Update]]
    ) -> Iterator[Update]:
        session, visit = self._visit(request)
        yield from run(visit)
        with session.turn():
            yield {**self.again.renew(), **self._listing(visit, wanted)}

    def on_again_facts(self) -> Update:
        return self.again.renew()

    async def on_cancel(self, request: gr.Request) -> None:
        """At once; the run says itself that it was cancelled."""
        self._visit(request)[1].running.stop()
