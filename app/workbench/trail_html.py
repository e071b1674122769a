"""The strip of states left behind, as HTML."""

from __future__ import annotations

from html import escape

from app.kit.pictures import data_uri, thumbnail
from app.workbench.bench import Bench
from app.workbench.look import FOUND, PAINTED
from app.workbench.trail import State
from ssn.faces.occlude import OCCLUSIONS

SIDE = 52
"""Pixels of a picture: what it is shown with, for the strip is sent with every new state."""


def seen_as(bench: Bench) -> str:
    """The spectrum a bench's face is seen in, as people read it."""
    return "VIS" if bench.choice == "vis" else "simulated NIR" if bench.simulated_now else "NIR"


def hidden_part(bench: Bench) -> str:
    """What is hidden, in a few words."""
    if not bench.mask.any():
        return "nothing hidden"
    if bench.mode in (FOUND, PAINTED):
        return f"{100 * bench.occluded_share:.0f}\u00a0% {bench.mode}"
    return OCCLUSIONS[bench.mode].title.partition(" (")[0].lower() + " hidden"


def state_words(bench: Bench) -> str:
    """``Ada, lower half hidden, simulated NIR``."""
    words = [bench.photo.title, hidden_part(bench), seen_as(bench)]
    return ", ".join([*words, "like with like"] if bench.alike and bench.mask.any() else words)


def strip(states: tuple[State, ...], let_go: int = 0) -> str:
    """A button with a small picture for every state, the newest first; and how many were ``let_go`` of."""
    many = "1 earlier state" if let_go == 1 else f"{let_go} earlier states"
    told = f'<p class="facts">{many} made room for other pages.</p>' if let_go else ""
    if not states:
        return f'<div class="trail">{told}</div>' if told else ""
    buttons = []
    for state in states:
        assert state.bench.after is not None
        picture = data_uri(thumbnail(state.bench.after.face.pixels, SIDE), "WEBP")
        words, first = escape(state_words(state.bench)), state.bench.matches[0] if state.bench.matches else None
        rank = "" if first is None else f"<small>1 {escape(first.person)} {first.score:.2f}</small>"
        buttons.append(
            f'<li><button type="button" data-action="return" data-number="{state.number}" title="{words}" '
            f'aria-label="Return to {words}"><img src="{picture}" alt=""><span><b>{escape(state.bench.photo.title)}</b>'
            f"<em>{hidden_part(state.bench)}</em>{rank}</span></button></li>"
        )
    return f'<div class="trail"><h3 class="sub">Return to</h3><ol>{"".join(buttons)}</ol>{told}</div>'
