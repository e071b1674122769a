"""Two sides of a comparison under one handle, as HTML; ``slide.js`` moves it and changes what lies under it."""

from __future__ import annotations

from html import escape

from app.workbench.compare import Side

FIRST = 2
"""The picture shown first, of ``PICTURES``: the second block still shows parts of a face."""
MIDDLE = 50
"""Where the handle begins, in percent from the left."""


def picture_names(side: Side) -> list[str]:
    """What the pictures of a side are called, in their order."""
    return ["face", *(f"block {block.number}" for block in side.looks[1].maps)]


def result_words(side: Side) -> str:
    """``Ada 0.628, match``: who is at rank 1 of a side."""
    if not side.bench.matches:
        return "nobody"
    best = side.bench.matches[0]
    return ", ".join([f"{best.person} {side.counted(best):.3f}", *([best.verdict] if best.verdict else [])])


def under_one_handle(sides: list[Side], pictures: list[list[str]]) -> str:
    """The first two sides; ``pictures`` are the addresses of every side's, in the order of :func:`picture_names`."""
    left, right = sides[0], sides[1]
    names = picture_names(left)
    titles = [side.title for side in sides]
    choices = _choice("left", "Left", titles, 0) + _choice("right", "Right", titles, 1)
    choices += _choice("picture", "Picture", names, FIRST)
    parts = f"{MIDDLE} % {left.title}, {100 - MIDDLE} % {right.title}"
    said = "".join(f'<p data-side="{place}">{_said(side)}</p>' for place, side in enumerate((left, right)))
    return (
        f'<div class="slide" role="group" aria-label="Two states under one handle"><div class="slide-choice">{choices}'
        f'</div><div class="slide-board" style="--at:{MIDDLE}%">'
        f'<img class="slide-under" src="{pictures[0][FIRST]}" alt="{_alt(left, names[FIRST])}">'
        f'<img class="slide-over" src="{pictures[1][FIRST]}" alt="{_alt(right, names[FIRST])}"><i></i>'
        f'<input type="range" min="0" max="100" value="{MIDDLE}" aria-label="Handle between the two states" '
        f'aria-valuetext="{escape(parts)}"></div><div class="slide-said">{said}</div></div>'
    )


def _choice(kind: str, label: str, names: list[str], chosen: int) -> str:
    options = "".join(
        f'<option value="{place}"{" selected" if place == chosen else ""}>{escape(name)}</option>'
        for place, name in enumerate(names)
    )
    return f'<label>{label} <select data-slide="{kind}">{options}</select></label>'


def _said(side: Side) -> str:
    return f"<b>{escape(side.title)}</b> {escape(result_words(side))}"


def _alt(side: Side, name: str) -> str:
    return f"{escape(side.title)}: {name}"
