"""What the tab can show: protocols to measure now, and earlier runs in the data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from app.first_start import data_folder
from ssn.data.registry import DATA_SETS, DataRequest
from ssn.errors import DataError

DRAWN = "synthetic"
"""The protocol whose people are drawn for a run."""
PEOPLE = (2, 100)
"""Fewest and most synthetic people of a visitor's run."""
USUAL_PEOPLE = 10


@dataclass(frozen=True)
class Source:
    """A protocol: ``title`` for people, and the folder of its set, None for drawn people."""

    name: str
    title: str
    root: Path | None = None

    def request(self, people: int) -> DataRequest:
        """What is asked of the registry. Raises DataError for more people than a visitor may draw."""
        if self.root is not None:
            return DataRequest(self.name, given={"root": self.root})
        if not PEOPLE[0] <= people <= PEOPLE[1]:
            raise DataError(f"{people} people cannot be drawn here.", f"Use {PEOPLE[0]} to {PEOPLE[1]}.")
        return DataRequest(self.name, given={"people": people})


def variable(name: str) -> str:
    """The environment variable that says where a set is: ``lamp-hq`` → ``SSN_LAMP_HQ``."""
    return "SSN_" + name.upper().replace("-", "_")


def sources() -> dict[str, Source]:
    """Synthetic people, and every set whose environment variable names a folder."""
    found = {DRAWN: Source(DRAWN, "Synthetic people")}
    for name, row in DATA_SETS.items():
        folder = os.environ.get(variable(name))
        if name != DRAWN and folder and Path(folder).is_dir():
            found[name] = Source(name, row.about, Path(folder))
    return found


def source_of(name: str) -> Source:
    """The source of that name. Raises DataError where it is not, or no longer, offered."""
    offered = sources()
    if name not in offered:
        raise DataError("That protocol is not here.", f"Set {variable(name)} to its folder, or choose another one.")
    return offered[name]


def runs_folder() -> Path:
    """Where earlier runs are looked for: what ``evaluate`` wrote, .npz or .json, is to be put there."""
    return data_folder() / "runs"


def earlier_runs() -> dict[str, Path]:
    """File name → path, by name; nothing where there is no such folder, or it is not this user's to look into."""
    try:
        folder = runs_folder()
        files = sorted(folder.iterdir()) if folder.is_dir() else []
    except (OSError, DataError):
        return {}
    return {path.name: path for path in files if path.suffix in (".npz", ".json") and path.is_file()}
