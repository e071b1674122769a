"""Parts of faces in the gallery's own file: a table that is made when the first are kept. A template that is deleted
takes them along, in older releases too, and they are overwritten on the disk as it is. In an encrypted gallery they
are encrypted like it: they add up to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ssn.gallery.sqlite_editing import IN, EditedGallery

TABLE = """CREATE TABLE IF NOT EXISTS parts (
    template INTEGER PRIMARY KEY REFERENCES templates(id) ON DELETE CASCADE, parts BLOB NOT NULL)"""


class PartsGallery(EditedGallery):
    """A gallery that keeps parts, as ``parts.KeepsParts`` says."""

    def parts_of(self, template_ids: Sequence[int]) -> dict[int, bytes]:
        """By template id; those without parts are missing. Raises GalleryError."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE type='table' AND name='parts'"):
            return {}
        sql = f"SELECT template, opened(parts, 'parts') FROM parts WHERE template {IN}"
        return dict(self._rows(sql, json.dumps(list(template_ids))))

    def keep_parts(self, parts: Mapping[int, bytes]) -> None:
        """In place of what was there; parts of templates that are gone are passed over. Raises GalleryError."""
        sql = "INSERT OR REPLACE INTO parts SELECT id, sealed(?, 'parts') FROM templates WHERE id = ?"
        with self._exclusively() as db:
            db.execute(TABLE)
            db.executemany(sql, [(packed, template) for template, packed in parts.items()])
