"""States beside each other, as HTML: pictures, ranking and verdict of each side, and the measures of all."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.kit.notices import empty
from app.kit.pictures import css_gradient, data_uri, heat_map, thumbnail
from app.workbench.bench import Bench
from app.workbench.compare import Measure, Side, pinned_titles
from app.workbench.slide_html import picture_names, result_words, under_one_handle
from app.workbench.trail_html import state_words
from ssn.gallery.verdict import css_class

SIDE = 192
"""Pixels of a picture: more than it takes beside the others, and enough for it under the handle."""


def nothing_yet() -> str:
    """Before a comparison, and after the state it belonged to changed."""
    return empty(
        "Press Compare: maps, ranking and scores of each side stand beside each other, two of them under a handle."
    )


def pinned_card(pinned: Sequence[Bench]) -> str:
    """What is pinned."""
    if not pinned:
        return '<p class="facts">Nothing is pinned.</p>'
    return "".join(_pinned(title, bench) for title, bench in zip(pinned_titles(len(pinned)), pinned, strict=True))


def _pinned(title: str, bench: Bench) -> str:
    picture = data_uri(thumbnail(bench.looks[1].face.pixels, 64))
    words = f"{title}: <b>{escape(state_words(bench))}</b>"
    return f'<p class="pinned"><img src="{picture}" alt=""><span>{words}</span></p>'


def comparison(sides: list[Side], rows: list[Measure]) -> str:
    """All of it but the joint plot."""
    tops = _tops(sides)
    pictures = [_pictures(side, top) for side, top in zip(sides, tops, strict=True)]
    shown = "".join(_side(side, own) for side, own in zip(sides, pictures, strict=True))
    whose = "all sides" if _one_model(sides) else "its own side"
    legend = (
        f'<p class="facts with-legend"><i style="background:{css_gradient("response")}"></i> Selected response of '
        f"blocks 1 to 4: black is none, bright the most of {whose}.</p>"
    )
    slide = under_one_handle(sides, pictures)
    return f'<div class="compared">{slide}<div class="sides">{shown}</div></div>{legend}{_table(sides, rows)}'


def _one_model(sides: list[Side]) -> bool:
    return len({side.card.model_id for side in sides}) == 1


def _tops(sides: list[Side]) -> list[list[float]]:
    """The value that is brightest, for each side and block: one for all sides of a model, so that they compare."""
    own = [[float(block.response.max()) for block in side.looks[1].maps] for side in sides]
    if not _one_model(sides):
        return own
    return [[max(column) for column in zip(*own, strict=True)]] * len(sides)


def _pictures(side: Side, tops: list[float]) -> list[str]:
    """The face, and what each block made of it."""
    after = side.looks[1]
    maps = (
        heat_map(block.response, 0, top, "response", after.face.pixels, SIDE)
        for block, top in zip(after.maps, tops, strict=True)
    )
    return [data_uri(picture) for picture in (thumbnail(after.face.pixels, SIDE), *maps)]


def _side(side: Side, pictures: list[str]) -> str:
    cells = "".join(
        f'<figure class="cell"><img src="{picture}" alt="{name}"><figcaption>{name}</figcaption></figure>'
        for picture, name in zip(pictures, picture_names(side), strict=True)
    )
    ranks = "".join(
        f'<li><b class="rank">{match.rank}</b><span class="name">{escape(match.person)}</span>'
        f'<span class="score">{side.counted(match):.3f}</span>'
        f'<em class="chip {css_class(match.verdict)}">{match.verdict}</em></li>'
        for match in side.bench.matches
    )
    head = f"<h3>{escape(side.title)} <small>{escape(side.hint)}</small></h3>"
    said = escape(result_words(side))
    shown = f'{head}<div class="row5">{cells}</div><ol class="ranks plain">{ranks}</ol>'
    return f'<section data-said="{said}">{shown}</section>'


def _table(sides: list[Side], rows: list[Measure]) -> str:
    changes = any(row.change for row in rows)
    head = "".join(f'<th scope="col">{escape(side.title)}</th>' for side in sides)
    last = f'<th scope="col">{escape(sides[0].title)} → {escape(sides[-1].title)}</th>' if changes else ""
    body = ""
    for row in rows:
        if any(row.values):
            cells = "".join(f"<td>{escape(value) or '–'}</td>" for value in row.values)
            cells += f"<td>{escape(row.change)}</td>" if changes else ""
            body += f'<tr><th scope="row">{escape(row.name)}</th>{cells}</tr>'
    return (
        f'<div class="wide"><table class="measures-of"><thead><tr><th scope="col">Measure</th>{head}{last}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
