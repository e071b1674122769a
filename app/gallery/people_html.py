"""Everybody enrolled, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from app.kit.notices import empty, notice
from app.kit.pictures import data_uri, thumbnail
from ssn.errors import ImageError
from ssn.faces.read import read_image
from ssn.gallery.store import Person

MOST_SHOWN = 200
THUMBNAIL = 96
"""Side of a face in the grid, in pixels: two hundred of them are some hundred kilobytes."""


def named_like(people: Sequence[Person], wanted: str | None) -> list[Person]:
    """The people whose name contains ``wanted``, whatever its case; everybody for nothing."""
    part = (wanted or "").strip().lower()
    return [person for person in people if part in person.name.lower()]


def people_grid(people: Sequence[Person], faces: Mapping[int, bytes], chosen: int | None, searched: bool) -> str:
    """``people`` as buttons, the first ``MOST_SHOWN`` of them; ``faces`` holds the stored picture of each by person
    id. ``searched`` says that they were asked for by name."""
    if not people:
        return empty("Nobody of that name is enrolled." if searched else "Nobody is enrolled yet.")
    cards = [_card(person, faces.get(person.id), person.id == chosen) for person in people[:MOST_SHOWN]]
    rest = len(people) - MOST_SHOWN
    more = f'<p class="more">and {rest} more: search by name</p>' if rest > 0 else ""
    return f'<div class="people">{"".join(cards)}</div>{more}'


def _card(person: Person, face: bytes | None, chosen: bool) -> str:
    pressed = "true" if chosen else "false"
    return (
        f'<button type="button" data-action="person" data-person="{person.id}" aria-pressed="{pressed}">'
        f"{_thumbnail(face)}<b>{escape(person.name)}</b><span>{count_of(person)}</span></button>"
    )


def _thumbnail(face: bytes | None) -> str:
    if face is None:
        return "<i></i>"
    try:
        return f'<img src="{data_uri(thumbnail(read_image(face), THUMBNAIL))}" alt="">'
    except ImageError:
        return "<i></i>"  # damaged: shown as a person without picture


def count_of(person: Person) -> str:
    """How many templates a person has, of this model and of others."""
    mine = templates(person.templates)
    other = person.stored - person.templates
    return mine if other == 0 else f"{mine}, {other} of another model"


def templates(count: int) -> str:
    return "1 template" if count == 1 else f"{count} templates"


def gallery_facts(people: Sequence[Person], model_id: str, of_other_models: int) -> str:
    """How many people there are, and a warning about those this model cannot find."""
    total = sum(person.templates for person in people)
    who = "1 person" if len(people) == 1 else f"{len(people)} people"
    text = f'<p class="more">{who}, {templates(total)} of {escape(model_id)}</p>'
    if not of_other_models:
        return text
    count = "1 person was" if of_other_models == 1 else f"{of_other_models} people were"
    return text + notice(
        f"{count} enrolled with another model only, so this one cannot find them.",
        "warn",
        "Enrol them again from their stored pictures, or start the app with the checkpoint that knows them.",
    )
