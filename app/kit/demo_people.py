"""The demo set: synthetic people, their enrolment photos and their probes, as listed in ``people.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ssn.errors import DataError
from ssn.places import ASSETS

DEMO_FOLDER = ASSETS / "demo"
STRANGERS = 4
"""The last people of the list are left out of the demo gallery, so that "no match" can be tried too."""


@dataclass(frozen=True)
class DemoProbe:
    """A picture to try: ``spectrum`` and ``occlusion`` as the list states them, ``enrolled`` whether its person is."""

    person: str
    path: Path
    spectrum: str
    occlusion: str
    enrolled: bool


@dataclass(frozen=True)
class DemoPerson:
    name: str
    enrolment: Path


@dataclass(frozen=True)
class DemoSet:
    """``people`` are to be enrolled, ``probes`` are of them and of a few strangers."""

    people: tuple[DemoPerson, ...] = ()
    probes: tuple[DemoProbe, ...] = ()


def read_demo(folder: Path = DEMO_FOLDER) -> DemoSet:
    """The demo set of a folder, empty where there is no ``people.json``. Raises DataError where it is damaged."""
    listing = folder / "people.json"
    if not listing.is_file():
        return DemoSet()
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))["people"]
        known = len(entries) - STRANGERS if len(entries) > 2 * STRANGERS else len(entries)
        people = tuple(DemoPerson(e["name"], folder / e["enrolment"]) for e in entries[:known])
        probes = tuple(
            DemoProbe(e["name"], folder / p["file"], p["spectrum"], p["occlusion"], place < known)
            for place, e in enumerate(entries)
            for p in e["probes"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{listing.name} of the demo set is damaged.", "Restore assets/demo from the release."
        ) from error
    return DemoSet(people, probes)
