"""Others change a gallery while it is read: what was ranked or listed a moment ago may be gone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

from ssn.errors import TemplateGoneError
from ssn.gallery.store import GalleryStore
from ssn.recognizer import Template

T = TypeVar("T")
ATTEMPTS = 5


def while_templates_go(read: Callable[[], T]) -> T:
    """``read()``; and again where a template that it needs was deleted meanwhile. Raises TemplateGoneError where one is
    missing every time."""
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(TemplateGoneError):
            return read()
    return read()


def templates_of_person(gallery: GalleryStore, person_id: int) -> list[Template]:
    """All of a person's templates of the gallery's model, as they are now. Raises GalleryError."""
    return while_templates_go(lambda: [gallery.template(number) for number, *_ in gallery.templates_of(person_id)])
