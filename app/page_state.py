"""What Gradio keeps of an open page: every component once.

An answer that changes more of a component than its value makes Gradio put a new one in its place, which gets a number
of its own. The next plain value is then kept under that number besides, with a whole component and its configuration,
pictures and all, for as long as the page is open: a page grows with every step. Here what takes a component's place
takes its number.
"""

from __future__ import annotations

from typing import Any

from gradio.blocks import Block
from gradio.state_holder import SessionState

_as_gradio_does = SessionState.__setitem__


def keep_components_once() -> None:
    """From now on, for the pages of this process. May be called again."""
    SessionState.__setitem__ = _under_its_number  # type: ignore[method-assign]


def _under_its_number(state: SessionState, number: int, value: Any) -> None:
    if isinstance(value, Block):
        value._id = number
    _as_gradio_does(state, number, value)
