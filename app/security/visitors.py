"""Whose page it is: the browser that opened a page is the only one that may use it."""

from __future__ import annotations

import secrets
from collections import OrderedDict

COOKIE = "ssn-visitor"
REMEMBERED = 4096
"""Pages whose browser is remembered; the one idle longest makes room."""


def new_visitor() -> str:
    """A name for a browser that nobody can guess."""
    return secrets.token_urlsafe(24)


class Pages:
    """Of every open page, by its ``session_hash``, the browser that came with it first. Programs without cookies are
    all the same browser. To be used from one thread."""

    def __init__(self, room: int = REMEMBERED):
        self._room = room
        self._owners: OrderedDict[str, str] = OrderedDict()

    def belongs(self, page: str, visitor: str) -> bool:
        """Is it this visitor's page? A page nobody has used yet becomes theirs."""
        owner = self._owners.setdefault(page, visitor)
        self._owners.move_to_end(page)
        while len(self._owners) > self._room:
            self._owners.popitem(last=False)
        return secrets.compare_digest(owner.encode(), visitor.encode())
