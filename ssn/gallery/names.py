"""A person's name as it is written, and as it is looked up: the same."""

from __future__ import annotations

import unicodedata

from ssn.errors import GalleryError

MAX_NAME = 80
IGNORABLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0" + "".join(
    map(chr, range(0xFE00, 0xFE10))
)
"""Characters that show nothing, besides those of Unicode's category Cf: fillers, blanks and variation selectors."""


def clean_name(name: str) -> str:
    """Single spaces, composed characters, nothing invisible: what looks alike is one person. Raises GalleryError for
    what is no name."""
    visible = "".join(c for c in name if unicodedata.category(c) != "Cf" and not _ignorable(c))
    name = unicodedata.normalize("NFC", " ".join(visible.split()))
    kinds = {unicodedata.category(c) for c in name}
    if len(name) > MAX_NAME or kinds <= {"Mn", "Me"}:  # none, or only accents on nothing
        this = f"this one has {len(name)}" if len(name) > MAX_NAME else "and this one shows none"
        raise GalleryError(f"A name must have 1 to {MAX_NAME} characters, {this}.", "Give the person another name.")
    if "Cs" in kinds:
        raise GalleryError(f"The name {name!a} is no text.", "Rename it in UTF-8.")
    if "Cc" in kinds:
        raise GalleryError(f"The name {name!a} holds control characters.", "Give the person another name.")
    return name


def folded(name: str) -> str:
    """A clean name without its case, the width of its letters and the dots of a Turkish i: two people's may be alike
    only on purpose."""
    alike = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return alike.replace("i\u0307", "i").replace("\u0131", "i")


def _ignorable(character: str) -> bool:
    return character in IGNORABLE or 0xE0100 <= ord(character) <= 0xE01EF


MAX_NOTES = 4000


def clean_notes(notes: str) -> str:
    """Notes on a person: text of some lines, or nothing. Raises GalleryError for too much of it, or what is no text."""
    notes = unicodedata.normalize("NFC", notes.replace("\r\n", "\n")).strip()
    if len(notes) > MAX_NOTES:
        raise GalleryError(f"Notes can have {MAX_NOTES} characters.", "Shorten them.")
    kinds = {unicodedata.category(c) for c in notes if c not in "\n\t"}
    if kinds & {"Cs", "Cc"}:
        raise GalleryError("Notes cannot hold control characters.", "Type them anew.")
    return notes
