"""People and their templates: SQLite holds the truth, one tensor on the device does the searching.

Every change is one transaction, so a kill leaves the gallery as it was before or after it. What is deleted is
overwritten on disk (``secure_delete``) and taken out of the write-ahead log.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ssn.errors import GalleryError, TemplateMismatchError
from ssn.faces.types import AlignedFace, Spectrum
from ssn.gallery.exact import Match, TemplateIndex
from ssn.gallery.stored_face import stored_face
from ssn.models.light_cnn import EMBEDDING_SIZE
from ssn.recognizer import Template

SCHEMA = """
CREATE TABLE IF NOT EXISTS people (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    model TEXT NOT NULL, spectrum TEXT NOT NULL, vector BLOB NOT NULL, face BLOB, origin TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX IF NOT EXISTS templates_of_model ON templates(model);
"""
VERSION = 1
MAX_NAME = 80


@dataclass(frozen=True)
class Person:
    """Somebody enrolled, with how many templates of the gallery's model (``templates``) and in all (``stored``)."""

    id: int
    name: str
    templates: int
    stored: int


def clean_name(name: str) -> str:
    """Single spaces, composed characters: what looks alike is one person. Raises GalleryError for what is no name."""
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    if not name or len(name) > MAX_NAME:
        raise GalleryError(f"A name must have 1 to {MAX_NAME} characters.", "Type a name for the person.")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise GalleryError("A name cannot hold control characters.", "Type the name anew.")
    return name


@dataclass(frozen=True)
class Enrolled:
    """One template of the gallery's model, without its numbers. ``pictured``: a picture is stored with it."""

    template_id: int
    person_id: int
    person: str
    spectrum: Spectrum
    pictured: bool


def _write_ahead(db: sqlite3.Connection, patience: float = 5.0) -> None:
    """Turn on the write-ahead log. SQLite does not wait here while another process is doing the same, so we do, up to
    ``patience`` seconds. Raises sqlite3.OperationalError."""
    end = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


class Gallery:
    """A gallery file (``:memory:`` keeps nothing), seen through one model. Safe to share between threads."""

    def __init__(self, path: str | Path, model_id: str, device: torch.device | str = "cpu"):
        self.path, self.model_id, self.device = str(path), model_id, torch.device(device)
        self._lock = threading.RLock()
        self._index: TemplateIndex | None = None
        self._index_version = -1
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        db = None
        try:
            if self.path != ":memory:":
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            self._check_file(db)
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("PRAGMA secure_delete=ON")
            _write_ahead(db)
            db.execute("PRAGMA synchronous=FULL")
            db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what a killed process deleted may still be in the log
        except (sqlite3.Error, OSError, ValueError, GalleryError) as error:
            if db is not None:
                db.close()
            if isinstance(error, GalleryError):
                raise
            raise GalleryError(
                f"{self.path} cannot be opened as a gallery.", "Choose another file or folder."
            ) from error
        return db

    def _check_file(self, db: sqlite3.Connection) -> None:
        """Before anything is written: a newer gallery and other programs' databases are left as they are."""
        found = db.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if found == 0 and tables - {"people", "templates", "sqlite_sequence"}:
            raise GalleryError(f"{self.path} is a database of another program.", "Choose another file.")
        if found not in (0, VERSION):
            raise GalleryError(f"The gallery {self.path} has version {found}.", "It needs a newer release.")

    def _rows(self, sql: str, *values) -> list[tuple]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise GalleryError(f"The gallery {self.path} cannot be read.", "Restore it from a copy.") from error

    @contextlib.contextmanager
    def _transaction(self):
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise GalleryError(
                        "The gallery could not be written.", "Check disk space and permissions."
                    ) from error
                raise
            finally:
                self._index = None

    def enrol(self, name: str, template: Template, face_image: bytes | None = None, origin: str = "") -> int:
        """Add a template to the person of that name, who is created if new → template id. ``face_image`` is an encoded
        picture to show with a match; ``origin`` says where it came from. Raises TemplateMismatchError, GalleryError."""
        name = clean_name(name)
        vector = self._check_template(template).astype("<f4").tobytes()
        origin = origin.encode("utf-8", "replace").decode()  # a file name may hold bytes that are no text
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO people(name) VALUES (?)", (name,))
            person = db.execute("SELECT id FROM people WHERE name=?", (name,)).fetchone()[0]
            row = (person, self.model_id, template.spectrum, vector, face_image, origin)
            sql = "INSERT INTO templates(person, model, spectrum, vector, face, origin) VALUES (?,?,?,?,?,?)"
            return int(db.execute(sql, row).lastrowid)

    def people(self) -> list[Person]:
        """Everybody, by name."""
        sql = """SELECT p.id, p.name, COUNT(t.id) FILTER (WHERE t.model = ?), COUNT(t.id)
                 FROM people p LEFT JOIN templates t ON t.person = p.id GROUP BY p.id ORDER BY p.name"""
        return [Person(*row) for row in self._rows(sql, self.model_id)]

    def templates_of(self, person_id: int) -> list[tuple[int, str, str]]:
        """(template id, spectrum, origin) of one person, oldest first, for this gallery's model."""
        sql = "SELECT id, spectrum, origin FROM templates WHERE person=? AND model=? ORDER BY id"
        return self._rows(sql, person_id, self.model_id)

    def roster(self) -> list[Enrolled]:
        """Every template of this gallery's model, oldest first."""
        sql = """SELECT t.id, p.id, p.name, t.spectrum, t.face IS NOT NULL FROM templates t
                 JOIN people p ON p.id = t.person WHERE t.model = ? ORDER BY t.id"""
        return [Enrolled(*row[:4], bool(row[4])) for row in self._rows(sql, self.model_id)]

    def face_image(self, template_id: int) -> bytes | None:
        """The picture stored with a template, encoded as it was given."""
        rows = self._rows("SELECT face FROM templates WHERE id=?", template_id)
        return rows[0][0] if rows else None

    def face_images(self, template_ids: Sequence[int]) -> dict[int, bytes]:
        """The pictures stored with these templates, by template id; those without one are missing."""
        sql = "SELECT id, face FROM templates WHERE face IS NOT NULL AND id IN (SELECT value FROM json_each(?))"
        return dict(self._rows(sql, json.dumps(list(template_ids))))

    def first_templates(self, person_ids: Sequence[int]) -> dict[int, int]:
        """Each person's oldest template of this gallery's model, by person id; people without one are missing."""
        sql = """SELECT person, MIN(id) FROM templates
                 WHERE model = ? AND person IN (SELECT value FROM json_each(?)) GROUP BY person"""
        return dict(self._rows(sql, self.model_id, json.dumps(list(person_ids))))

    def stored_face(self, template_id: int) -> AlignedFace | None:
        """The picture stored with a template, as a face to embed again; None where there is none. Raises ImageError
        where it is damaged or no aligned face."""
        rows = self._rows("SELECT face, spectrum FROM templates WHERE id=? AND face IS NOT NULL", template_id)
        return stored_face(*rows[0]) if rows else None

    def faces_of_other_models(self) -> list[tuple[str, str, bytes, str]]:
        """(name, spectrum, stored picture, origin) of the people who have templates, but none of this gallery's model;
        oldest first, and only those with a picture. Enough to enrol them again."""
        sql = """SELECT p.name, t.spectrum, t.face, t.origin FROM templates t JOIN people p ON p.id = t.person
                 WHERE t.face IS NOT NULL AND p.id NOT IN (SELECT person FROM templates WHERE model = ?)
                 ORDER BY t.id"""
        return self._rows(sql, self.model_id)

    def template(self, template_id: int) -> Template:
        """One stored template. Raises GalleryError if it is gone, TemplateMismatchError if another model made it."""
        rows = self._rows("SELECT vector, model, spectrum FROM templates WHERE id=?", template_id)
        if not rows:
            raise GalleryError(f"There is no template {template_id}.", "It may have been deleted.")
        vector, model, spectrum = rows[0]
        template = Template(np.frombuffer(vector, "<f4").astype(np.float32), model, spectrum)
        self._check_template(template)
        return template

    def delete_person(self, person_id: int) -> None:
        """Remove a person with all templates and pictures, from the file too. Raises GalleryError if there is none."""
        with self._transaction() as db:
            if db.execute("DELETE FROM people WHERE id=?", (person_id,)).rowcount == 0:
                raise GalleryError("There is no such person.", "They may have been deleted already.")
        self._empty_log()

    def delete_template(self, template_id: int) -> None:
        """Remove one template with its picture; a person left without any is removed too."""
        with self._transaction() as db:
            row = db.execute("SELECT person FROM templates WHERE id=?", (template_id,)).fetchone()
            if row is None:
                raise GalleryError(f"There is no template {template_id}.", "It may have been deleted already.")
            db.execute("DELETE FROM templates WHERE id=?", (template_id,))
            db.execute("DELETE FROM people WHERE id=? AND id NOT IN (SELECT person FROM templates)", row)
        self._empty_log()

    def _empty_log(self) -> None:
        with self._lock:
            busy = self._rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        if busy:
            raise GalleryError(
                "They are deleted, but another program is reading the gallery, so its log still holds their data.",
                "Close the other program; the log is emptied when the gallery is opened or deleted from again.",
            )

    def search(self, probe: Template, k: int = 5, thresholds: dict[str, float] | None = None) -> list[Match]:
        """The k people most like the probe, best first; fewer where fewer are enrolled. Exact; of equal scores the
        older template comes first.

        Raises TemplateMismatchError where the probe, or everything enrolled, was made by another model.
        """
        vector = self._check_template(probe)
        return self._load_index().ranked(vector, k, thresholds)

    def _load_index(self) -> TemplateIndex:
        with self._lock:
            version = self._rows("PRAGMA data_version")[0][0]  # moves when another process changed the file
            if self._index is None or self._index_version != version:
                self._index, self._index_version = self._read_index(), version
            return self._index

    def _read_index(self) -> TemplateIndex:
        sql = """SELECT t.vector, t.id, p.id, p.name FROM templates t JOIN people p ON p.id = t.person
                 WHERE t.model = ? ORDER BY t.id"""
        rows = self._rows(sql, self.model_id)
        if not rows and (other := self._rows("SELECT model FROM templates LIMIT 1")):
            raise TemplateMismatchError(
                f"Everybody in this gallery was enrolled with {other[0][0]}, not with {self.model_id}.",
                "Enrol them again, or load that model.",
            )
        if any(len(row[0]) != 4 * EMBEDDING_SIZE for row in rows):
            raise GalleryError(f"The gallery {self.path} is damaged.", "Restore it from a copy.")
        data = np.frombuffer(b"".join(row[0] for row in rows), "<f4").reshape(len(rows), EMBEDDING_SIZE)
        ids = np.array([row[1:3] for row in rows], dtype=np.int64).reshape(-1, 2)
        names = {row[2]: row[3] for row in rows}
        vectors = torch.from_numpy(data.astype(np.float32)).to(self.device)
        return TemplateIndex(vectors, ids[:, 0], ids[:, 1], names)

    def _check_template(self, template: Template) -> np.ndarray:
        """Its vector (256,) float32, where it can be compared with this gallery's."""
        if template.model_id != self.model_id:
            raise TemplateMismatchError(
                f"The template was made by {template.model_id}; this gallery is searched with {self.model_id}.",
                "Enrol the face again with this model.",
            )
        vector = np.ascontiguousarray(template.vector, dtype=np.float32)
        if vector.shape != (EMBEDDING_SIZE,) or not np.isfinite(vector).all():
            raise TemplateMismatchError(
                f"A template has {EMBEDDING_SIZE} finite numbers; this one is no template.", "Embed the face again."
            )
        return vector

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *_) -> None:
        self.close()
