"""What a program sends to an endpoint, checked; and how long its photos may take."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from app.kit.turns import Turns
from app.services import Services
from ssn.answers.faces import Reading, read_face
from ssn.errors import DataError, NotAnImageError, SSNError
from ssn.faces.types import AlignedFace

MOST_PHOTOS = 64
"""Photos of one call; the size of a request is bounded besides."""
KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("spectrum", "occlusion", "against_spectrum", "person", "rather_than", "method", "name"), (str,)),
    **dict.fromkeys(("new_name", "into", "text", "drop_old"), (str,)),
    **dict.fromkeys(("face", "k", "template", "number"), (int,)),
    "rate": (int, float),
    "exact_name": (bool,),
}
"""What the arguments of the endpoints are; ``photo``, ``against`` and ``photos`` are read by :func:`content_of`."""


def refusals_in_words(answer: Callable[[], Any]) -> Any:
    """The answer; or the library's typed error as the sentence that reaches the caller, and no log. Raises gr.Error."""
    try:
        return answer()
    except SSNError as error:
        raise gr.Error(str(error), print_exception=False) from error


def check_kinds(given: Mapping[str, object]) -> None:
    """A program can send anything; None is what may be left out. Raises DataError."""
    for name, value in given.items():
        wrong = not isinstance(value, KINDS[name]) or (isinstance(value, bool) and bool not in KINDS[name])
        if value is not None and wrong:
            kinds = " or ".join(kind.__name__ for kind in KINDS[name])
            raise DataError(f"{name} is no {kinds}.", "See docs/api.md.")


def check_counted(**numbers: int | None) -> None:
    """What is counted from 1. Raises DataError."""
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise DataError(f"{name} is {number}.", "It is counted from 1.")


def content_of(sent: object, what: str = "photo") -> bytes:
    """The bytes of a file, sent in base64; ``what`` is what it is called. Raises NotAnImageError."""
    hint = f"Send the bytes of a {'picture file' if what == 'photo' else what} in base64."
    if not isinstance(sent, str) or not sent:
        raise NotAnImageError(f"There is no {what}.", hint)
    try:
        return base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAnImageError(f"The {what} is not in base64.", hint) from error


def contents_of(photos: object) -> list[object]:
    """One or more photos, not looked at yet. Raises DataError."""
    if not isinstance(photos, list) or not 1 <= len(photos) <= MOST_PHOTOS:
        raise DataError(f"photos is no list of 1 to {MOST_PHOTOS} photos.", "Send more in several calls.")
    return photos


def face_in(services: Services, photo: object, reading: Reading, turn: Turns) -> AlignedFace:
    """The face of a photo that was sent, read in its turn like the photos of the page's visitors. Raises BusyError, the
    errors of reading, NoFaceError, SeveralFacesError."""
    content = content_of(photo)
    with turn, services.reading():
        return read_face(services.finder, content, reading)
