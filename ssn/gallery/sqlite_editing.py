"""A change of a gallery file, within its transaction."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from ssn.gallery.changes import Change, Kind, changes, forget, note
from ssn.gallery.database import Database
from ssn.gallery.editing import Edit, EditedStore, NewTemplate, Noted, StoredPerson, check_free, no_person, no_template
from ssn.gallery.names import folded

IN = "IN (SELECT value FROM json_each(?))"
CHANGES = "SELECT id, kind, facts, made FROM changes ORDER BY id DESC"


class EditedGallery(Database, EditedStore):
    """The half of a gallery file that writes."""

    @contextlib.contextmanager
    def _edit(self) -> Iterator[Edit]:
        with self._transaction() as db:
            yield SqliteEdit(self, db)

    @contextlib.contextmanager
    def _final_edit(self) -> Iterator[Edit]:
        with self._deletion() as db:
            yield SqliteEdit(self, db)

    def changes(self) -> list[Change]:
        return changes(self._rows(CHANGES))


class SqliteEdit:
    """As :class:`Edit`."""

    def __init__(self, gallery: EditedGallery, db: sqlite3.Connection):
        self._gallery, self._db = gallery, db

    def _first(self, sql: str, *values: Any) -> tuple | None:
        return self._db.execute(sql, values).fetchone()

    def person(self, number: int) -> StoredPerson:
        row = self._first("SELECT id, name, notes, created FROM people WHERE id=?", number)
        if row is None:
            raise no_person()
        return StoredPerson(*row)

    def named(self, name: str) -> int | None:
        row = self._first("SELECT id FROM people WHERE name=?", name)
        return None if row is None else int(row[0])

    def person_of(self, name: str) -> tuple[StoredPerson, bool]:
        sql = "INSERT OR IGNORE INTO people(name, folded) VALUES (?, ?)"
        made = self._db.execute(sql, (name, folded(name))).rowcount > 0
        return self.person(self.named(name) or 0), made

    def write(self, person: StoredPerson) -> None:
        sql = "UPDATE people SET name=?, folded=?, notes=? WHERE id=?"
        self._db.execute(sql, (person.name, folded(person.name), person.notes, person.id))

    def owner(self, template: int) -> int:
        row = self._first("SELECT person FROM templates WHERE id=?", template)
        if row is None:
            raise no_template(template)
        return int(row[0])

    def templates(self, person: int) -> list[int]:
        return [row[0] for row in self._db.execute("SELECT id FROM templates WHERE person=?", (person,))]

    def of_digest(self, person: int, digest: bytes) -> int | None:
        sql = "SELECT id FROM templates WHERE person=? AND model=? AND digest=?"
        row = self._first(sql, person, self._gallery.model_id, digest)
        return None if row is None else int(row[0])

    def of_both(self, model_id: str) -> list[int]:
        sql = "SELECT id FROM templates WHERE model=? AND person IN (SELECT person FROM templates WHERE model=?)"
        return [row[0] for row in self._db.execute(sql, (model_id, self._gallery.model_id))]

    def add(self, person: int, template: NewTemplate) -> int:
        vector = template.vector.astype("<f4").tobytes()
        facts = (template.picture, template.origin, template.digest, template.source)
        sql = """INSERT INTO templates(person, model, spectrum, vector, fingerprint, face, origin, digest, source)
                 VALUES (?,?,?,sealed(?,'vector'),fingerprint_of(?),sealed(?,'face'),?,?,?)"""
        row = (person, self._gallery.model_id, template.spectrum, vector, vector, *facts)
        return int(self._db.execute(sql, row).lastrowid or 0)

    def note(self, done: Noted) -> None:
        note(self._db, done.kind, done.people, done.templates, **done.facts)

    def give(self, kind: Kind, templates: list[int], source: StoredPerson, target: StoredPerson, made: bool) -> None:
        digests = self._hand_over(templates, target.id)
        if removed := not self._has_templates(source.id):
            self.remove_person(source.id)
        facts = {"name": target.name, "notes": target.notes, "made": made, "removed": removed}
        note(self._db, kind, [source.id, target.id], templates, source=vars(source), digests=digests, **facts)

    def _has_templates(self, person: int) -> bool:
        return self._first("SELECT 1 FROM templates WHERE person=? LIMIT 1", person) is not None

    def _hand_over(self, templates: list[int], person: int) -> dict[str, str]:
        """In the database and in the vector files; another process learns of it from the log → digests lost, by
        template."""
        numbers = json.dumps(templates)
        sql = f"""SELECT t.id, t.digest FROM templates t JOIN templates o
                  ON o.person = ? AND o.model = t.model AND o.digest = t.digest WHERE t.id {IN}"""
        digests = {str(number): digest.hex() for number, digest in self._db.execute(sql, (person, numbers)).fetchall()}
        self._db.executemany("UPDATE templates SET digest=NULL WHERE id=?", [(int(number),) for number in digests])
        self._db.execute(f"UPDATE templates SET person=? WHERE id {IN}", (person, numbers))
        self._gallery._trim_log(self._db)
        models = self._db.execute(f"SELECT id, model FROM templates WHERE id {IN}", (numbers,)).fetchall()
        for file, own in self._gallery._vector_files(models):
            file.give(own, person)
        return digests

    def last_change(self) -> Change | None:
        return next(iter(changes(self._db.execute(f"{CHANGES} LIMIT 1").fetchall())), None)

    def take_back(self, change: Change) -> None:
        self._db.execute("DELETE FROM changes WHERE id=?", (change.number,))
        facts = change.facts
        if change.kind == "enrol":
            self.remove(facts["templates"])
        elif change.kind == "rename":
            self._name(facts["people"][0], facts["old"])
        elif change.kind == "notes":
            self._db.execute("UPDATE people SET notes=? WHERE id=?", (facts["old"], facts["people"][0]))
        else:
            self._give_back(facts)

    def _name(self, person: int, name: str) -> None:
        check_free(self, name, person)
        self._db.execute("UPDATE people SET name=?, folded=? WHERE id=?", (name, folded(name), person))

    def _give_back(self, facts: dict[str, Any]) -> None:
        source = facts["source"]
        target = next(number for number in facts["people"] if number != source["id"])
        if facts["removed"]:
            self._db.execute(
                "INSERT INTO people(id, name, folded, notes, created) VALUES (?, ?, ?, ?, ?)",
                (source["id"], "\0", "", source["notes"], source["created"]),
            )
            self._name(source["id"], source["name"])
        self._hand_over(facts["templates"], source["id"])
        digests = [(bytes.fromhex(digest), int(number)) for number, digest in facts["digests"].items()]
        self._db.executemany("UPDATE OR IGNORE templates SET digest=? WHERE id=?", digests)
        self._db.execute("UPDATE people SET notes=? WHERE id=?", (facts["notes"], target))
        if facts["made"] and not self._has_templates(target):
            self.remove_person(target)

    def remove(self, templates: Sequence[int]) -> None:
        numbers = json.dumps(list(templates))
        rows = self._db.execute(f"SELECT id, model, person FROM templates WHERE id {IN}", (numbers,)).fetchall()
        if missing := set(templates) - {row[0] for row in rows}:
            raise no_template(min(missing))
        self._db.execute(f"DELETE FROM templates WHERE id {IN}", (numbers,))
        sql = f"SELECT id FROM people WHERE id {IN} AND id NOT IN (SELECT person FROM templates)"
        people = [row[0] for row in self._db.execute(sql, (json.dumps(sorted({row[2] for row in rows})),))]
        self._db.execute(f"DELETE FROM people WHERE id {IN}", (json.dumps(people),))
        for file, own in self._gallery._vector_files([row[:2] for row in rows]):
            file.forget(own)

    def remove_person(self, number: int) -> None:
        self._db.execute("DELETE FROM people WHERE id=?", (number,))

    def forget(self) -> None:
        forget(self._db)
