"""Everything that changes a gallery, and undoing the last of it: what is decided is decided here, for every store.

A change is whole or not there. What is changed is undone by :meth:`EditedStore.undo`; what is deleted is gone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ssn.errors import GalleryError
from ssn.gallery.changes import Change, Kind
from ssn.gallery.checked import checked_vector
from ssn.gallery.names import clean_name, clean_notes
from ssn.recognizer import Template


@dataclass(frozen=True)
class StoredPerson:
    """What stands about somebody; ``created`` is in UTC, as SQLite writes it."""

    id: int
    name: str
    notes: str
    created: str


@dataclass(frozen=True)
class NewTemplate:
    """What is stored of a face. ``vector`` (256,) float32; ``source`` is the template of another model it was made
    again from."""

    vector: np.ndarray
    spectrum: str
    picture: bytes | None
    origin: str
    digest: bytes | None
    source: int | None


@dataclass(frozen=True)
class Noted:
    """A change that can be undone: whom it touches, and ``facts`` about it. ``before`` is what each person was, None
    for nobody."""

    kind: Kind
    people: list[int]
    templates: list[int]
    before: Mapping[int, StoredPerson | None]
    facts: Mapping[str, Any]


class Edit(Protocol):
    """One change while it is made, in one store. Sees the gallery as it will be."""

    def person(self, number: int) -> StoredPerson:
        """Raises GalleryError where there is none."""
        ...

    def named(self, name: str) -> int | None:
        """Who has this clean name."""
        ...

    def person_of(self, name: str) -> tuple[StoredPerson, bool]:
        """The person of a clean name, and whether they were made for it."""
        ...

    def write(self, person: StoredPerson) -> None:
        """Another name, or other notes."""
        ...

    def owner(self, template: int) -> int:
        """Raises GalleryError where there is no such template."""
        ...

    def templates(self, person: int) -> list[int]:
        """All of somebody's, of whatever model."""
        ...

    def of_digest(self, person: int, digest: bytes) -> int | None:
        """Somebody's template of this gallery's model, from the content of that digest."""
        ...

    def of_both(self, model_id: str) -> list[int]:
        """The templates of another model, of people who have one of this gallery's."""
        ...

    def add(self, person: int, template: NewTemplate) -> int:
        """→ its number."""
        ...

    def give(self, kind: Kind, templates: list[int], source: StoredPerson, target: StoredPerson, made: bool) -> None:
        """Templates change hands, whoever is left without any is removed, and the change is noted. Where both people
        have a template of the same content, the one that comes loses its digest, so that this content still counts
        once. ``target`` is as it was before the change, ``made`` says that it was made for it."""
        ...

    def note(self, done: Noted) -> None:
        """Write down a change; the oldest make room."""
        ...

    def last_change(self) -> Change | None: ...

    def take_back(self, change: Change) -> None:
        """The last one, which is no longer noted."""
        ...

    def remove(self, templates: Sequence[int]) -> None:
        """With their pictures and whatever else holds something of them, and the people they leave without any. Raises
        GalleryError where one is not there."""
        ...

    def remove_person(self, number: int) -> None:
        """Who has no template left, if there still is one."""
        ...

    def forget(self) -> None:
        """Nothing can be undone any more."""
        ...


class EditedStore(ABC):
    """The half of a gallery that writes; ``store.GalleryStore`` is the whole of it. All raise GalleryError where the
    store cannot do as asked."""

    path: str
    model_id: str

    @abstractmethod
    def changes(self) -> list[Change]:
        """What can be undone, the last first: enrolments, renaming, notes, moving and merging; never a deletion."""

    @abstractmethod
    def _edit(self) -> AbstractContextManager[Edit]:
        """One change, made when the block ends and not at all where it raises."""

    @abstractmethod
    def _final_edit(self) -> AbstractContextManager[Edit]:
        """A deletion, after which what was deleted is in no file of the store and not in memory."""

    @abstractmethod
    def _forget_deleted(self) -> None:
        """What an edit deleted, out of the files of the store and of memory."""

    def enrol(
        self,
        name: str,
        template: Template,
        face_image: bytes | None = None,
        origin: str = "",
        digest: bytes | None = None,
        source: int | None = None,
    ) -> int:
        """Add a template to the person of that name, who is created if new → template id. With a ``digest`` this
        person already has, nothing is added. ``source`` is the template of another model it was made again from.
        Raises TemplateMismatchError for a template of another model."""
        name, vector = clean_name(name), checked_vector(template, self.model_id)
        origin = origin.encode("utf-8", "replace").decode()  # a file name may hold bytes that are no text
        new = NewTemplate(vector, template.spectrum, face_image, origin, digest or None, source)
        with self._edit() as edit:
            person, made = edit.person_of(name)
            if new.digest and not made and (known := edit.of_digest(person.id, new.digest)) is not None:
                return known
            number = edit.add(person.id, new)
            if source is None:
                before = {person.id: None} if made else {}
                edit.note(Noted("enrol", [person.id], [number], before, {"name": name}))
            return number

    def rename(self, person_id: int, name: str) -> None:
        """Give a person another name, which nobody else has."""
        name = clean_name(name)
        with self._edit() as edit:
            person = edit.person(person_id)
            if name != person.name:
                check_free(edit, name, person_id)
                edit.write(replace(person, name=name))
                facts = {"old": person.name, "new": name}
                edit.note(Noted("rename", [person_id], [], {person_id: person}, facts))

    def set_notes(self, person_id: int, notes: str) -> None:
        """Write notes on a person in place of the old ones."""
        notes = clean_notes(notes)
        with self._edit() as edit:
            person = edit.person(person_id)
            if notes != person.notes:
                edit.write(replace(person, notes=notes))
                facts = {"name": person.name, "old": person.notes}
                edit.note(Noted("notes", [person_id], [], {person_id: person}, facts))

    def merge(self, person_id: int, into: int) -> None:
        """All templates of the first person become the second's, and so do the notes."""
        if person_id == into:
            raise GalleryError("They are the same person already.", "Choose two people.")
        with self._edit() as edit:
            source, target = edit.person(person_id), edit.person(into)
            joined = "\n".join(part for part in (target.notes, source.notes) if part)
            edit.write(replace(target, notes=clean_notes(joined)))
            edit.give("merge", edit.templates(person_id), source, target, made=False)

    def move_template(self, template_id: int, name: str) -> None:
        """A template becomes that of the person of this name, who is created if new; a person left without any is
        removed."""
        name = clean_name(name)
        with self._edit() as edit:
            source = edit.person(edit.owner(template_id))
            target, made = edit.person_of(name)
            if target.id != source.id:
                edit.give("move", [template_id], source, target, made)

    def undo(self, number: int | None = None) -> Change:
        """Take the last change back → what it was. With a ``number``, only if that still is the last. An enrolment that
        is undone is deleted."""
        with self._edit() as edit:
            last = edit.last_change()
            if last is None:
                raise GalleryError("There is nothing to undo.", "Deletions are final; older changes are not kept.")
            if number is not None and number != last.number:
                raise GalleryError("Something else was changed meanwhile.", "Look at the last change again.")
            edit.take_back(last)
        if last.kind == "enrol":
            self._forget_deleted()
        return last

    def delete_person(self, person_id: int) -> None:
        """Remove a person with all templates and pictures, wherever they are kept."""
        with self._final_edit() as edit:
            edit.person(person_id)
            edit.remove(edit.templates(person_id))
            edit.remove_person(person_id)
            edit.forget()

    def delete_template(self, template_id: int) -> None:
        """Remove one template with its picture; a person left without any is removed too."""
        with self._final_edit() as edit:
            edit.remove([template_id])
            edit.forget()

    def delete_model(self, model_id: str) -> int:
        """Remove the templates of another model, of people who have one of this gallery's → how many."""
        with self._final_edit() as edit:
            gone = edit.of_both(model_id) if model_id != self.model_id else []
            edit.remove(gone)
            edit.forget()
            return len(gone)


def check_free(edit: Edit, name: str, person: int) -> None:
    """Raises GalleryError where somebody else has this clean name."""
    if (other := edit.named(name)) is not None and other != person:
        raise GalleryError(f"{name} is enrolled already.", "Merge the two people, or choose another name.")


def no_person() -> GalleryError:
    """Of a number that is nobody's."""
    return GalleryError("There is no such person.", "They may have been deleted already.")


def no_template(number: int) -> GalleryError:
    """Of a number that no template has."""
    return GalleryError(f"There is no template {number}.", "It may have been deleted already.")
