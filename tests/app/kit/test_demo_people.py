"""The demo set as listed: who is enrolled, who stays a stranger, and what a damaged list is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.kit.demo_people import STRANGERS, DemoSet, read_demo
from ssn.errors import DataError


def write_listing(folder: Path, count: int) -> None:
    probe = {"file": "p.jpg", "spectrum": "nir-simulated", "occlusion": "none"}
    people = [{"name": f"P{i}", "enrolment": f"{i}.jpg", "probes": [probe]} for i in range(count)]
    (folder / "people.json").write_text(json.dumps({"people": people}))


def test_the_last_people_stay_strangers(tmp_path):
    write_listing(tmp_path, 24)
    demo = read_demo(tmp_path)
    assert len(demo.people) == 24 - STRANGERS
    assert [probe.enrolled for probe in demo.probes] == [True] * (24 - STRANGERS) + [False] * STRANGERS


def test_a_missing_demo_set_is_empty_and_a_damaged_one_is_an_error(tmp_path):
    assert read_demo(tmp_path) == DemoSet()
    (tmp_path / "people.json").write_text('{"people": [{"name": 1}]}')
    with pytest.raises(DataError):
        read_demo(tmp_path)
