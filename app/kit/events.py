"""What the page's own components send with an event, read here and nowhere else; and how handlers answer."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import gradio as gr
from gradio.blocks import Block

from ssn.errors import DataError, ImageTooLargeError, NotAnImageError
from ssn.faces.read import MAX_BYTES

Update = dict[Block, Any]
"""A handler's answer: the components it changes, and to what. The others stay as they are."""

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
"""How handlers listen: without a queue of all visitors. A visitor's own events take turns, see :mod:`app.session`."""


class Sent:
    """The data of an event. A page can send anything, so what is missing or of another kind reads as nothing."""

    def __init__(self, event: gr.EventData):
        self._data: dict = event._data if isinstance(event._data, dict) else {}

    def text(self, key: str) -> str:
        """A string, or an empty one."""
        value = self._data.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """A whole number, written as one or in digits; −1 for anything else."""
        try:
            return int(self._data[key])
        except (KeyError, TypeError, ValueError, OverflowError):
            return -1

    def decimal(self, key: str) -> float | None:
        """A finite number, or None for anything else."""
        value = self._data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if abs(value) < 1e9 else None

    def flag(self, key: str) -> bool:
        return bool(self._data.get(key))

    def photo(self) -> bytes:
        """What the photo input sent. Raises NotAnImageError, ImageTooLargeError."""
        data = self.text("data")
        if not data:
            size = self.number("size")
            if size > MAX_BYTES:
                limit = MAX_BYTES // 2**20
                raise ImageTooLargeError(
                    f"The file has {size / 2**20:.0f} MB; the limit is {limit}.", "Save it smaller."
                )
            raise NotAnImageError("The file is empty.", "Choose a picture file.")
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotAnImageError("The upload was damaged.", "Send the picture again.") from error

    def file(self, limit: int) -> bytes:
        """What an input for other files sent, of at most ``limit`` bytes. Raises DataError."""
        data, size = self.text("data"), self.number("size")
        if size > limit or len(data) > 4 * limit // 3 + 4:
            raise DataError(f"The file has more than {limit // 2**20} MB.", "Use the command line.")
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise DataError("The upload was damaged.", "Send the file again.") from error
        if not content:
            raise DataError("The file is empty.", "Choose another one.")
        return content
