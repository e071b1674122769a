"""What the story says, as HTML."""

from __future__ import annotations

from html import escape


def story_text(text: str, step: int | None = None) -> str:
    """A sentence or two; ``step`` is the one they belong to."""
    number = "" if step is None else f'<b class="stepno">{step}</b> '
    return f'<p class="story-text" role="status" data-step="{step or 0}">{number}<span>{escape(text)}</span></p>'
