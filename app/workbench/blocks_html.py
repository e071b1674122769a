"""The block pictures as HTML: what each of the four blocks made of the face."""

from __future__ import annotations

import numpy as np

from app.kit.notices import notice
from app.kit.pictures import css_gradient, data_uri, heat_map
from app.workbench.bench import Bench
from ssn.models.block_maps import energy_share, inside_and_outside, shift
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


def _indicator_caption(card: ModelCard, shown: str) -> str:
    if card.selection == "adaptive":
        return f"σ(M + δ) for {shown.upper()}. δ depends on this face (our extension)."
    return f"σ(M) for {shown.upper()}. The model's, the same for every face."


def _indicator_note(card: ModelCard, shown: str, own: bool, level: float | None) -> str:
    """What has to be said about the indicators before somebody reads too much into them."""
    if level is None:
        return notice("This model has no pixel selection, so there are no indicators.", "warn")
    said = ""
    if not card.searched:
        text = f"The indicators are uniform at {level:.2f}: no saliency search has been run for this model yet."
        said += notice(text, "warn", "Response and shift are real.")
    if not own:
        said += notice(f"Shown is the {shown.upper()} indicator; this probe went through the other one.", "info")
    return said


def block_pictures(
    bench: Bench | None, card: ModelCard, indicators: list[np.ndarray | None], shown: str, overlay: bool
) -> str:
    """Four rows of three pictures: indicator, selected response, shift against the complete face."""
    if bench is None or bench.after is None:
        return START
    own = shown == bench.after.face.branch
    level = None if indicators[0] is None else float(indicators[0].mean())
    under, complete = (bench.after.face.pixels, bench.before.face.pixels) if overlay else (None, None)
    heads = (
        ("Indicator", _indicator_caption(card, shown), ("0", "0.5", "1")),
        ("Selected response", "Mean |Ŷ| over channels. “Mask”: its share behind the mask.", ("0", "", "block max")),
        ("Shift", "Response now minus that of the complete face.", ("less", "0", "more")),
    )
    cells = ['<div class="corner"></div>']
    cells += [
        f'<div class="head"><h3>{title}</h3>{_legend(kind, *ends)}<p>{text}</p></div>'
        for kind, (title, text, ends) in zip(("indicator", "response", "shift"), heads, strict=True)
    ]
    for now, before, indicator in zip(bench.after.maps, bench.before.maps, indicators, strict=True):
        size = f"<span>{now.channels} maps</span><span>{now.response.shape[0]} × {now.response.shape[1]}</span>"
        cells.append(f'<div class="rowname"><b>Block {now.number}</b>{size}</div>')
        top = float(before.response.max())
        change = shift(now, before)
        reach = float(np.abs(change).max())
        label = f"block {now.number}"
        if indicator is None:
            cells.append('<div class="cell none">no indicator in this model</div>')
        else:
            low, high = float(indicator.min()), float(indicator.max())
            text = f"{level:.2f} everywhere" if high - low < 1e-4 else f"{low:.2f} to {high:.2f}"
            if card.selection == "adaptive" and 0 < bench.mask.mean() < 1:
                text += f" · mask\u00a0{inside_and_outside(indicator, bench.mask)[0]:.2f}"
            cells.append(_cell(heat_map(indicator, 0, 1, "indicator", complete), f"Indicator of {label}", text))
        inside = f" · mask {100 * energy_share(now, bench.mask):.0f} %" if bench.mask.any() else ""
        text = f"≤ {_number(top)}{inside}" if inside else f"max {_number(top)}"
        cells.append(_cell(heat_map(now.response, 0, top, "response", under), f"Selected response of {label}", text))
        text = f"±{_number(reach)}" if reach > 0 else "nothing hidden: 0"
        cells.append(_cell(heat_map(change, -reach, reach, "shift", complete), f"Shift of {label}", text))
    return f'{_indicator_note(card, shown, own, level)}<div class="blocks">{"".join(cells)}</div>'


def _number(value: float) -> str:
    """Three digits; large ones as a power of ten, since unnormalised responses grow from block to block."""
    if value < 1e4:
        return f"{value:.3g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}·10<sup>{int(power)}</sup>"


def _cell(picture, alt: str, text: str) -> str:
    return f'<figure class="cell"><img src="{data_uri(picture)}" alt="{alt}"><figcaption>{text}</figcaption></figure>'
