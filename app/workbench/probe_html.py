"""The examples of the Probe panel as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from app.kit.demo_people import DemoProbe
from app.kit.notices import empty
from app.kit.pictures import data_uri, thumbnail
from ssn.faces.read import read_image

THUMB_SHARE = 0.66
"""How much of a demo photo its thumbnail shows: the face, less of the room."""


COVERS = {"none": "Complete", "goggles": "Goggles", "surgical": "Surgical mask", "scarf": "Scarf"}
"""Titles of the groups of examples, in their order; another cover is a group under its own name."""


def examples(probes: Sequence[DemoProbe]) -> str:
    """Probes to try, in groups: complete, by what is worn, and strangers; of everybody the first picture of each
    kind. One group is open, the others say how many they hold."""
    if not probes:
        return empty("The demo set is not installed: assets/demo holds no people.json.")
    groups: dict[str, list[str]] = {title: [] for title in COVERS.values()}
    strangers: list[str] = []
    shown_already: set[tuple[str, str]] = set()
    for place, probe in enumerate(probes):
        if (probe.person, probe.occlusion) in shown_already:
            continue
        shown_already.add((probe.person, probe.occlusion))
        title = COVERS.get(probe.occlusion, probe.occlusion)
        (groups.setdefault(title, []) if probe.enrolled else strangers).append(_example(probe, place))
    groups["Strangers"] = strangers
    shown = [(title, cells) for title, cells in groups.items() if cells]
    rows = "".join(
        f'<details class="examples" name="examples"{" open" * (number == 0)}><summary>{escape(title)} '
        f'<small>{len(cells)}</small></summary><div class="thumbs">{"".join(cells)}</div></details>'
        for number, (title, cells) in enumerate(shown)
    )
    return f'<div data-roving role="group" aria-label="Examples: the arrow keys move among them">{rows}</div>'


def _example(probe: DemoProbe, place: int) -> str:
    words = ["simulated NIR" if probe.spectrum == "nir-simulated" else probe.spectrum.upper()]
    words += [] if probe.occlusion == "none" else [probe.occlusion]
    words += [] if probe.enrolled else ["not in the gallery"]
    label = f"{probe.person}: {', '.join(words)}"
    note = probe.occlusion if probe.occlusion != "none" and not probe.enrolled else ""
    return (
        f'<button type="button" data-action="example" data-place="{place}" title="{escape(label)}">'
        f'<img src="{_thumb(probe.path)}" alt="{escape(label)}"><span>{escape(note)}</span></button>'
    )


def _thumb(path: Path) -> str:
    return data_uri(thumbnail(read_image(path), 96, THUMB_SHARE))
