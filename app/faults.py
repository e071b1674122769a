"""What goes wrong that nobody foresaw: the visitor is told so, and the log gets its kind and its place, never what was
asked or answered. Gradio would write both down, with names and pictures in them.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState

UNFORESEEN = "Something went wrong on the server, and nothing was changed that is not shown. Its log says where."
NOT_UNDERSTOOD = "The server does not know what this page asks for: the page is not of today. Load it anew."


def note(error: BaseException) -> None:
    """Write into the log which errors led to each other and where, without their words, which may hold names."""
    lines = []
    seen: BaseException | None = error
    while seen is not None:
        lines += [f"{type(seen).__qualname__}, words left out\n", *reversed(traceback.format_tb(seen.__traceback__))]
        seen = seen.__cause__ or seen.__context__
    print("Traceback (most recent call first): " + "".join(lines), end="", file=sys.stderr, flush=True)


class Studio(gr.Blocks):
    """The page; of a failure it tells its visitor in words, and the log as ``note`` does."""

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> list[Any]:
        """What a component sent → what its handler takes. A stranger can send anything, and a page that was open before
        the server's last start what is no choice any more: too few values, or others. Raises gr.Error."""
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except Exception as error:
            raise gr.Error(NOT_UNDERSTOOD, print_exception=False) from error

    async def process_api(self, *args: Any, **more: Any) -> dict[str, Any]:
        """One event. Raises gr.Error, whatever happens."""
        try:
            return await super().process_api(*args, **more)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            note(error)
            raise gr.Error(UNFORESEEN, print_exception=False) from error
