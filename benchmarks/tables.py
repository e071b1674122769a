"""Results as tables to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Heads, and rows of as many cells → the lines of a table in Markdown."""
    lines = [heads, *rows]
    head, *body = ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
    return [head, "|" + "---|" * len(heads), *body]
