"""Everything that changes a gallery on a Milvus server, and undoing the last of it.

A change is noted together with how its rows were before, so that undoing any of them is putting those back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ssn.errors import GalleryError
from ssn.gallery.changes import UNDOABLE, Change, Kind
from ssn.gallery.checked import checked_vector
from ssn.gallery.milvus_book import Book, Changing, Row, hashed, text_of
from ssn.gallery.milvus_rows import (
    known_person,
    known_template,
    named,
    now,
    person_of,
    person_row,
    picture_rows,
    template_row,
    with_facts,
)
from ssn.gallery.milvus_server import Address, MilvusServer
from ssn.gallery.names import clean_name, clean_notes
from ssn.recognizer import Template


class EditedMilvus:
    """The half of a gallery that writes. What is changed is undone by :meth:`undo`; what is deleted is gone."""

    def __init__(self, address: Address, model_id: str):
        self.path, self.model_id, self._model = address.shown, model_id, hashed(model_id)
        self._server = MilvusServer(address)
        self._server.open()
        self._book = Book(self._server)
        if self._book.rows("Strong", key="filling"):
            self.close()
            raise GalleryError(
                f"The gallery {self.path} is being filled by a migration, or one was interrupted.",
                "Wait for it, or begin again with: python -m ssn gallery migrate FROM TO --anew.",
            )

    def enrol(
        self,
        name: str,
        template: Template,
        face_image: bytes | None = None,
        origin: str = "",
        digest: bytes | None = None,
        source: int | None = None,
    ) -> int:
        """As :meth:`GalleryStore.enrol`."""
        name, vector = clean_name(name), checked_vector(template, self.model_id)
        origin = origin.encode("utf-8", "replace").decode()
        with self._book.change() as changing:
            person, made = person_of(changing, name)
            wanted = {"kind": "template", "person": person.number, "model": self._model}
            if digest and not made and (known := changing.rows(**wanted, find=digest.hex())):
                return known[0].number
            number = changing.number("template")
            changing.vector(number, self.model_id, vector)
            facts = (self.model_id, template.spectrum, origin, now(), source, digest, face_image is not None)
            changing.put(template_row(number, person.number, *facts))
            for row in picture_rows(number, face_image) if face_image is not None else ():
                changing.put(row)
            if source is None:
                before = {} if not made else {str(person.number): None}
                _note(changing, "enrol", [person.number], [number], before, name=name)
            return number

    def rename(self, person_id: int, name: str) -> None:
        """As :meth:`GalleryStore.rename`."""
        name = clean_name(name)
        with self._book.change() as changing:
            row = known_person(changing, person_id)
            if name != (old := row.facts["name"]):
                _check_free(changing, name, person_id)
                changing.put(with_facts(row, name=name))
                _note(changing, "rename", [person_id], [], {str(person_id): row.facts}, old=old, new=name)

    def set_notes(self, person_id: int, notes: str) -> None:
        """As :meth:`GalleryStore.set_notes`."""
        notes = clean_notes(notes)
        with self._book.change() as changing:
            row = known_person(changing, person_id)
            if notes != row.facts["notes"]:
                changing.put(with_facts(row, notes=notes))
                before = {str(person_id): row.facts}
                _note(changing, "notes", [person_id], [], before, name=row.facts["name"], old=row.facts["notes"])

    def merge(self, person_id: int, into: int) -> None:
        """As :meth:`GalleryStore.merge`."""
        if person_id == into:
            raise GalleryError("They are the same person already.", "Choose two people.")
        with self._book.change() as changing:
            source, target = known_person(changing, person_id), known_person(changing, into)
            joined = "\n".join(part for part in (target.facts["notes"], source.facts["notes"]) if part)
            changing.put(with_facts(target, notes=clean_notes(joined)))
            self._give(changing, "merge", changing.rows(kind="template", person=person_id), source, target)

    def move_template(self, template_id: int, name: str) -> None:
        """As :meth:`GalleryStore.move_template`."""
        name = clean_name(name)
        with self._book.change() as changing:
            template = known_template(changing, template_id)
            source = known_person(changing, template.person)
            target, made = person_of(changing, name)
            if target.number != source.number:
                self._give(changing, "move", [template], source, target, made)

    def _give(
        self, changing: Changing, kind: Kind, templates: list[Row], source: Row, target: Row, made: bool = False
    ) -> None:
        """Templates change hands. Where both people have one of the same content, the one that comes loses its digest,
        so that this content still counts once."""
        digests = {(row.model, row.find) for row in changing.rows(kind="template", person=target.number) if row.find}
        for row in templates:
            find = "" if (row.model, row.find) in digests else row.find
            changing.put(replace(row, person=target.number, find=find))
        if not changing.rows(kind="template", person=source.number):
            changing.drop([source])
        before = {str(source.number): source.facts, str(target.number): None if made else target.facts}
        owners = {str(row.number): [row.person, row.find] for row in templates}
        facts: dict[str, Any] = {"name": target.facts["name"], "owners": owners, "source": source.facts}
        _note(changing, kind, [source.number, target.number], [row.number for row in templates], before, **facts)

    def changes(self) -> list[Change]:
        """As :meth:`GalleryStore.changes`."""
        rows = sorted(self._book.rows(kind="change"), key=lambda row: -row.number)
        return [_change(row) for row in rows]

    def undo(self, number: int | None = None) -> Change:
        """As :meth:`GalleryStore.undo`."""
        with self._book.change() as changing:
            rows = changing.rows(kind="change")
            if not rows:
                raise GalleryError("There is nothing to undo.", "Deletions are final; older changes are not kept.")
            last = _change(rows[-1])
            if number is not None and number != last.number:
                raise GalleryError("Something else was changed meanwhile.", "Look at the last change again.")
            changing.drop(rows[-1:])
            if last.kind == "enrol":
                self._drop_templates(changing, [known_template(changing, one) for one in last.facts["templates"]])
            for key, (person, find) in last.facts.get("owners", {}).items():
                changing.put(replace(known_template(changing, int(key)), person=person, find=find))
            for key, facts in last.facts["before"].items():
                _put_back(changing, int(key), facts)
            return last

    def delete_person(self, person_id: int) -> None:
        """As :meth:`GalleryStore.delete_person`."""
        with self._book.change() as changing:
            person = known_person(changing, person_id)
            self._drop_templates(changing, changing.rows(kind="template", person=person_id))
            changing.drop([person, *changing.rows(kind="change")])

    def delete_template(self, template_id: int) -> None:
        """As :meth:`GalleryStore.delete_template`."""
        with self._book.change() as changing:
            self._drop_templates(changing, [known_template(changing, template_id)])
            changing.drop(changing.rows(kind="change"))

    def delete_model(self, model_id: str) -> int:
        """As :meth:`GalleryStore.delete_model`."""
        if model_id == self.model_id:
            return 0
        with self._book.change() as changing:
            own = {row.person for row in self._book.all_rows("template", model=self._model)}
            gone = [row for row in self._book.all_rows("template", model=hashed(model_id)) if row.person in own]
            self._drop_templates(changing, gone)
            changing.drop(changing.rows(kind="change"))
            return len(gone)

    def _drop_templates(self, changing: Changing, templates: Sequence[Row]) -> None:
        """With their pictures, and the people they leave without any."""
        if not templates:
            return
        changing.drop(templates)
        changing.drop(changing.rows(kind="picture", number=[row.number for row in templates]))
        people = sorted({row.person for row in templates})
        left = {row.person for row in changing.rows(kind="template", person=people)}
        changing.drop(changing.rows(kind="person", number=[person for person in people if person not in left]))

    def close(self) -> None:
        """Nothing can be asked of it any more."""
        self._book.let_go()
        self._server.close()


def _note(
    changing: Changing, kind: Kind, people: list[int], templates: list[int], before: dict[str, Any], **facts: Any
) -> None:
    """Write down a change; the oldest make room. ``before`` is what each person was, None for nobody."""
    number = changing.number("change")
    noted = {"people": sorted(people), "templates": sorted(templates), "before": before, **facts}
    changing.put(
        Row(f"change:{number}", "change", number, value=text_of({"kind": kind, "made": now(), "facts": noted}))
    )
    changing.drop([row for row in changing.rows(kind="change") if row.number <= number - UNDOABLE])


def _change(row: Row) -> Change:
    known = row.facts
    return Change(row.number, known["kind"], known["facts"], known["made"])


def _check_free(changing: Changing, name: str, person: int) -> None:
    other = named(changing, name)
    if other is not None and other.number != person:
        raise GalleryError(f"{name} is enrolled already.", "Merge the two people, or choose another name.")


def _put_back(changing: Changing, number: int, facts: dict[str, Any] | None) -> None:
    """A person as they were; who was nobody is gone, unless they have templates for another reason."""
    if facts is not None:
        _check_free(changing, facts["name"], number)
        changing.put(person_row(number, facts["name"], facts["notes"], facts["created"]))
    elif not changing.rows(kind="template", person=number) and (row := changing.row("person", number)) is not None:
        changing.drop([row])
