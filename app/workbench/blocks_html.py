"""The block pictures as HTML: what each of the four blocks made of the face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.kit.notices import notice
from app.kit.pictures import css_gradient, data_uri, heat_map, indicator_ends, is_uniform
from app.workbench.bench import Bench
from ssn.models.block_maps import BlockMap, energy_share, inside_and_outside, seen_through, shift
from ssn.models.card import ModelCard

START = """
<div class="empty start"><h3>What did the network look at, and whom did it find?</h3><ol>
<li><b>Choose a probe:</b> a photo, the camera, or one of the examples.</li>
<li><b>Hide a part of the face:</b> eyes, lower half, or whatever you paint.</li>
<li><b>Watch</b> the four blocks and the ranking follow, stroke by stroke.</li>
</ol></div>"""


def _legend(kind: str, low: str, middle: str, high: str) -> str:
    return (
        f'<div class="legend"><i style="background:{css_gradient(kind)}"></i>'
        f"<span>{low}</span><span>{middle}</span><span>{high}</span></div>"
    )


def differs(card: ModelCard) -> bool:
    """Can this model's indicators say more than a single number?"""
    return card.searched or card.selection == "adaptive"


def _uniform(indicators: Sequence[np.ndarray | None]) -> bool:
    return all(is_uniform(indicator) for indicator in indicators)


def _indicator_caption(card: ModelCard, shown: str, seen: bool) -> str:
    times = ", times v, how visible this face is there" if seen else ""
    if card.selection == "adaptive":
        return f"σ(M + δ) for {shown.upper()}{times}. δ depends on this face (our extension)."
    return f"σ(M) for {shown.upper()}, the same for every face{times}."


def _note(shown: str, own: bool, indicators: Sequence[np.ndarray | None]) -> str:
    """Why there is no column of indicators, or whose it is."""
    if all(indicator is None for indicator in indicators):
        return notice("This model has no pixel selection, so there are no indicators.")
    if _uniform(indicators):
        return notice("No saliency search has been run for this model: its indicators say nothing and are left out.")
    if not own:
        return notice(f"Shown is the {shown.upper()} indicator; this probe went through the other one.")
    return ""


PLAIN = {
    "indicator": "M is a number for every place of a block’s maps, found by the search; σ presses it between 0 and 1. "
    "The maps are multiplied by it: where it is high more of what was seen goes on, where it is low less. ",
    "response": "What reached the next layer: bright where the network found something it uses. It is black where "
    "nothing did, for instance behind a mask.",
    "shift": "What the hidden part changed: red where the network now reacts more than to the complete face, blue "
    "where it reacts less, white is no change.",
}
"""What the pictures mean, without a formula."""
SEEN = (
    "v comes from a network of its own, which says for each pixel whether the face or something before it is seen; it "
    "darkens the picture where the face is hidden. Recognition itself multiplies by σ(M) alone. "
)
COLOURED = {
    False: "The colours go from the least to the most of each block, so that the differences show; the numbers below "
    "say how large they are.",
    True: "The colours go from 0 to 1.",
}
"""How an indicator is coloured, by whether it is adaptive; see ``indicator_ends``."""
ENDS = {False: ("min", "", "block max"), True: ("0", "0.5", "1")}


def _head(kind: str, title: str, text: str, ends: tuple[str, str, str], more: str = "") -> str:
    plain = f'<details class="plain"><summary>In plain words</summary><p>{PLAIN[kind]}{more}</p></details>'
    return f'<div class="head"><h3>{title}</h3>{_legend(kind, *ends)}<p>{text}</p>{plain}</div>'


def block_pictures(
    bench: Bench | None, card: ModelCard, indicators: Sequence[np.ndarray | None], shown: str, overlay: bool
) -> str:
    """Four rows of pictures: indicator (where it differs from pixel to pixel), selected response, shift against the
    complete face."""
    if bench is None or bench.after is None:
        return START
    before, after = bench.looks
    with_indicator = not _uniform(indicators)
    cells = ['<div class="corner"></div>']
    if with_indicator:
        adaptive = card.selection == "adaptive"
        seen = after.visibility is not None
        said = _indicator_caption(card, shown, seen)
        more = (SEEN if seen else "") + COLOURED[adaptive]
        cells.append(_head("indicator", "Saliency" if seen else "Indicator", said, ENDS[adaptive], more))
    said = "Mean |Ŷ| over channels. “Mask”: its share behind the mask."
    cells.append(_head("response", "Selected response", said, ("0", "", "block max")))
    cells.append(_head("shift", "Shift", "Response now minus that of the complete face.", ("less", "0", "more")))
    for now, complete, indicator in zip(after.maps, before.maps, indicators, strict=True):
        size = f"<span>{now.channels} maps</span><span>{now.response.shape[0]} × {now.response.shape[1]}</span>"
        cells.append(f'<div class="rowname"><b>Block {now.number}</b>{size}</div>')
        if with_indicator:
            cells.append(_indicator_cell(bench, card, indicator, now.number, before.face.pixels if overlay else None))
        cells += _response_and_shift(bench, now, complete, overlay)
    note, kind = _note(shown, shown == after.face.branch, indicators), "" if with_indicator else " two"
    return f'{note}<div class="blocks{kind}">{"".join(cells)}</div>'


def _indicator_cell(
    bench: Bench, card: ModelCard, indicator: np.ndarray | None, number: int, under: np.ndarray | None
) -> str:
    if indicator is None:
        return '<div class="cell none">no indicator in this block</div>'
    low, high = float(indicator.min()), float(indicator.max())
    text = f"{low:.2f} everywhere" if is_uniform(indicator) else f"{low:.2f} to {high:.2f}"
    if card.selection == "adaptive" and 0 < bench.mask.mean() < 1:
        text += f" · mask\u00a0{inside_and_outside(indicator, bench.mask)[0]:.2f}"
    ends = indicator_ends(indicator, card.selection == "adaptive")
    seen = None if bench.after is None else bench.after.visibility
    shown = indicator if seen is None else seen_through(indicator, seen)
    name = "Indicator" if seen is None else "Saliency"
    return _cell(heat_map(shown, *ends, "indicator", under), f"{name} of block {number}", text)


def _response_and_shift(bench: Bench, now: BlockMap, complete: BlockMap, overlay: bool) -> list[str]:
    under = [look.face.pixels if overlay else None for look in bench.looks]
    top = float(complete.response.max())
    change = shift(now, complete)
    reach = float(np.abs(change).max())
    inside = f" · mask {100 * energy_share(now, bench.mask):.0f}\u00a0%" if bench.mask.any() else ""
    text = f"≤ {_number(top)}{inside}" if inside else f"max {_number(top)}"
    response = _cell(
        heat_map(now.response, 0, top, "response", under[1]), f"Selected response of block {now.number}", text
    )
    text = f"±{_number(reach)}" if reach > 0 else "nothing hidden: 0"
    return [response, _cell(heat_map(change, -reach, reach, "shift", under[0]), f"Shift of block {now.number}", text)]


def _number(value: float) -> str:
    """Three digits; large ones as a power of ten, since unnormalised responses grow from block to block."""
    if value < 1e4:
        return f"{value:.3g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}·10<sup>{int(power)}</sup>"


def _cell(picture, alt: str, text: str) -> str:
    source = data_uri(picture, "WEBP")
    return f'<figure class="cell"><img src="{source}" alt="{alt}"><figcaption>{text}</figcaption></figure>'
