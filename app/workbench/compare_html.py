"""States beside each other, as HTML: pictures, ranking and verdict of each side, and the measures of all."""

from __future__ import annotations

from html import escape

from app.kit.notices import empty
from app.kit.pictures import css_gradient, data_uri, heat_map, thumbnail
from app.workbench.bench import Bench
from app.workbench.compare import Measure, Side
from app.workbench.trail_html import state_words
from ssn.gallery.verdict import css_class

MAP, FACE = 128, 128


def nothing_yet() -> str:
    """Before a comparison, and after the state it belonged to changed."""
    return empty("Press Compare: maps, ranking and scores of each side stand beside each other.")


def pinned_card(bench: Bench | None) -> str:
    """What is pinned."""
    if bench is None or bench.after is None:
        return '<p class="facts">Nothing is pinned.</p>'
    picture = data_uri(thumbnail(bench.after.face.pixels, 64))
    return f'<p class="pinned"><img src="{picture}" alt=""><span>Pinned: <b>{escape(state_words(bench))}</b></span></p>'


def comparison(sides: list[Side], rows: list[Measure]) -> str:
    """All of it but the joint plot."""
    tops = _tops(sides)
    shown = "".join(_side(side, top) for side, top in zip(sides, tops, strict=True))
    whose = "all sides" if _one_model(sides) else "its own side"
    legend = (
        f'<p class="facts with-legend"><i style="background:{css_gradient("response")}"></i> Selected response of '
        f"blocks 1 to 4: black is none, bright the most of {whose}.</p>"
    )
    return f'<div class="sides">{shown}</div>{legend}{_table(sides, rows)}'


def _one_model(sides: list[Side]) -> bool:
    return len({side.card.model_id for side in sides}) == 1


def _tops(sides: list[Side]) -> list[list[float]]:
    """The value that is brightest, for each side and block: one for all sides of a model, so that they compare."""
    own = [[float(block.response.max()) for block in side.looks[1].maps] for side in sides]
    if not _one_model(sides):
        return own
    return [[max(column) for column in zip(*own, strict=True)]] * len(sides)


def _side(side: Side, tops: list[float]) -> str:
    after = side.looks[1]
    pictures = [_picture(data_uri(thumbnail(after.face.pixels, FACE)), "the face", "face")]
    for block, top in zip(after.maps, tops, strict=True):
        picture = data_uri(heat_map(block.response, 0, top, "response", after.face.pixels, MAP))
        pictures.append(_picture(picture, f"response of block {block.number}", f"block {block.number}"))
    ranks = "".join(
        f'<li><b class="rank">{match.rank}</b><span class="name">{escape(match.person)}</span>'
        f'<span class="score">{side.counted(match):.3f}</span>'
        f'<em class="chip {css_class(match.verdict)}">{match.verdict}</em></li>'
        for match in side.bench.matches
    )
    head = f"<h3>{escape(side.title)} <small>{escape(side.hint)}</small></h3>"
    return f'<section>{head}<div class="row5">{"".join(pictures)}</div><ol class="ranks plain">{ranks}</ol></section>'


def _picture(source: str, alt: str, caption: str) -> str:
    return f'<figure class="cell"><img src="{source}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'


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
