"""The gallery's tables, how an older file gets them, and what SQLite's errors mean to a person."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from pathlib import Path

from ssn.errors import GalleryError, GalleryUnwritableError
from ssn.gallery.fingerprint import fingerprint
from ssn.gallery.names import clean_name, folded

FIRST_SCHEMA = (
    """CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)""",
    """CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    model TEXT NOT NULL, spectrum TEXT NOT NULL, vector BLOB NOT NULL, face BLOB, origin TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)""",
    "CREATE INDEX templates_of_model ON templates(model)",
)
"""Version 1: people and templates."""

SECOND_SCHEMA = (
    "ALTER TABLE people ADD COLUMN folded TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX people_folded ON people(folded)",
    "CREATE INDEX templates_of_person ON templates(person)",
    "ALTER TABLE templates ADD COLUMN digest BLOB",
    "CREATE UNIQUE INDEX templates_digest ON templates(person, model, digest) WHERE digest IS NOT NULL",
    "CREATE TABLE deletions (id INTEGER PRIMARY KEY AUTOINCREMENT, template INTEGER NOT NULL)",
    """CREATE TRIGGER template_deleted AFTER DELETE ON templates
    BEGIN INSERT INTO deletions(template) VALUES (old.id); END""",
)
"""Version 2: names without their case, digests of enrolled content, and a log of deleted numbers, by which another
process learns what is gone."""

THIRD_SCHEMA = (
    "ALTER TABLE people ADD COLUMN notes TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE templates ADD COLUMN source INTEGER",
    "ALTER TABLE templates ADD COLUMN fingerprint INTEGER NOT NULL DEFAULT 0",
    "DROP TRIGGER template_deleted",
    "ALTER TABLE deletions RENAME TO altered",
    "CREATE TABLE changes (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, facts TEXT NOT NULL, "
    "made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)",
)
"""Version 3: notes, the template another was made from, fingerprints of vectors, and changes that can be undone."""
THIRD_INDICES = (
    "DROP INDEX templates_of_model",
    "CREATE INDEX templates_of_model ON templates(model, person, fingerprint)",
    "CREATE INDEX templates_of_source ON templates(source) WHERE source IS NOT NULL",
    """CREATE TRIGGER template_deleted AFTER DELETE ON templates
    BEGIN INSERT INTO altered(template) VALUES (old.id); END""",
    """CREATE TRIGGER template_moved AFTER UPDATE OF person ON templates
    BEGIN INSERT INTO altered(template) VALUES (old.id); END""",
)
"""Of version 3 as well, once the fingerprints are there. ``altered`` logs the templates that are gone or somebody
else's: by it another process learns of them."""

VERSION = 4
"""In version 4 names are folded further: see ``ssn.gallery.names.folded``."""
READABLE = (3, VERSION)
"""Versions that can be searched as they are."""
OWN_TABLES = {"people", "templates", "deletions", "altered", "changes", "parts", "sealing", "sqlite_sequence"}
ROOM = 2**17
"""Bytes beside a gallery without which it can only be read."""
LOGGED = 10_000
"""Altered templates that are remembered; a process that has seen none of them reads everything again."""


def connect(path: str) -> sqlite3.Connection:
    """Open a gallery file, new or old, and bring it to ``VERSION``. One that may only be read is opened for that.
    Raises GalleryError."""
    db = None
    try:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        _check_file(db, path)
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("PRAGMA secure_delete=ON")
        _write_ahead(db)
        db.execute("PRAGMA synchronous=FULL")
        _bring_up_to_date(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what a killed process deleted may still be in the log
    except (sqlite3.Error, OSError, ValueError, GalleryError) as error:
        if db is not None:
            db.close()
        if isinstance(error, GalleryError):
            raise
        if is_busy(error):
            raise busy(path) from error
        full = disk_is_full(path)
        unopened = _code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
        if (unopened or full) and Path(path).is_file() and Path(path).stat().st_size:
            return _connect_to_read(path)
        if full:
            raise GalleryError(f"The disk of {path} is full.", "Free some space, then try again.") from error
        what = f"{path} cannot be opened as a gallery: {_reason(path, error)}."
        raise GalleryError(what, "Choose another file or folder.") from error
    return db


def _reason(path: str, error: BaseException) -> str:
    """Why a file cannot be opened, as far as that can be seen."""
    if isinstance(error, OSError):
        return f"its folder cannot be made ({error.strerror})"
    if os.path.isdir(path):
        return "it is a folder"
    if not os.path.lexists(path):
        return "its folder cannot be written"
    if not os.access(path, os.R_OK):
        return "it may not be read"
    if _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "it is damaged, or a file of another kind"
    return _brief(error)


def file_at(path: str) -> tuple[int, int] | None:
    """Which file a path leads to, whatever it is called; None where there is none, as in memory."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def disk_is_full(path: str) -> bool:
    """Is there no room beside this file for what SQLite keeps while a gallery is open?"""
    try:
        disk = shutil.disk_usage(Path(path).absolute().parent)
    except OSError:
        return False
    return path != ":memory:" and disk.total > 0 and disk.free < ROOM  # what the kernel shows as files has no size


def _connect_to_read(path: str) -> sqlite3.Connection:
    """A gallery where nothing can be written, so that SQLite has no place for its locks. Where nobody has
    left a log either, the file is taken to stay as it is. Raises GalleryError."""
    log = Path(f"{path}-wal")
    settled = not log.exists() or log.stat().st_size == 0
    for manner in ("mode=ro", *(("immutable=1",) if settled else ())):
        db = sqlite3.connect(
            f"{Path(path).absolute().as_uri()}?{manner}", uri=True, check_same_thread=False, isolation_level=None
        )
        try:
            _check_file(db, path)
            if db.execute("PRAGMA user_version").fetchone()[0] in READABLE:
                return db
            what = f"The gallery {path} is of an older release and can only be read."
            raise GalleryError(what, "Open it once where it can be written.")
        except sqlite3.OperationalError:
            db.close()
        except BaseException:
            db.close()
            raise
    reason = "it can only be read, and a change was left in the middle of it"
    reason = reason if os.access(path, os.R_OK) else "it may not be read"
    raise GalleryError(f"{path} cannot be opened as a gallery: {reason}.", "Choose another file or folder.")


def _check_file(db: sqlite3.Connection, path: str) -> None:
    """Before anything is written: a newer gallery and other programs' databases are left as they are."""
    found = db.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    if found == 0 and tables - OWN_TABLES:  # of our own, if another process has made them since the line before last
        raise GalleryError(f"{path} is a database of another program.", "Choose another file.")
    if not 0 <= found <= VERSION:
        raise GalleryError(f"The gallery {path} has version {found}.", "It needs a newer release.")


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


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    """Add what a new or an older file lacks, in one transaction. Of several processes the first does it."""
    if db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        for statement in [*(FIRST_SCHEMA if version < 1 else ()), *(SECOND_SCHEMA if version < 2 else ())]:
            db.execute(statement)
        if version == 1:
            _clean_names(db)
        if version < 3:
            for statement in THIRD_SCHEMA:
                db.execute(statement)
            _fill_fingerprints(db)
            for statement in THIRD_INDICES:
                db.execute(statement)
        if version in (2, 3):
            people = db.execute("SELECT id, name FROM people").fetchall()
            db.executemany("UPDATE people SET folded=? WHERE id=?", [(folded(name), number) for number, name in people])
        db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _fill_fingerprints(db: sqlite3.Connection, at_a_time: int = 10_000) -> None:
    last = 0
    sql = "SELECT id, vector FROM templates WHERE id > ? ORDER BY id LIMIT ?"
    while rows := db.execute(sql, (last, at_a_time)).fetchall():
        prints = [(fingerprint(vector), number) for number, vector in rows]
        db.executemany("UPDATE templates SET fingerprint=? WHERE id=?", prints)
        last = rows[-1][0]


def _clean_names(db: sqlite3.Connection) -> None:
    """Names of version 1 may hold invisible characters. They go, unless somebody has the clean name: two people are not
    made one without being asked."""
    for number, name in db.execute("SELECT id, name FROM people").fetchall():
        try:
            clean = clean_name(name)
        except GalleryError:  # only invisible characters: the person stays, and can be deleted or enrolled anew
            clean = name
        db.execute("UPDATE OR IGNORE people SET name=? WHERE id=?", (clean, number))
        db.execute("UPDATE people SET folded=? WHERE id=?", (folded(clean), number))


def is_busy(error: BaseException) -> bool:
    """Did another connection only hold its lock for too long?"""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: BaseException) -> int:
    """SQLite's primary result code, 0 for another kind of error."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def busy(path: str) -> GalleryError:
    """Nothing is wrong with the file."""
    return GalleryError(f"The gallery {path} is in use by another program.", "Try again in a moment.")


def damaged(path: str) -> GalleryError:
    """Something is wrong with the file."""
    return GalleryError(f"The gallery {path} is damaged.", "Restore it from a copy.")


def unreadable(path: str, error: sqlite3.Error) -> GalleryError:
    """What went wrong in reading."""
    if is_busy(error):
        return busy(path)
    if _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT):
        return damaged(path)
    if "user-defined function" in str(error):  # what is encrypted there could not be opened
        return damaged(path)
    return GalleryError(
        f"The gallery {path} cannot be read: {_brief(error)}.", "Check the file, its folder and the disk."
    )


def unwritable(path: str, error: sqlite3.Error) -> GalleryError:
    """What went wrong in writing; the gallery is as it was."""
    if is_busy(error):
        return busy(path)
    if _code(error) == sqlite3.SQLITE_FULL or disk_is_full(path):
        what = "The disk is full; the gallery is as it was."
        return GalleryUnwritableError(what, "Free some space, then try again.")
    if _code(error) == sqlite3.SQLITE_READONLY:
        return GalleryUnwritableError(
            f"The gallery {path} can only be read.", "Choose another gallery, or change its permissions."
        )
    what = f"The gallery could not be written: {_brief(error)}."
    return GalleryUnwritableError(what, "Check disk space and permissions.")


def _brief(error: BaseException) -> str:
    return str(error).rstrip(".")
