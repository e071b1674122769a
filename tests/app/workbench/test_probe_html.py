"""The examples: in groups that say how many they hold."""

from __future__ import annotations

import re

from app.kit.demo_people import DemoProbe
from app.workbench.probe_html import examples


def test_examples_stand_in_groups_and_none_is_hidden_behind_a_strip(demo):
    picture = demo[0].enrolment
    probes = [
        DemoProbe("Ada", picture, "nir-simulated", "none", True),
        DemoProbe("Ada", picture, "nir-simulated", "scarf", True),
        DemoProbe("Ben", picture, "nir-simulated", "none", True),
        DemoProbe("Ben", picture, "nir-simulated", "surgical", True),
        DemoProbe("Zoe", picture, "nir-simulated", "goggles", False),
        DemoProbe("Cid", picture, "vis", "veil", True),
        DemoProbe("Ada", picture, "nir-simulated", "none", True),
    ]
    html = examples(probes)
    groups = re.findall(r"<summary>(.*?) <small>(\d+)</small></summary>", html)
    assert groups == [("Complete", "2"), ("Surgical mask", "1"), ("Scarf", "1"), ("veil", "1"), ("Strangers", "1")]
    assert html.count("<details") == 5
    assert html.count(" open>") == 1
    places = re.findall(r'data-place="(\d)"', html)
    assert sorted(places) == list("012345"), "each leads to its own picture, and Ada's second complete one is left out"
    stranger = html[html.index("Strangers") :]
    assert "not in the gallery" in stranger
    assert 'data-place="4"' in stranger


def test_an_empty_demo_set_says_what_is_missing():
    assert "people.json" in examples([])
