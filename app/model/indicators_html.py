"""The indicators of the loaded model as HTML: what the search found, over nobody's face, and what it did to
recognition."""

from __future__ import annotations

from html import escape

import numpy as np

from app.kit.notices import error_notice
from app.kit.pictures import css_gradient, data_uri, heat_map, indicator_ends
from ssn.answers.indicators import FIRST, BlockIndicators, Gain, Indicators, base_of, gains, learned_indicators
from ssn.errors import SSNError
from ssn.explanation.methods.mean_face import mean_face
from ssn.faces.parts import REGIONS
from ssn.models.card import ModelCard
from ssn.recognizer import Recognizer

PART_NAMES = {"around": "around the face"}
PROTOCOL = "lfw"
"""Whose measures tell what the search did to recognition."""
PROBES = {"vis": "VIS", "nir": "NIR", "nir-simulated": "simulated NIR"}
ADAPTIVE = " This model uses our extension: a correction that depends on the face is added to M."
SEARCHED = (
    "The indicators σ(M) come from an automatic feature search: one set for NIR and one for VIS, the same for every "
    "face."
)
UNSEARCHED = (
    f"The indicators σ(M) of this model are uniform at {FIRST:.2f}: no search has been run for it. The selected "
    "response and the shift are real and follow every occlusion; the indicator pictures carry no information yet."
)


def saliency_section(recognizer: Recognizer) -> str:
    """What is inside the section; a sentence where there was no search."""
    card = recognizer.card
    kind = ADAPTIVE if card.selection == "adaptive" else ""
    if not card.searched:
        return f"<p>{UNSEARCHED}{kind}</p>"
    said = f"<p>{SEARCHED}{kind}</p>"
    try:
        found = learned_indicators(recognizer)
        return said + ("" if found is None else _found(found)) + _recognition(card)
    except SSNError as error:
        return said + error_notice(error)


def _found(found: Indicators) -> str:
    return (
        "<p>A block’s maps are multiplied by σ(M). Where a picture is bright, more of what the block saw goes on to "
        "the next layer; where it is dark, less. Below it: the least and the most of its places, and their mean. The "
        "face is the mean of people who do not exist; the picture is the same over any other.</p>"
        f"{_pictures(found)}<p>{_made_of(found)}</p>{_parts(found)}"
    )


def _pictures(found: Indicators) -> str:
    cells = [
        '<div class="corner"></div>',
        _head("NIR", "indicator", "min", "", "max"),
        _head("VIS", "indicator", "min", "", "max"),
        _head("NIR − VIS", "shift", "VIS", "0", "NIR"),
    ]
    for block in found.blocks:
        height, width = block.difference.shape
        size = f"<span>{block.channels} maps</span><span>{height} × {width}</span>"
        cells += [f'<div class="rowname"><b>Block {block.number}</b>{size}</div>', *_row(block)]
    return f'<div class="blocks learned">{"".join(cells)}</div>'


def _head(title: str, kind: str, *ends: str) -> str:
    named = "".join(f"<span>{end}</span>" for end in ends)
    legend = f'<div class="legend"><i style="background:{css_gradient(kind)}"></i>{named}</div>'
    return f'<div class="head"><h3>{title}</h3>{legend}</div>'


def _row(block: BlockIndicators) -> list[str]:
    cells = []
    for branch, learned in (("nir", block.nir), ("vis", block.vis)):
        places = learned.places
        picture = heat_map(places, *indicator_ends(places, adaptive=False), "indicator", _face(branch))
        text = f"{places.min():.2f} to {places.max():.2f}<br>mean {learned.mean:.2f}"
        cells.append(_cell(picture, f"{branch.upper()} indicator of block {block.number}", text))
    change = block.difference
    reach = float(np.abs(change).max())
    picture = heat_map(change, -reach, reach, "shift", _face("vis"))
    text = f"±{reach:.2f}<br>mean {change.mean():+.3f}".replace("-", "−")
    return [*cells, _cell(picture, f"NIR minus VIS indicator of block {block.number}", text)]


def _cell(picture, alt: str, text: str) -> str:
    source = data_uri(picture, "WEBP")
    return f'<figure class="cell"><img src="{source}" alt="{alt}"><figcaption>{text}</figcaption></figure>'


def _face(branch: str) -> np.ndarray:
    """The mean face, (128, 128, 3) uint8."""
    gray = np.round(255 * mean_face(branch)).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def _made_of(found: Indicators) -> str:
    """How M is tied, and how far it has moved."""
    if found.tied > 1:
        made = (
            f"M is tied: for each block and spectrum it is a number for every channel plus a map of {found.tied} × "
            f"{found.tied} places that all channels share, smoothly enlarged. So nothing finer than that can be read "
            "in the pictures."
        )
    elif found.tied == 1:
        made = "M is tied: it is a number for every channel, the same at every place."
    else:
        made = "M is free: every channel has its own value at every place."
    low = min(learned.low for block in found.blocks for learned in (block.nir, block.vis))
    high = max(learned.high for block in found.blocks for learned in (block.nir, block.vis))
    moved = (
        f" All of it began at {FIRST:.2f}; the search moved σ(M) by {found.moved:.2f} on average. Nine of ten single "
        f"values, of a channel at a place, lie between {low:.2f} and {high:.2f}; the pictures are means over the "
        "channels, which lie closer together."
    )
    return made + moved


def _parts(found: Indicators) -> str:
    names = [name for name in REGIONS if name in found.blocks[0].nir.parts]
    means = {name: found.part(name) for name in names}
    rows = [[_name(name), *(f"{value:.3f}" for value in means[name])] for name in names]
    every = [
        [_name(name), *(f"{b.nir.parts[name]:.2f} / {b.vis.parts[name]:.2f}" for b in found.blocks)] for name in names
    ]
    apart = max(max(pair) for pair in means.values()) - min(min(pair) for pair in means.values())
    heads = ["NIR / VIS", *(f"Block {block.number}" for block in found.blocks)]
    return (
        _table(["Mean σ(M)", "NIR", "VIS"], rows)
        + "<p>By the parts of the mean face, the mean of the four blocks. Between the lowest and the highest lies "
        f"{apart:.3f}.</p>"
        f"<details><summary>Block by block</summary>{_table(heads, every)}</details>"
    )


def _name(part: str) -> str:
    return PART_NAMES.get(part, part)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{head}</th>" for head in heads)
    body = "".join(f"<tr><th>{first}</th>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>" for first, *rest in rows)
    return f'<table class="measures"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def _recognition(card: ModelCard) -> str:
    """Is it the better for the search? As far as the cards say. Raises CheckpointError."""
    base = base_of(card)
    found = [] if base is None else gains(card, base, PROTOCOL)
    if base is None or not found:
        return "<p>Whether it recognises better than the network its search began with is not written in its file.</p>"
    rows = [
        [
            f"{PROBES.get(gain.spectrum, gain.spectrum)}, {gain.occlusion}",
            f"{100 * gain.own:.1f}",
            f"{100 * gain.base:.1f}",
        ]
        for gain in found
    ]
    heads = [f"Rank-1 on {PROTOCOL.upper()}, percent", "this model", "its base"]
    return (
        f"<h3>Does it recognise better for it?</h3><p>{_verdict(found)} Its base is {escape(base.name)}, which the "
        "search began with.</p>" + _table([escape(head) for head in heads], rows)
    )


def _verdict(found: list[Gain]) -> str:
    ahead, behind = (sum(sign * (gain.own - gain.base) > 0 for gain in found) for sign in (1, -1))
    count = f"Of {len(found)} kinds of probe it is ahead of its base in {ahead} and behind in {behind}"
    if not any(gain.clear for gain in found):
        return (
            f"No: about as well. {count}, never by more than chance makes of so many probes. What the pictures show "
            "is what the network selects, not why it would be better."
        )
    clear = [gain.own > gain.base for gain in found if gain.clear]
    return f"{count}; by more than chance in {sum(clear)} and {len(clear) - sum(clear)} of them."
