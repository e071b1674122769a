"""What an installed copy brings along: everything the code reads, at the place where it looks."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from ssn.places import ASSETS, CHECKOUT, CHECKPOINTS, INSTALLED, ROOT

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
SCREENSHOTS = ASSETS / "readme"
"""For the README alone."""


def test_every_asset_and_checkpoint_is_installed_where_it_is_looked_for():
    brought = {}
    for place, patterns in PROJECT["tool"]["setuptools"]["data-files"].items():
        for pattern in patterns:
            files = [path for path in CHECKOUT.glob(pattern) if path.is_file()]
            assert files, f"{pattern} matches nothing"
            brought |= {path: Path(place) / path.name for path in files}
    used = {path for folder in (ASSETS, CHECKPOINTS) for path in folder.rglob("*") if path.is_file()}
    used = {path for path in used if SCREENSHOTS not in path.parents and "__pycache__" not in path.parts}
    assert used <= brought.keys()
    share = Path(INSTALLED.parent.name) / INSTALLED.name
    assert {path: place for path, place in brought.items() if place != share / path.relative_to(ROOT)} == {}


def test_dependencies_stand_once_and_every_line_is_one():
    assert "dependencies" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["dependencies"] == {"file": ["requirements.txt"]}
    lines = [line.split("#")[0].strip() for line in (CHECKOUT / "requirements.txt").read_text().splitlines()]
    names = [Requirement(line).name for line in lines if line]
    assert len(names) == len(set(names)) > 10
