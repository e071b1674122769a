"""One person's templates, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from app.gallery.people_html import count_of
from app.kit.notices import empty
from app.kit.pictures import stored_uri
from ssn.gallery.store import Person

SPECTRUM_NAMES = {"vis": "VIS", "nir": "NIR", "nir-simulated": "simulated NIR"}


def person_details(
    person: Person | None, templates: Sequence[tuple[int, str, str]] = (), faces: Mapping[int, bytes] | None = None
) -> str:
    """A person's ``templates`` (id, spectrum, origin), each with its picture out of ``faces`` and buttons to move
    it to the person who is named beside, and to delete it."""
    if person is None:
        return empty("Choose a person to see their templates.")
    cards = []
    for template, spectrum, origin in templates:
        stored = (faces or {}).get(template)
        face = f'<img src="{stored_uri(stored)}" alt="Stored face">' if stored else "<i></i>"
        facts = f"{SPECTRUM_NAMES.get(spectrum, escape(spectrum))} · {escape(origin)}"
        cards.append(
            f"<li>{face}<div><b>Template {template}</b><span>{facts}</span>"
            f'<p><button type="button" class="quiet" data-action="move" data-template="{template}">Move there</button> '
            f'<button type="button" class="quiet" data-action="template" data-template="{template}">Delete template'
            "</button></p></div></li>"
        )
    return (
        f'<div class="person"><h3>{escape(person.name)}</h3><p>{count_of(person)}</p><ul>{"".join(cards)}</ul>'
        f'<button type="button" class="danger" data-action="person" data-person="{person.id}">'
        "Delete this person</button></div>"
    )
