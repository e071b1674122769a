"""A change of a gallery on a Milvus server, as rows of its book.

A change is noted together with how its rows were before, so that undoing any of them is putting those back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ssn.errors import GalleryError
from ssn.gallery.changes import UNDOABLE, Change, Kind
from ssn.gallery.editing import Edit, EditedStore, NewTemplate, Noted, StoredPerson, check_free, no_person, no_template
from ssn.gallery.milvus_book import Book, Changing, Row, hashed, text_of
from ssn.gallery.milvus_rows import now, person_row, picture_rows, template_row
from ssn.gallery.milvus_server import Address, MilvusServer


class EditedMilvus(EditedStore):
    """The half of a gallery on a server that writes."""

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

    @contextlib.contextmanager
    def _edit(self) -> Iterator[Edit]:
        with self._book.change() as changing:
            yield MilvusEdit(self._book, changing, self.model_id)

    _final_edit = _edit

    def _forget_deleted(self) -> None:
        """Rows are erased with the change; the server's own disk is its administrator's."""

    def changes(self) -> list[Change]:
        rows = sorted(self._book.rows(kind="change"), key=lambda row: -row.number)
        return [_change(row) for row in rows]

    def close(self) -> None:
        self._book.let_go()
        self._server.close()


class MilvusEdit:
    """As :class:`Edit`."""

    def __init__(self, book: Book, changing: Changing, model_id: str):
        self._book, self._changing = book, changing
        self._model_id, self._model = model_id, hashed(model_id)

    def person(self, number: int) -> StoredPerson:
        if (row := self._changing.row("person", number)) is None:
            raise no_person()
        return StoredPerson(row.number, **row.facts)

    def named(self, name: str) -> int | None:
        rows = self._changing.rows(kind="person", find=hashed(name))
        return rows[0].number if rows else None

    def person_of(self, name: str) -> tuple[StoredPerson, bool]:
        if (known := self.named(name)) is not None:
            return self.person(known), False
        made = StoredPerson(self._changing.number("person"), name, "", now())
        self.write(made)
        return made, True

    def write(self, person: StoredPerson) -> None:
        self._changing.put(person_row(person.id, person.name, person.notes, person.created))

    def _template(self, number: int) -> Row:
        if (row := self._changing.row("template", number)) is None:
            raise no_template(number)
        return row

    def owner(self, template: int) -> int:
        return self._template(template).person

    def templates(self, person: int) -> list[int]:
        return [row.number for row in self._changing.rows(kind="template", person=person)]

    def of_digest(self, person: int, digest: bytes) -> int | None:
        rows = self._changing.rows(kind="template", person=person, model=self._model, find=digest.hex())
        return rows[0].number if rows else None

    def of_both(self, model_id: str) -> list[int]:
        own = {row.person for row in self._book.all_rows("template", model=self._model)}
        rows = self._book.all_rows("template", model=hashed(model_id))
        return [row.number for row in rows if row.person in own]

    def add(self, person: int, template: NewTemplate) -> int:
        number = self._changing.number("template")
        self._changing.vector(number, self._model_id, template.vector)
        pictured = template.picture is not None
        facts = (self._model_id, template.spectrum, template.origin, now(), template.source, template.digest, pictured)
        self._changing.put(template_row(number, person, *facts))
        for row in picture_rows(number, template.picture) if template.picture is not None else ():
            self._changing.put(row)
        return number

    def note(self, done: Noted) -> None:
        number = self._changing.number("change")
        before = {str(key): None if person is None else _facts(person) for key, person in done.before.items()}
        noted = {"people": sorted(done.people), "templates": sorted(done.templates), "before": before, **done.facts}
        text = text_of({"kind": done.kind, "made": now(), "facts": noted})
        self._changing.put(Row(f"change:{number}", "change", number, value=text))
        rows = self._changing.rows(kind="change")
        self._changing.drop([row for row in rows if row.number <= number - UNDOABLE])

    def give(self, kind: Kind, templates: list[int], source: StoredPerson, target: StoredPerson, made: bool) -> None:
        changing = self._changing
        rows = changing.rows(kind="template", number=templates)
        digests = {(row.model, row.find) for row in changing.rows(kind="template", person=target.id) if row.find}
        for row in rows:
            find = "" if (row.model, row.find) in digests else row.find
            changing.put(replace(row, person=target.id, find=find))
        if not changing.rows(kind="template", person=source.id):
            self.remove_person(source.id)
        owners = {str(row.number): [row.person, row.find] for row in rows}
        before = {source.id: source, target.id: None if made else target}
        facts: dict[str, Any] = {"name": target.name, "owners": owners, "source": _facts(source)}
        self.note(Noted(kind, [source.id, target.id], templates, before, facts))

    def last_change(self) -> Change | None:
        rows = self._changing.rows(kind="change")
        return _change(rows[-1]) if rows else None

    def take_back(self, change: Change) -> None:
        self._changing.drop(self._changing.rows(key=f"change:{change.number}", kind="change"))
        if change.kind == "enrol":
            self.remove(change.facts["templates"])
        for key, (person, find) in change.facts.get("owners", {}).items():
            self._changing.put(replace(self._template(int(key)), person=person, find=find))
        for key, facts in change.facts["before"].items():
            self._put_back(int(key), facts)

    def _put_back(self, number: int, facts: dict[str, Any] | None) -> None:
        """A person as they were; who was nobody is gone, unless they have templates for another reason."""
        if facts is not None:
            check_free(self, facts["name"], number)
            self.write(StoredPerson(number, **facts))
        elif not self.templates(number):
            self.remove_person(number)

    def remove(self, templates: Sequence[int]) -> None:
        if not templates:
            return
        changing = self._changing
        rows = changing.rows(kind="template", number=list(templates))
        if missing := set(templates) - {row.number for row in rows}:
            raise no_template(min(missing))
        changing.drop(rows)
        changing.drop(changing.rows(kind="picture", number=list(templates)))
        people = sorted({row.person for row in rows})
        left = {row.person for row in changing.rows(kind="template", person=people)}
        changing.drop(changing.rows(kind="person", number=[person for person in people if person not in left]))

    def remove_person(self, number: int) -> None:
        if (row := self._changing.row("person", number)) is not None:
            self._changing.drop([row])

    def forget(self) -> None:
        self._changing.drop(self._changing.rows(kind="change"))


def _facts(person: StoredPerson) -> dict[str, str]:
    """As they stand in the person's row."""
    return {"name": person.name, "notes": person.notes, "created": person.created}


def _change(row: Row) -> Change:
    known = row.facts
    return Change(row.number, known["kind"], known["facts"], known["made"])
