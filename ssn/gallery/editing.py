"""Everything that changes a gallery file, one transaction each, and undoing the last of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssn.errors import GalleryError
from ssn.gallery.changes import Change, Kind, changes, forget, note
from ssn.gallery.checked import checked_vector
from ssn.gallery.database import Database
from ssn.gallery.names import clean_name, clean_notes, folded
from ssn.recognizer import Template

IN = "IN (SELECT value FROM json_each(?))"


class EditedGallery(Database):
    """The half of a gallery that writes. What is changed is undone by :meth:`undo`; what is deleted is gone."""

    def enrol(
        self,
        name: str,
        template: Template,
        face_image: bytes | None = None,
        origin: str = "",
        digest: bytes | None = None,
        source: int | None = None,
    ) -> int:
        """Add a template to the person of that name, who is created if new → template id. ``face_image`` is an encoded
        picture to show with a match; ``origin`` says where it came from; with a ``digest`` this person already has,
        nothing is added; ``source`` is the template of another model whose picture this was made from. Raises
        TemplateMismatchError, GalleryError."""
        name = clean_name(name)
        vector = self._check_template(template).astype("<f4").tobytes()
        origin = origin.encode("utf-8", "replace").decode()  # a file name may hold bytes that are no text
        with self._transaction() as db:
            person, _ = _person_of(db, name)
            row = (person, self.model_id, template.spectrum, vector, vector, face_image, origin, digest)
            sql = """INSERT INTO templates(person, model, spectrum, vector, fingerprint, face, origin, digest, source)
                     VALUES (?,?,?,sealed(?,'vector'),fingerprint_of(?),sealed(?,'face'),?,?,?)
                     ON CONFLICT(person, model, digest) WHERE digest IS NOT NULL DO NOTHING"""
            added = db.execute(sql, (*row, source))
            if added.rowcount:
                number = int(added.lastrowid or 0)
                if source is None:
                    note(db, "enrol", [person], [number], name=name)
                return number
            sql = "SELECT id FROM templates WHERE person=? AND model=? AND digest=?"
            return int(db.execute(sql, (person, self.model_id, digest)).fetchone()[0])

    def rename(self, person_id: int, name: str) -> None:
        """Give a person another name. Raises GalleryError where somebody else has it."""
        name = clean_name(name)
        with self._transaction() as db:
            old = _facts(db, person_id)["name"]
            if name != old:
                _set_name(db, person_id, name)
                note(db, "rename", [person_id], [], old=old, new=name)

    def set_notes(self, person_id: int, notes: str) -> None:
        """Write notes on a person in place of the old ones. Raises GalleryError."""
        notes = clean_notes(notes)
        with self._transaction() as db:
            facts = _facts(db, person_id)
            if notes != facts["notes"]:
                db.execute("UPDATE people SET notes=? WHERE id=?", (notes, person_id))
                note(db, "notes", [person_id], [], name=facts["name"], old=facts["notes"])

    def merge(self, person_id: int, into: int) -> None:
        """All templates of the first person become the second's, whose notes get the first's added. Raises
        GalleryError."""
        if person_id == into:
            raise GalleryError("They are the same person already.", "Choose two people.")
        with self._transaction() as db:
            source, target = _facts(db, person_id), _facts(db, into)
            templates = [row[0] for row in db.execute("SELECT id FROM templates WHERE person=?", (person_id,))]
            joined = "\n".join(part for part in (target["notes"], source["notes"]) if part)
            db.execute("UPDATE people SET notes=? WHERE id=?", (clean_notes(joined), into))
            self._give(db, "merge", templates, source, target, made=False)

    def move_template(self, template_id: int, name: str) -> None:
        """A template becomes that of the person of this name, who is created if new; a person left without any is
        removed. Raises GalleryError."""
        name = clean_name(name)
        with self._transaction() as db:
            row = db.execute("SELECT person FROM templates WHERE id=?", (template_id,)).fetchone()
            if row is None:
                raise _no_template(template_id)
            source = _facts(db, row[0])
            person, made = _person_of(db, name)
            if person != row[0]:
                self._give(db, "move", [template_id], source, _facts(db, person), made)

    def _give(
        self, db: sqlite3.Connection, kind: Kind, templates: list[int], source: dict, target: dict, made: bool
    ) -> None:
        """Templates change hands, and the change is noted."""
        digests = self._hand_over(db, templates, target["id"])
        if removed := db.execute("SELECT 1 FROM templates WHERE person=? LIMIT 1", (source["id"],)).fetchone() is None:
            db.execute("DELETE FROM people WHERE id=?", (source["id"],))
        facts = {"name": target["name"], "notes": target["notes"], "made": made, "removed": removed}
        note(db, kind, [source["id"], target["id"]], templates, source=source, digests=digests, **facts)

    def _hand_over(self, db: sqlite3.Connection, templates: list[int], person: int) -> dict[str, str]:
        """In the database and in the vector files; another process learns of it from the log. Where both people have a
        template of the same content, the one that comes loses its digest, so that this content still counts once →
        digests lost, by template."""
        numbers = json.dumps(templates)
        sql = f"""SELECT t.id, t.digest FROM templates t JOIN templates o
                  ON o.person = ? AND o.model = t.model AND o.digest = t.digest WHERE t.id {IN}"""
        digests = {str(number): digest.hex() for number, digest in db.execute(sql, (person, numbers)).fetchall()}
        db.executemany("UPDATE templates SET digest=NULL WHERE id=?", [(int(number),) for number in digests])
        db.execute(f"UPDATE templates SET person=? WHERE id {IN}", (person, numbers))
        self._trim_log(db)
        models = db.execute(f"SELECT id, model FROM templates WHERE id {IN}", (numbers,)).fetchall()
        for file, own in self._vector_files(models):
            file.give(own, person)
        return digests

    def changes(self) -> list[Change]:
        """What can be undone, the last first."""
        return changes(self._rows("SELECT id, kind, facts, made FROM changes ORDER BY id DESC"))

    def undo(self, number: int | None = None) -> Change:
        """Take the last change back → what it was. With a ``number``, only if that still is the last. An enrolment that
        is undone is deleted. Raises GalleryError where there is nothing to undo, or the name of before is taken."""
        with self._transaction() as db:
            done = changes(db.execute("SELECT id, kind, facts, made FROM changes ORDER BY id DESC LIMIT 1").fetchall())
            if not done:
                raise GalleryError("There is nothing to undo.", "Deletions are final; older changes are not kept.")
            last = done[0]
            if number is not None and number != last.number:
                raise GalleryError("Something else was changed meanwhile.", "Look at the last change again.")
            db.execute("DELETE FROM changes WHERE id=?", (last.number,))
            self._take_back(db, last)
        if last.kind == "enrol":
            self._forget_deleted()
        return last

    def _take_back(self, db: sqlite3.Connection, change: Change) -> None:
        facts = change.facts
        if change.kind == "enrol":
            self._remove(db, facts["templates"])
        elif change.kind == "rename":
            _set_name(db, facts["people"][0], facts["old"])
        elif change.kind == "notes":
            db.execute("UPDATE people SET notes=? WHERE id=?", (facts["old"], facts["people"][0]))
        else:
            self._give_back(db, facts)

    def _give_back(self, db: sqlite3.Connection, facts: dict[str, Any]) -> None:
        source = facts["source"]
        target = next(number for number in facts["people"] if number != source["id"])
        if facts["removed"]:
            db.execute(
                "INSERT INTO people(id, name, folded, notes, created) VALUES (?, ?, ?, ?, ?)",
                (source["id"], "\0", "", source["notes"], source["created"]),
            )
            _set_name(db, source["id"], source["name"])
        self._hand_over(db, facts["templates"], source["id"])
        digests = [(bytes.fromhex(digest), int(number)) for number, digest in facts["digests"].items()]
        db.executemany("UPDATE OR IGNORE templates SET digest=? WHERE id=?", digests)
        db.execute("UPDATE people SET notes=? WHERE id=?", (facts["notes"], target))
        if facts["made"] and not db.execute("SELECT 1 FROM templates WHERE person=? LIMIT 1", (target,)).fetchone():
            db.execute("DELETE FROM people WHERE id=?", (target,))

    def delete_person(self, person_id: int) -> None:
        """Remove a person with all templates and pictures, from the file too. Raises GalleryError if there is none."""
        with self._deletion() as db:
            _facts(db, person_id)
            self._remove(db, [row[0] for row in db.execute("SELECT id FROM templates WHERE person=?", (person_id,))])
            db.execute("DELETE FROM people WHERE id=?", (person_id,))
            forget(db)

    def delete_template(self, template_id: int) -> None:
        """Remove one template with its picture; a person left without any is removed too."""
        with self._deletion() as db:
            self._remove(db, [template_id])
            forget(db)

    def delete_model(self, model_id: str) -> int:
        """Remove the templates of another model, of people who have one of this gallery's → how many."""
        with self._deletion() as db:
            sql = "SELECT id FROM templates WHERE model=? AND person IN (SELECT person FROM templates WHERE model=?)"
            gone = [row[0] for row in db.execute(sql, (model_id, self.model_id))] if model_id != self.model_id else []
            self._remove(db, gone)
            forget(db)
        return len(gone)

    def _remove(self, db: sqlite3.Connection, templates: Sequence[int]) -> None:
        """Delete templates, the people they leave without any, and whatever else holds something of them."""
        numbers = json.dumps(list(templates))
        rows = db.execute(f"SELECT id, model, person FROM templates WHERE id {IN}", (numbers,)).fetchall()
        if missing := set(templates) - {row[0] for row in rows}:
            raise _no_template(min(missing))
        db.execute(f"DELETE FROM templates WHERE id {IN}", (numbers,))
        sql = f"SELECT id FROM people WHERE id {IN} AND id NOT IN (SELECT person FROM templates)"
        people = [row[0] for row in db.execute(sql, (json.dumps(sorted({row[2] for row in rows})),))]
        db.execute(f"DELETE FROM people WHERE id {IN}", (json.dumps(people),))
        for file, own in self._vector_files([row[:2] for row in rows]):
            file.forget(own)

    def _check_template(self, template: Template) -> np.ndarray:
        """Its vector (256,) float32, where it can be compared with this gallery's."""
        return checked_vector(template, self.model_id)


def _no_template(number: int) -> GalleryError:
    return GalleryError(f"There is no template {number}.", "It may have been deleted already.")


def _facts(db: sqlite3.Connection, person: int) -> dict[str, Any]:
    row = db.execute("SELECT id, name, notes, created FROM people WHERE id=?", (person,)).fetchone()
    if row is None:
        raise GalleryError("There is no such person.", "They may have been deleted already.")
    return dict(zip(("id", "name", "notes", "created"), row, strict=True))


def _person_of(db: sqlite3.Connection, name: str) -> tuple[int, bool]:
    """The person of a clean name, and whether they were made for it."""
    made = db.execute("INSERT OR IGNORE INTO people(name, folded) VALUES (?, ?)", (name, folded(name))).rowcount > 0
    return int(db.execute("SELECT id FROM people WHERE name=?", (name,)).fetchone()[0]), made


def _set_name(db: sqlite3.Connection, person: int, name: str) -> None:
    if db.execute("SELECT 1 FROM people WHERE name=? AND id<>?", (name, person)).fetchone():
        raise GalleryError(f"{name} is enrolled already.", "Merge the two people, or choose another name.")
    db.execute("UPDATE people SET name=?, folded=? WHERE id=?", (name, folded(name), person))
