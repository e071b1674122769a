"""What the Occlusion panel says of the face, as HTML."""

from __future__ import annotations

from html import escape

from app.workbench.bench import Bench
from app.workbench.look import FOUND

NOTICED = 0.02
"""Share of a face below which nothing is said to cover it: of complete faces 0.7 % of the pixels are called hidden."""


def occlusion_facts(bench: Bench | None, device: str) -> str:
    """What the network sees, and how long it took."""
    if bench is None or bench.after is None:
        return ""
    spectrum = "VIS" if bench.choice == "vis" else ("simulated NIR" if bench.simulated_now else "NIR")
    hidden = f"{100 * bench.occluded_share:.1f} %"
    cover = f'<p class="cover">{said}</p>' if (said := cover_words(bench)) else ""
    return (
        f'{cover}<p class="facts" data-hidden="{hidden}">Seen as <b>{spectrum}</b>, <b>{hidden}</b> hidden. '
        f"Maps and search {bench.looked_ms:.0f} ms on {escape(device)}; faces were found once, in "
        f"{bench.photo.found_ms:.0f} ms when the photo was opened, and are cached.</p>"
    )


def cover_words(bench: Bench) -> str:
    """What is said of something worn or held before the face; empty where there is none to speak of and nobody
    asked."""
    share, found = None if bench.before is None else bench.before.covered_share, bench.mode == FOUND
    if share is None:
        return ""
    if share < NOTICED:
        return "Nothing is seen before this face." if found else ""
    seen = f"Something seems to cover <b>{100 * share:.0f} %</b> of this photographed face"
    if not found:
        return f"{seen}. <b>Found</b> hides what is surely opaque." if bench.mode == "none" else ""
    if not bench.mask.any():
        return f"{seen}, and lets light through: nothing is hidden, since what shines through still tells who it is."
    return f"{seen}; what is surely opaque of it is hidden now, {100 * bench.occluded_share:.0f} %."
