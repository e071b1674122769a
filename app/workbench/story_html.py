"""What the story says, as HTML."""

from __future__ import annotations

from html import escape

from app.workbench.story import TITLES


def story_text(text: str, step: int | None = None) -> str:
    """A sentence or two; ``step`` is the one they belong to, in words: the panels below are what has numbers."""
    number = "" if step is None else f'<b class="story-step">Step {step} of {len(TITLES)}</b> '
    return f'<p class="story-text" role="status" data-step="{step or 0}">{number}<span>{escape(text)}</span></p>'
