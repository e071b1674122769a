"""A whole gallery as one file: exported from one moment of it, and imported only where every byte is as it was written.

The file is a ZIP without compression: ``manifest.json`` (format, version, counts and the SHA-256 of every other entry),
``people.jsonl`` and ``templates.jsonl`` (a line each), ``vectors.f32`` (N × 256 float32, little-endian, in the order of
the templates) and ``pictures.bin`` (one after the other, their sizes stand with the templates).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ssn.errors import GalleryError
from ssn.faces.types import SPECTRA
from ssn.files import atomically
from ssn.gallery.health import in_file
from ssn.gallery.names import clean_name, clean_notes, folded
from ssn.gallery.sqlite import Gallery
from ssn.gallery.store import GalleryStore
from ssn.models.light_cnn import EMBEDDING_SIZE

FORMAT, VERSION = "ssn-studio-gallery", 1
ENTRIES = ("people.jsonl", "templates.jsonl", "vectors.f32", "pictures.bin")
VECTOR_BYTES = 4 * EMBEDDING_SIZE
LONGEST_LINE = 2**16
"""Bytes of one line: a name, notes and an origin are far shorter."""
BLOCK = 2**20


@dataclass(frozen=True)
class Archived:
    """How much was exported; or imported, with how many templates were there ``already``."""

    people: int
    templates: int
    already: int = 0


def export_gallery(store: GalleryStore, path: str | Path | IO[bytes]) -> Archived:
    """Everything in a gallery, of all models → a file, atomically, or an open one. What others change meanwhile is not
    in it. Raises GalleryError."""
    gallery = in_file(store)
    try:
        if isinstance(path, str | Path):
            with atomically(path) as part, part.open("wb") as file:
                return _export(gallery, file)
        return _export(gallery, path)
    except OSError as error:
        raise GalleryError(
            f"The gallery cannot be exported to {path}.", "Choose another place for the file."
        ) from error


def _export(gallery: Gallery, file: IO[bytes]) -> Archived:
    sources: dict[str, Callable[[sqlite3.Connection], Iterator[bytes]]] = {
        "people.jsonl": _people_lines,
        "templates.jsonl": _template_lines,
        "vectors.f32": lambda db: (
            row[0] for row in db.execute("SELECT opened(vector, 'vector') FROM templates ORDER BY id")
        ),
        "pictures.bin": lambda db: (
            row[0]
            for row in db.execute("SELECT opened(face, 'face') FROM templates WHERE face IS NOT NULL ORDER BY id")
        ),
    }
    hashes = {}
    with gallery._exclusively("DEFERRED") as db, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        people, templates = (
            db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("people", "templates")
        )
        for name in ENTRIES:
            known = hashlib.sha256()
            with archive.open(name, "w", force_zip64=True) as entry:
                for part in sources[name](db):
                    known.update(part)
                    entry.write(part)
            hashes[name] = known.hexdigest()
        manifest = {"format": FORMAT, "version": VERSION, "people": people, "templates": templates, "sha256": hashes}
        archive.writestr("manifest.json", json.dumps(manifest, indent=2) + "\n")
    return Archived(people, templates)


def _people_lines(db: sqlite3.Connection) -> Iterator[bytes]:
    for row in db.execute("SELECT id, name, notes, created FROM people ORDER BY id"):
        yield _line(zip(("id", "name", "notes", "created"), row, strict=True))


def _template_lines(db: sqlite3.Connection) -> Iterator[bytes]:
    keys = ("id", "person", "model", "spectrum", "origin", "created", "source", "digest", "picture")
    sql = f"SELECT {', '.join(keys[:-2])}, hex(digest), length(opened(face, 'face')) FROM templates ORDER BY id"
    for row in db.execute(sql):
        yield _line(zip(keys, row, strict=True))


def _line(facts: Iterable[tuple[str, Any]]) -> bytes:
    return json.dumps(dict(facts), ensure_ascii=False).encode() + b"\n"


def import_gallery(store: GalleryStore, path: str | Path | IO[bytes]) -> Archived:
    """Everything in an exported file → into a gallery, all or nothing. People of a name that is enrolled get the
    templates added; templates they have already are passed over. An import is not among the changes that can be undone.
    Raises GalleryError for a file that is damaged, or none of ours."""
    gallery = in_file(store)
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive)
            with gallery._transaction() as db:
                return _import(archive, db)
    except FileNotFoundError as error:
        raise GalleryError(f"There is no file {path}.", "Check its path.") from error
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise _damaged() from error
    except (KeyError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise _damaged() from error


def _damaged() -> GalleryError:
    return GalleryError("The file is damaged, or no exported gallery. Nothing was imported.", "Export it again.")


def _check(archive: zipfile.ZipFile) -> None:
    """Format, version and the hash of every entry, before anything is imported."""
    if archive.getinfo("manifest.json").file_size > LONGEST_LINE:
        raise _damaged()
    manifest = json.loads(archive.read("manifest.json"))
    if manifest["format"] != FORMAT or sorted(archive.namelist()) != sorted((*ENTRIES, "manifest.json")):
        raise _damaged()
    if manifest["version"] != VERSION:
        raise GalleryError(f"The exported gallery has version {manifest['version']}.", "It needs a newer release.")
    for name in ENTRIES:
        known = hashlib.sha256()
        with archive.open(name) as entry:
            while block := entry.read(BLOCK):
                known.update(block)
        if known.hexdigest() != manifest["sha256"][name]:
            raise _damaged()
    if archive.getinfo("vectors.f32").file_size != VECTOR_BYTES * int(manifest["templates"]):
        raise _damaged()


def _import(archive: zipfile.ZipFile, db: sqlite3.Connection) -> Archived:
    opened: Callable[[str], AbstractContextManager[IO[bytes]]] = archive.open
    with opened("people.jsonl") as lines:
        people = {int(facts["id"]): _import_person(db, facts) for facts in _facts(lines)}
    numbers: dict[int, int] = {}
    count = already = 0
    with opened("templates.jsonl") as lines, opened("vectors.f32") as vectors, opened("pictures.bin") as pictures:
        for facts in _facts(lines):
            vector = _vector(vectors.read(VECTOR_BYTES))
            size = facts["picture"]
            picture = None if size is None else _exactly(pictures, int(size))
            source = None if facts["source"] is None else numbers.get(int(facts["source"]))
            number, new = _import_template(db, people[int(facts["person"])], facts, vector, picture, source)
            numbers[int(facts["id"])] = number
            count += new
            already += not new
    return Archived(len(people), count, already)


def _facts(lines: IO[bytes]) -> Iterator[dict[str, Any]]:
    while line := lines.readline(LONGEST_LINE):
        yield json.loads(line)


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(max(0, size))
    if len(data) != size:
        raise _damaged()
    return data


def _vector(data: bytes) -> bytes:
    if len(data) != VECTOR_BYTES or not np.isfinite(np.frombuffer(data, "<f4")).all():
        raise _damaged()
    return data


def _import_person(db: sqlite3.Connection, facts: dict[str, Any]) -> int:
    """The person of that name; notes are taken over where there are none."""
    name, notes = clean_name(facts["name"]), clean_notes(facts["notes"])
    sql = "INSERT OR IGNORE INTO people(name, folded, created) VALUES (?, ?, ?)"
    db.execute(sql, (name, folded(name), str(facts["created"])))
    number = int(db.execute("SELECT id FROM people WHERE name=?", (name,)).fetchone()[0])
    db.execute("UPDATE people SET notes=? WHERE id=? AND notes=''", (notes, number))
    return number


def _import_template(
    db: sqlite3.Connection, person: int, facts: dict[str, Any], vector: bytes, picture: bytes | None, source: int | None
) -> tuple[int, bool]:
    """→ its number, and whether it is new: not where this person has its vector, or one of the same content."""
    if facts["spectrum"] not in SPECTRA:
        raise _damaged()
    digest = bytes.fromhex(facts["digest"]) or None
    model = str(facts["model"])
    sql = """SELECT id FROM templates WHERE model=? AND person=?
             AND (fingerprint=fingerprint_of(?) AND opened(vector, 'vector')=? OR digest=?) LIMIT 1"""
    if row := db.execute(sql, (model, person, vector, vector, digest)).fetchone():
        return int(row[0]), False
    sql = """INSERT INTO templates(person, model, spectrum, vector, fingerprint, face, origin, created, digest, source)
             VALUES (?,?,?,sealed(?,'vector'),fingerprint_of(?),sealed(?,'face'),?,?,?,?)"""
    texts = (str(facts["origin"]), str(facts["created"]))
    row = (person, model, facts["spectrum"], vector, vector, picture, *texts, digest, source)
    return int(db.execute(sql, row).lastrowid or 0), True
