"""The gallery tab as HTML: everybody enrolled, and one person's templates."""

from __future__ import annotations

from html import escape

from app.kit.notices import empty, notice
from app.kit.pictures import stored_uri
from ssn.gallery.store import GalleryStore, Person

MOST_SHOWN = 200
SPECTRUM_NAMES = {"vis": "VIS", "nir": "NIR", "nir-simulated": "simulated NIR"}


def people_grid(gallery: GalleryStore, wanted: str = "", chosen: int | None = None) -> str:
    """Everybody whose name contains ``wanted``, as buttons with their first face."""
    people = [person for person in gallery.people() if wanted.strip().lower() in person.name.lower()]
    if not people:
        return empty("Nobody of that name is enrolled." if wanted.strip() else "Nobody is enrolled yet.")
    cards = [_card(gallery, person, person.id == chosen) for person in people[:MOST_SHOWN]]
    rest = len(people) - MOST_SHOWN
    more = f'<p class="more">and {rest} more: search by name</p>' if rest > 0 else ""
    return f'<div class="people">{"".join(cards)}</div>{more}'


def _card(gallery: GalleryStore, person: Person, chosen: bool) -> str:
    templates = gallery.templates_of(person.id)
    png = gallery.face_image(templates[0][0]) if templates else None
    name = escape(person.name)
    face = f'<img src="{stored_uri(png)}" alt="">' if png else "<i></i>"
    count = _count(person)
    pressed = "true" if chosen else "false"
    return (
        f'<button type="button" data-action="person" data-person="{person.id}" aria-pressed="{pressed}">'
        f"{face}<b>{name}</b><span>{count}</span></button>"
    )


def _count(person: Person) -> str:
    mine = _templates(person.templates)
    other = person.stored - person.templates
    return mine if other == 0 else f"{mine}, {other} of another model"


def _templates(count: int) -> str:
    return "1 template" if count == 1 else f"{count} templates"


def person_details(gallery: GalleryStore, person_id: int | None) -> str:
    """One person's templates, each with its picture and a button to delete it."""
    person = next((one for one in gallery.people() if one.id == person_id), None)
    if person is None:
        return empty("Choose a person to see their templates.")
    cards = []
    for template, spectrum, origin in gallery.templates_of(person.id):
        png = gallery.face_image(template)
        face = f'<img src="{stored_uri(png)}" alt="Stored face">' if png else "<i></i>"
        facts = f"{SPECTRUM_NAMES.get(spectrum, escape(spectrum))} · {escape(origin)}"
        cards.append(
            f"<li>{face}<div><b>Template {template}</b><span>{facts}</span>"
            f'<button type="button" class="quiet" data-action="template" data-template="{template}">Delete template'
            "</button></div></li>"
        )
    return (
        f'<div class="person"><h3>{escape(person.name)}</h3><p>{_count(person)}</p><ul>{"".join(cards)}</ul>'
        f'<button type="button" class="danger" data-action="person" data-person="{person.id}">'
        "Delete this person</button></div>"
    )


def gallery_facts(gallery: GalleryStore, of_other_models: int) -> str:
    """How many people there are, and a warning about those this model cannot find."""
    people = gallery.people()
    templates = sum(person.templates for person in people)
    who = "1 person" if len(people) == 1 else f"{len(people)} people"
    text = f'<p class="more">{who}, {_templates(templates)} of {escape(gallery.model_id)}</p>'
    if not of_other_models:
        return text
    count = "1 person was" if of_other_models == 1 else f"{of_other_models} people were"
    return text + notice(
        f"{count} enrolled with another model only, so this one cannot find them.",
        "warn",
        "Enrol them again from their stored pictures, or start the app with the checkpoint that knows them.",
    )
