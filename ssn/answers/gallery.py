"""What is done with a gallery by name, and what is said of it: the same for the command line and for programs."""

from __future__ import annotations

from dataclasses import asdict

from ssn.errors import GalleryError
from ssn.gallery.changes import Change
from ssn.gallery.enrol import rename_person
from ssn.gallery.health import Verification
from ssn.gallery.re_embed import ReEmbedded
from ssn.gallery.store import GalleryStore, Person


def named(store: GalleryStore, name: str) -> Person:
    """Raises GalleryError where nobody has this name."""
    if (person := store.person(name)) is None:
        near = store.namesakes(name)
        hint = f'There is "{near[0].name}".' if near else "List the people to see their names."
        raise GalleryError(f'Nobody is enrolled as "{name}".', hint)
    return person


def change_row(change: Change) -> dict:
    """``{"number", "kind", "text", "made"}``."""
    return {"number": change.number, "kind": change.kind, "text": change.text, "made": change.made}


def changes_of(store: GalleryStore) -> dict:
    """``{"changes": [change_row]}``, the last first."""
    return {"changes": [change_row(change) for change in store.changes()]}


def templates_of(store: GalleryStore, name: str) -> dict:
    """``{"person", "templates": [{"template", "model", "spectrum", "origin"}]}``."""
    person = named(store, name)
    keys = ("template", "model", "spectrum", "origin")
    rows = [dict(zip(keys, row, strict=True)) for row in store.all_templates_of(person.id)]
    return {"person": person.name, "templates": rows}


def renamed(store: GalleryStore, name: str, new: str, exact_name: bool = False) -> dict:
    """``{"old", "new"}``."""
    person = named(store, name)
    rename_person(store, person.id, new, exact_name)
    now = next(p.name for p in store.people() if p.id == person.id)
    return {"old": person.name, "new": now}


def merged(store: GalleryStore, name: str, into: str) -> dict:
    """``{"merged", "into"}``."""
    source, target = named(store, name), named(store, into)
    store.merge(source.id, target.id)
    return {"merged": source.name, "into": target.name}


def moved(store: GalleryStore, template: int, name: str) -> dict:
    """``{"template", "person"}``."""
    store.move_template(template, name)
    return {"template": template, "person": name}


def noted(store: GalleryStore, name: str, text: str | None) -> dict:
    """``{"person", "notes"}``, after writing them where there is a text."""
    person = named(store, name)
    if text is not None:
        store.set_notes(person.id, text)
    return {"person": person.name, "notes": store.notes(person.id)}


def to_delete(store: GalleryStore, name: str | None, template: int | None) -> tuple[Person | None, str]:
    """Who, or None for a template, and what to call it. Raises GalleryError where neither or both are given."""
    if (name is None) == (template is None):
        raise GalleryError("A deletion is of a person or of a template.", "Give a name, or the number of a template.")
    if name is None:
        return None, f"template {template}"
    person = named(store, name)
    return person, f"{person.name} with all templates and pictures"


def verified(found: Verification) -> dict:
    """What was looked at, and ``sound``."""
    return {**asdict(found), "sound": found.sound}


def embedded_again(model_id: str, done: ReEmbedded) -> dict:
    """``{"model", "added", "refused": [{"person", "reason"}], "left", "dropped"}``."""
    refused = [{"person": person, "reason": reason} for person, reason in done.refused]
    return {"model": model_id, **asdict(done), "refused": refused}
