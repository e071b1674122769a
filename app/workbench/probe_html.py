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


def examples(probes: Sequence[DemoProbe]) -> str:
    """A strip of probes to try: a column for each person, the complete face above the first occluded one."""
    if not probes:
        return empty("The demo set is not installed: assets/demo holds no people.json.")
    columns: dict[str, dict[bool, str]] = {}
    for place, probe in enumerate(probes):
        column = columns.setdefault(probe.person, {})
        column.setdefault(probe.occlusion == "none", _example(probe, place))
    cells = (
        "".join(column[complete] for complete in (True, False) if complete in column) for column in columns.values()
    )
    return f'<div class="strip">{"".join(f"<div>{cell}</div>" for cell in cells)}</div>'


def _example(probe: DemoProbe, place: int) -> str:
    words = ["simulated NIR" if probe.spectrum == "nir-simulated" else probe.spectrum.upper()]
    words += [] if probe.occlusion == "none" else [probe.occlusion]
    words += [] if probe.enrolled else ["not in the gallery"]
    label = f"{probe.person}: {', '.join(words)}"
    note = "stranger" if not probe.enrolled else probe.occlusion if probe.occlusion != "none" else ""
    return (
        f'<button type="button" data-action="example" data-place="{place}" title="{escape(label)}">'
        f'<img src="{_thumb(probe.path)}" alt="{escape(label)}"><span>{escape(note)}</span></button>'
    )


def _thumb(path: Path) -> str:
    return data_uri(thumbnail(read_image(path), 96, THUMB_SHARE))
