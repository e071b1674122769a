"""What the Occlusion panel says of the face, as HTML."""

from __future__ import annotations

from html import escape

from app.workbench.bench import Bench


def occlusion_facts(bench: Bench | None, device: str) -> str:
    """What the network sees, and how long it took."""
    if bench is None or bench.after is None:
        return ""
    spectrum = "VIS" if bench.choice == "vis" else ("simulated NIR" if bench.simulated_now else "NIR")
    hidden = f"{100 * bench.occluded_share:.1f} %"
    return (
        f'<p class="facts" data-hidden="{hidden}">Seen as <b>{spectrum}</b>, <b>{hidden}</b> hidden. '
        f"Maps and search {bench.looked_ms:.0f} ms on {escape(device)}; faces were found once, in "
        f"{bench.photo.found_ms:.0f} ms when the photo was opened, and are cached.</p>"
    )
