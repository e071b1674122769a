"""Who is enrolled, and what is said of a photo that was."""

from __future__ import annotations

from dataclasses import asdict

from ssn.errors import DataError
from ssn.explanation.pair import Target
from ssn.gallery.again import templates_of_person
from ssn.gallery.enrol import Enrolment
from ssn.gallery.quality import Quality
from ssn.gallery.store import GalleryStore


def people_rows(store: GalleryStore) -> list[dict]:
    """``{"person", "templates", "notes"}`` of everybody."""
    return [{"person": p.name, "templates": p.stored, "notes": store.notes(p.id)} for p in store.people()]


def enrolment_row(done: Enrolment, name: str, face: dict, quality: Quality | None = None) -> dict:
    """``{"person", "face"?, "given_name"?, "looks_like"?, "looks_like_too"?, "quality"?}``; ``name`` is what the person
    was called, ``face`` of ``subject_of``, empty where nobody looked."""
    row: dict = {"person": done.person}
    if face:
        row["face"] = face
    if done.person != name:
        row["given_name"] = name
    for key, alike in (("looks_like", done.looks_like), ("looks_like_too", done.looks_like_too)):
        if alike is not None:
            row[key] = {"person": alike.person, "score": alike.score}
    if quality is not None:
        row["quality"] = {**asdict(quality), "concerns": quality.concerns}
    return row


def target_person(store: GalleryStore, name: str, place: str) -> Target:
    """Somebody enrolled, to be explained against; ``place`` is what the gallery is called. Raises DataError."""
    person = store.person(name)
    if person is None or person.templates == 0:
        raise DataError(f"Nobody called {name} is enrolled in {place} with this model.", "Check the name.")
    return Target.person(person.name, templates_of_person(store, person.id))
