"""A gallery as plainly as it can be written, and random histories that are told to it and to the real one."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path

from ssn.errors import GalleryError
from ssn.gallery.changes import UNDOABLE
from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template

NAMES = ["Ada", "Ben", "Cid", "Dee", "Eve"]
State = dict[str, tuple[str, tuple[int, ...]]]
"""Name → notes and the seeds of the templates."""


class Plain:
    """Undoing puts back a copy of everything; a deletion empties the past."""

    def __init__(self):
        self.people: dict[str, dict] = {}
        self.past: list[dict] = []

    def state(self) -> State:
        return {name: (who["notes"], tuple(sorted(who["seeds"]))) for name, who in self.people.items()}

    def _who(self, name: str) -> dict:
        return self.people.setdefault(name, {"notes": "", "seeds": []})

    def do(self, kind: str, *values) -> None:
        before = copy.deepcopy(self.people)
        if kind == "undo":
            if self.past:
                self.people = self.past.pop()
            return
        if not getattr(self, f"_{kind}")(*values):
            return
        if kind == "delete":
            self.past = []
        else:
            self.past = [*self.past, before][-UNDOABLE:]

    def _enrol(self, name: str, seed: int) -> bool:
        self._who(name)["seeds"].append(seed)
        return True

    def _rename(self, name: str, new: str) -> bool:
        if name not in self.people or new in self.people:
            return False
        self.people[new] = self.people.pop(name)
        return True

    def _notes(self, name: str, text: str) -> bool:
        if name not in self.people or self.people[name]["notes"] == text:
            return False
        self.people[name]["notes"] = text
        return True

    def _merge(self, name: str, into: str) -> bool:
        if name == into or name not in self.people or into not in self.people:
            return False
        gone, who = self.people.pop(name), self.people[into]
        who["notes"] = "\n".join(part for part in (who["notes"], gone["notes"]) if part)
        who["seeds"] += gone["seeds"]
        return True

    def _move(self, name: str, into: str) -> bool:
        if name == into or name not in self.people:
            return False
        source, target = self.people[name], self._who(into)
        seed = min(source["seeds"])
        source["seeds"].remove(seed)
        target["seeds"].append(seed)
        if not source["seeds"]:
            del self.people[name]
        return True

    def _delete(self, name: str) -> bool:
        return self.people.pop(name, None) is not None


def history(seed: int, length: int = 40) -> Iterator[tuple]:
    """Random things to do with few names, so that they meet."""
    chance = random.Random(seed)
    kinds = ["enrol"] * 5 + ["rename", "notes", "merge", "move", "delete", "undo", "undo"]
    for number in range(length):
        kind, name, other = chance.choice(kinds), chance.choice(NAMES), chance.choice(NAMES)
        if kind == "enrol":
            yield kind, name, 1000 * seed + number
        elif kind == "notes":
            yield kind, name, f"note {number}"
        else:
            yield (kind,) if kind == "undo" else (kind, name) if kind == "delete" else (kind, name, other)


def tell(gallery: Gallery, kind: str, *values) -> None:
    """The same, to the real one; what cannot be done is refused, and changes nothing."""
    if kind == "enrol":
        gallery.enrol(values[0], template(values[1]), b"picture %d" % values[1], str(values[1]))
        return
    try:
        if kind == "undo":
            gallery.undo()
            return
        person = gallery.person(values[0])
        if person is None:
            return
        if kind == "rename":
            gallery.rename(person.id, values[1])
        elif kind == "notes":
            gallery.set_notes(person.id, values[1])
        elif kind == "merge" and (other := gallery.person(values[1])) is not None:
            gallery.merge(person.id, other.id)
        elif kind == "move":
            gallery.move_template(gallery.templates_of(person.id)[0][0], values[1])
        elif kind == "delete":
            gallery.delete_person(person.id)
    except GalleryError as refused:
        if not any(word in refused.what for word in ("enrolled already", "nothing to undo", "same person")):
            raise


def state_of(gallery: Gallery) -> State:
    """What is in the real one, whose templates say in their origin which they are."""
    return {
        person.name: (
            gallery.notes(person.id),
            tuple(sorted(int(origin) for _, _, origin in gallery.templates_of(person.id))),
        )
        for person in gallery.people()
    }


def live(path: Path, seed: int, report: Path, length: int = 40) -> None:
    """Do a whole history, and write down how much of it is acknowledged; with searches, which write the vector file."""
    with Gallery(path, MODEL) as gallery, report.open("ab", buffering=0) as acknowledged:
        for number, step in enumerate(history(seed, length)):
            tell(gallery, *step)
            acknowledged.write(b".")
            if number % 5 == 0:
                gallery.search(template(seed), 1)
