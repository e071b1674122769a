"""People and their templates: SQLite holds the truth, an index in memory does the searching.

Every change is one transaction, so a kill leaves the gallery as it was before or after it. What is deleted is
overwritten on disk (``secure_delete``) and taken out of the write-ahead log. The index is changed by what changed,
also by another process: new templates have larger numbers, deleted ones are logged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from ssn.faces.types import AlignedFace, Spectrum
from ssn.gallery.checked import of_another_model
from ssn.gallery.editing import no_person
from ssn.gallery.exact import ExactIndex
from ssn.gallery.index import Hit, Over, TemplateIndex
from ssn.gallery.names import clean_name, folded
from ssn.gallery.parts_table import PartsGallery
from ssn.gallery.sqlite_editing import IN
from ssn.gallery.store import Enrolled, GalleryStore, Person, StoredPicture
from ssn.gallery.stored_face import stored_face
from ssn.models.light_cnn import EMBEDDING_SIZE


class Gallery(PartsGallery, GalleryStore):
    """A gallery file (``:memory:`` keeps nothing), seen through one model. Safe to share between threads."""

    def __init__(
        self,
        path: str | Path,
        model_id: str,
        device: torch.device | str = "cpu",
        make_index: Callable[[torch.device], TemplateIndex] = ExactIndex,
    ):
        super().__init__(path, model_id, torch.device(device), make_index)
        self._size: tuple[tuple[int, int], tuple[int, int]] | None = None

    def check(self) -> None:
        self.check_in_place()
        super().check()

    def with_digest(self, name: str, digest: bytes) -> int | None:
        sql = """SELECT t.id FROM templates t JOIN people p ON p.id = t.person
                 WHERE p.name=? AND t.model=? AND t.digest=?"""
        rows = self._rows(sql, clean_name(name), self.model_id, digest)
        return rows[0][0] if rows else None

    def _people(self, where: str = "", *values) -> list[Person]:
        sql = f"""SELECT p.id, p.name, COUNT(t.id) FILTER (WHERE t.model = ?), COUNT(t.id)
                  FROM people p LEFT JOIN templates t ON t.person = p.id {where} GROUP BY p.id ORDER BY p.name"""
        return [Person(*row) for row in self._rows(sql, self.model_id, *values)]

    def people(self) -> list[Person]:
        return self._people()

    def size(self) -> tuple[int, int]:
        with self._lock:  # counted by an index of the database, once after every change
            version = (self._rows("PRAGMA data_version")[0][0], self._db.total_changes)
            if self._size is None or self._size[0] != version:
                sql = "SELECT COUNT(*), COUNT(DISTINCT person) FROM templates WHERE model = ?"
                self._size = version, self._rows(sql, self.model_id)[0]
            return self._size[1]

    def person(self, name: str) -> Person | None:
        return next(iter(self._people("WHERE p.name = ?", clean_name(name))), None)

    def namesakes(self, name: str) -> list[Person]:
        name = clean_name(name)
        return self._people("WHERE p.folded = ? AND p.name <> ?", folded(name), name)

    def all_templates_of(self, person_id: int) -> list[tuple[int, str, str, str]]:
        sql = "SELECT id, model, spectrum, origin FROM templates WHERE person=? ORDER BY id"
        return self._rows(sql, person_id)

    def roster(self) -> list[Enrolled]:
        sql = """SELECT t.id, p.id, p.name, t.spectrum, t.face IS NOT NULL FROM templates t
                 JOIN people p ON p.id = t.person WHERE t.model = ? ORDER BY t.id"""
        rows = self._rows(sql, self.model_id)
        return [Enrolled(number, owner, name, spectrum, bool(face)) for number, owner, name, spectrum, face in rows]

    def face_images(self, template_ids: Sequence[int]) -> dict[int, bytes]:
        sql = f"SELECT id, opened(face, 'face') FROM templates WHERE face IS NOT NULL AND id {IN}"
        return dict(self._rows(sql, json.dumps(list(template_ids))))

    def first_templates(self, person_ids: Sequence[int]) -> dict[int, int]:
        sql = """SELECT person, MIN(id) FROM templates
                 WHERE model = ? AND person IN (SELECT value FROM json_each(?)) GROUP BY person"""
        return dict(self._rows(sql, self.model_id, json.dumps(list(person_ids))))

    def stored_face(self, template_id: int) -> AlignedFace | None:
        rows = self._rows(
            "SELECT opened(face, 'face'), spectrum FROM templates WHERE id=? AND face IS NOT NULL", template_id
        )
        return stored_face(*rows[0]) if rows else None

    def pictures_of_other_models(self, everybody: bool = False) -> list[int]:
        new = """t.model <> :model AND NOT EXISTS (SELECT 1 FROM templates o WHERE o.source = t.id AND o.model = :model)
                 AND NOT EXISTS (SELECT 1 FROM templates o WHERE o.person = t.person AND o.model = :model
                 AND o.digest = t.digest)"""
        alone = "t.person NOT IN (SELECT person FROM templates WHERE model = :model)"
        sql = f"SELECT id FROM templates t WHERE face IS NOT NULL AND {new if everybody else alone} ORDER BY id"
        return [row[0] for row in self._rows(sql.replace(":model", "?1"), self.model_id)]

    def other_models(self) -> list[str]:
        sql = "SELECT DISTINCT model FROM templates WHERE model <> ? ORDER BY model"
        return [row[0] for row in self._rows(sql, self.model_id)]

    def stored_pictures(self, template_ids: Sequence[int]) -> list[StoredPicture]:
        sql = f"""SELECT t.id, p.name, t.spectrum, opened(t.face, 'face'), t.origin, t.digest FROM templates t
                  JOIN people p ON p.id = t.person WHERE t.face IS NOT NULL AND t.id {IN} ORDER BY t.id"""
        return [StoredPicture(*row) for row in self._rows(sql, json.dumps(list(template_ids)))]

    def notes(self, person_id: int) -> str:
        rows = self._rows("SELECT notes FROM people WHERE id=?", person_id)
        if not rows:
            raise no_person()
        return rows[0][0]

    def _stored_template(self, template_id: int) -> tuple[np.ndarray, str, Spectrum] | None:
        rows = self._rows("SELECT opened(vector, 'vector'), model, spectrum FROM templates WHERE id=?", template_id)
        return (np.frombuffer(rows[0][0], "<f4").astype(np.float32), *rows[0][1:]) if rows else None

    def _hits(self, probes: Sequence[np.ndarray], k: int, over: Over) -> list[list[Hit]]:
        return self._searchable().search(np.array(probes, np.float32).reshape(-1, EMBEDDING_SIZE), k, over)

    def _searchable(self) -> TemplateIndex:
        with self._lock:
            before, index = self._in_step.version, self._in_step.current()
            if self._in_step.version != before:
                self._names.clear()
            if not len(index) and (other := self._rows("SELECT model FROM templates LIMIT 1")):
                raise of_another_model(other[0][0], self.model_id)
            return index
