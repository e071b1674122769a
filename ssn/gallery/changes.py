"""The last changes of a gallery, each with what it takes to undo it. The log lies in the gallery's own file and is
written within the transaction of the change.

A deletion is not in it: it is final. It also empties the log, which holds names, notes and digests of what is deleted.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["enrol", "rename", "notes", "move", "merge"]

UNDOABLE = 50
"""Changes that are remembered."""


@dataclass(frozen=True)
class Change:
    """``facts`` is what undoing needs; ``text`` says what was done, ``made`` when (UTC)."""

    number: int
    kind: Kind
    facts: dict[str, Any]
    made: str

    @property
    def text(self) -> str:
        facts = self.facts
        if self.kind == "enrol":
            return f"Enrolled a face of {facts['name']}"
        if self.kind == "rename":
            return f"Renamed {facts['old']} to {facts['new']}"
        if self.kind == "notes":
            return f"Changed the notes on {facts['name']}"
        if self.kind == "merge":
            return f"Merged {facts['source']['name']} into {facts['name']}"
        return f"Moved a template of {facts['source']['name']} to {facts['name']}"


def note(db: sqlite3.Connection, kind: Kind, people: Iterable[int], templates: Iterable[int], **facts: Any) -> None:
    """Write down a change that touches these people and templates; the oldest make room."""
    whole = {"people": sorted(people), "templates": sorted(templates), **facts}
    text = json.dumps({**whole, "check": _check(kind, whole)}, ensure_ascii=False)
    number = db.execute("INSERT INTO changes(kind, facts) VALUES (?, ?)", (kind, text)).lastrowid or 0
    db.execute("DELETE FROM changes WHERE id <= ?", (number - UNDOABLE,))


def changes(rows: Iterable[tuple[int, Kind, str, str]]) -> list[Change]:
    """Rows of the table, the last first → changes, as far as they can be undone: up to the first that is damaged."""
    found = []
    for number, kind, text, made in rows:
        if (facts := _facts(kind, text)) is None:
            break
        found.append(Change(number, kind, facts, made))
    return found


def _facts(kind: Kind, text: str) -> dict[str, Any] | None:
    """None where they are not those that were written; earlier releases wrote them without a check."""
    try:
        facts = json.loads(text)
        check = facts.pop("check", None)
    except (ValueError, TypeError, AttributeError):
        return None
    return facts if check is None or check == _check(kind, facts) else None


def _check(kind: Kind, facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([kind, facts], sort_keys=True).encode()).hexdigest()[:16]


def forget(db: sqlite3.Connection) -> None:
    """Nothing can be undone any more."""
    db.execute("DELETE FROM changes")
