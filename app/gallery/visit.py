"""What the gallery tab keeps of one visitor."""

from __future__ import annotations

from typing import Literal

from app.kit.photo import Photo
from app.kit.running import Running
from app.session import Part
from ssn.memory import bytes_held

Pending = tuple[Literal["person", "template"], int]


class Visit(Part):
    """``person`` is whose templates are shown; ``pending`` is to be deleted if the visitor says so; ``photo`` and
    ``index`` are the photo to enrol and its chosen face; ``last_change`` is the one that Undo was shown for. To be
    changed within the session's turn. ``running`` is what takes long."""

    def __init__(self):
        self.person: int | None = None
        self.pending: Pending | None = None
        self.index: int | None = None
        self.last_change: int | None = None
        self.running = Running()
        self._photo: Photo | None = None
        self._bytes = 0

    @property
    def photo(self) -> Photo | None:
        return self._photo

    @photo.setter
    def photo(self, photo: Photo | None) -> None:
        self._photo, self._bytes = photo, bytes_held(photo)
        self.forgotten = False

    def weight(self) -> int:
        return self._bytes

    def leave(self) -> None:
        self.running.stop()
