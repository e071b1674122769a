"""Everybody in the visitor's photo: who each of several faces is, whichever of them is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.kit.photo import Choice, Photo
from app.services import Services
from ssn.answers.crowd import best_of_everybody, crowd_templates
from ssn.faces.types import AlignedFace
from ssn.gallery.store import Match
from ssn.gallery.verdict import SearchRates
from ssn.recognizer import Template
from ssn.visibility import covered_shares

MOST_NAMED = 32
"""Faces of a photo that are recognised, the largest: on a processor of two cores they take a second or two."""


@dataclass(frozen=True)
class Crowd:
    """``faces``, ``templates`` and the share of each that something hides (``covered``, 0 where that is not known) by
    the face's place in the photo, as photographed; ``best`` is rank 1 of each, where the gallery could be asked."""

    faces: dict[int, AlignedFace]
    templates: dict[int, Template]
    best: dict[int, Match]
    covered: dict[int, float]


def recognise_everybody(services: Services, photo: Photo, choice: Choice) -> Crowd | None:
    """All usable faces of a photo that shows several, in the spectrum it is said to be in; nobody is searched for yet.
    None for a single face."""
    if len(photo.boxes) < 2:
        return None
    usable = [place for place, face in enumerate(photo.faces) if face is not None]
    largest = sorted(usable, key=lambda place: -photo.boxes[place].area)[:MOST_NAMED]
    places = sorted(largest)
    with services.looks:
        faces = [photo.seen_as(place, choice) for place in places]
        templates = crowd_templates(services.recognizer, faces)
        covered = covered_shares(services.visibility, faces)
    return Crowd(
        faces=dict(zip(places, faces, strict=True)),
        templates=dict(zip(places, templates, strict=True)),
        best={},
        covered=dict(zip(places, covered, strict=True)),
    )


def named(services: Services, crowd: Crowd, rates: SearchRates) -> Crowd:
    """The gallery as it stands is asked for everybody. Raises GalleryError, TemplateMismatchError."""
    faces, templates = list(crowd.faces.values()), list(crowd.templates.values())
    found = best_of_everybody(
        services.gallery, services.recognizer, services.cohort, faces, templates, rates, list(crowd.covered.values())
    )
    best = {place: match for place, match in zip(crowd.faces, found, strict=True) if match is not None}
    return replace(crowd, best=best)
