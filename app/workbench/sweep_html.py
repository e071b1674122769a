"""A sweep as HTML: sentences, the parts, and a map with a mark for every window."""

from __future__ import annotations

from html import escape

import numpy as np

from app.kit.notices import empty, notice
from app.kit.pictures import css_gradient, data_uri, heat_map, thumbnail
from ssn.faces.occlude import occlude
from ssn.faces.types import FACE_SIZE, AlignedFace
from ssn.gallery.sweep import Sweep, Tried
from ssn.gallery.sweep_words import headline, losing_words, smallest_words
from ssn.gallery.verdict import css_class

SIDE, PART = 320, 128
MARKS = {"match": "match", "uncertain": "uncertain", "no-match": "no match", "broken": "another person at rank 1"}


def nothing_yet() -> str:
    """Before a sweep, and after the face it belonged to changed."""
    return empty("Press Sweep: parts of the face, and a sliding window, are hidden in turn, and the gallery is asked.")


def parts(sweep: Sweep, face: AlignedFace) -> str:
    """The sentence to remember, and the four parts. ``face`` is the one that was swept."""
    stopped = notice(f"Stopped after {100 * sweep.done:.0f} %.", "warn") if sweep.done < 1 else ""
    tried = "".join(_part(sweep, one, face) for one in sweep.parts)
    return f'{stopped}<p class="headline">{escape(headline(sweep))}</p><ul class="parts">{tried}</ul>'


def windows(sweep: Sweep, face: AlignedFace) -> str:
    """How far the score falls, over the face, with a mark in the middle of every window, and what they say in words."""
    if not sweep.windows:
        return ""
    said = "".join(f"<p>{escape(words)}</p>" for words in (smallest_words(sweep, face), losing_words(sweep)))
    facts = f"Hidden pixels are black; scores are the ordinary ones. {sweep.seconds:.1f} s in all."
    return f'<div class="swept">{_map(sweep, face)}{said}<p class="facts">{facts}</p></div>'


def _part(sweep: Sweep, tried: Tried, face: AlignedFace) -> str:
    picture = data_uri(thumbnail(occlude(face, tried.place.mask).pixels, PART))
    best, broken = tried.best, sweep.breaks(tried)
    own = f" <small>{escape(sweep.person)} {tried.score:.3f}</small>" if broken else ""
    kind = "broken" if broken else css_class(best.verdict)
    return (
        f'<li class="{kind}"><img src="{picture}" alt=""><div><h3>{tried.place.name} hidden</h3>'
        f"<p>Rank 1 {'becomes' if broken else 'stays'} <b>{escape(best.person)}</b> {best.score:.3f}{own}</p>"
        f'<em class="chip {css_class(best.verdict)}">{best.verdict}</em></div></li>'
    )


def _map(sweep: Sweep, face: AlignedFace) -> str:
    fall = sweep.fall()
    reach = float(np.abs(fall).max()) or 1.0
    picture = data_uri(heat_map(fall, -reach, reach, "shift", face.pixels, SIDE))
    marks = "".join(_mark(sweep, tried) for tried in sweep.windows)
    frame, framed = "", ""
    if sweep.smallest is not None:
        (x, y), size = sweep.smallest.place.corner, sweep.smallest.place.size
        frame = f'<rect class="smallest" x="{x + 0.5}" y="{y + 0.5}" width="{size - 1}" height="{size - 1}"/>'
        framed = '<span><i class="frame"></i>smallest window that breaks the match</span>'
    legend = "".join(f'<span><i class="dot {kind}"></i>{said}</span>' for kind, said in MARKS.items())
    box = f"0 0 {FACE_SIZE} {FACE_SIZE}"
    return (
        f'<figure><div class="stack"><img src="{picture}" alt="How far the score falls where a window is hidden">'
        f'<svg viewBox="{box}" role="img" aria-label="Rank 1 for every window">{marks}{frame}</svg>'
        f'</div><figcaption><i style="background:{css_gradient("shift")}"></i><span>hiding raises the score</span>'
        f'<span>±{reach:.3f}</span><span>lowers it</span></figcaption><p class="marks">{legend}{framed}</p></figure>'
    )


def _mark(sweep: Sweep, tried: Tried) -> str:
    x, y = (corner + tried.place.size / 2 for corner in tried.place.corner)
    kind = "broken" if sweep.breaks(tried) else css_class(tried.best.verdict)
    said = f"{escape(tried.best.person)} {tried.best.score:.3f}, {tried.best.verdict}"
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="2.6"><title>{said}</title></circle>'
