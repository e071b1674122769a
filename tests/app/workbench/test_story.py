"""The story: what it says is what came of each step."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from app.kit.demo_people import DemoPerson, DemoProbe, DemoSet
from app.session import Sessions
from app.workbench import bench as steps
from app.workbench import story as tale
from app.workbench.story import Cast, find_cast, take_step, told
from app.workbench.story_html import story_text
from app.workbench.tab import build_workbench
from ssn.errors import DataError
from ssn.gallery.store import Match
from ssn.places import ASSETS

PICTURE = ASSETS / "mean_face.png"


def probe(person: str, occlusion: str = "none", enrolled: bool = True) -> DemoProbe:
    return DemoProbe(person, PICTURE, "nir-simulated", occlusion, enrolled)


PROBES = (
    *(probe(name, worn) for name in ("Ada", "Ben") for worn in ("none", "surgical")),
    *(probe("Cleo", worn) for worn in ("none", "scarf")),
    probe("Zoe", enrolled=False),
)
DEMO = DemoSet(tuple(DemoPerson(name, PICTURE) for name in ("Ada", "Ben", "Cleo")), PROBES)


def ranked(bench, person: str, verdict="match"):
    return replace(bench, matches=(Match(1, person, 1, 0.5, 1, verdict),), complete_scores=(0.5,))


@pytest.fixture
def acted(services, bench, face, monkeypatch):
    """Services whose network mistakes Ben behind a mask and finds him once it is hidden, and never mistakes Ada."""
    for name in ("Ada", "Ben", "Cleo"):
        services.enrol(name, face, "test")
    opened = []

    def open_example(services, probe, like=None):
        opened.append(probe)
        photo = replace(bench.photo, title=probe.person, simulated=True)
        start = replace(bench, photo=photo, index=0, alike=bool(like and like.alike))
        wrong = probe.person == "Ben" and probe.occlusion != "none"
        return ranked(start, "Ada" if wrong else probe.person)

    def set_mode(services, bench, mode):
        return ranked(replace(bench, mode=mode, mask=np.ones((128, 128), bool)), bench.photo.title)

    monkeypatch.setattr(steps, "open_example", open_example)
    monkeypatch.setattr(steps, "set_mode", set_mode)
    return replace(services, demo=DEMO), opened


def test_the_one_is_shown_whom_the_mask_hides(acted):
    services, _ = acted
    cast = find_cast(services)
    assert (cast.complete.person, cast.covered.person, cast.stranger.person) == ("Ben", "Ben", "Zoe")
    assert cast.covered.occlusion == "surgical"


def test_whom_nobody_mistakes_is_shown_where_the_cover_makes_them_uncertain(acted, monkeypatch):
    services, _ = acted
    opened, hid = steps.open_example, steps.set_mode

    def example(services, probe, like=None):
        bench = opened(services, probe, like)
        covered = probe.occlusion != "none" and probe.person != "Ada"
        return ranked(bench, probe.person, "uncertain" if covered else "match")

    def hidden(services, bench, mode):
        return ranked(
            hid(services, bench, mode), bench.photo.title, "no match" if bench.photo.title == "Ben" else "match"
        )

    monkeypatch.setattr(steps, "open_example", example)
    monkeypatch.setattr(steps, "set_mode", hidden)
    cast = find_cast(services)
    assert (cast.complete.person, cast.covered.occlusion) == ("Cleo", "scarf")
    said = {step: told(step, take_step(services, cast, step, None), "scarf") for step in (1, 2, 3)}
    assert "Cleo is at rank 1 and called a match." in said[1]
    assert "wears a scarf" in said[2]
    assert "Cleo is still at rank 1, but only called uncertain." in said[2]
    assert "the scarf cannot speak" in said[3]
    assert said[3].endswith("Cleo is at rank 1 and called a match.")


def test_without_the_demo_people_there_is_no_story(services):
    with pytest.raises(DataError, match="not in this gallery"):
        find_cast(replace(services, demo=DEMO))


def test_every_step_says_what_came_of_it(acted):
    services, _ = acted
    cast = find_cast(services)
    said = {step: told(step, take_step(services, cast, step, None)) for step in (1, 2, 3, 5)}
    assert "Ben is at rank 1" in said[1]
    assert "Rank 1 is Ada, the wrong person, and called a match" in said[2]
    assert "Ben is at rank 1" in said[3]
    assert "an error of this model" in said[5], "Zoe is called a match here"


@pytest.mark.parametrize(
    ("step", "person", "verdict", "words"),
    [
        (1, "Ada", "match", "Rank 1 is Ada, the wrong person, and called a match."),
        (2, "Ben", "match", "Ben is still at rank 1 and called a match."),
        (2, "Ben", "uncertain", "Ben is still at rank 1, but only called uncertain."),
        (3, "Ada", "uncertain", "Rank 1 is Ada, the wrong person, called uncertain."),
        (3, "Ada", "no match", "Rank 1 is Ada, the wrong person."),
        (4, "Ada", "match", "speak for Ada"),
        (5, "Ada", "no match", "rightly refused"),
        (5, "Ada", "uncertain", "called uncertain"),
    ],
)
def test_nothing_is_claimed_that_did_not_happen(bench, step, person, verdict, words):
    shown = ranked(replace(bench, photo=replace(bench.photo, title="Ben")), person, verdict)
    assert words in told(step, shown)


def test_the_story_starts_afresh_but_keeps_the_rates(acted, bench):
    services, _ = acted
    before = steps.set_rate(services, replace(bench, alike=True), 0.05)
    assert not take_step(services, find_cast(services), 1, before).alike


def test_the_strip_leads_from_step_to_step(acted, visitor, monkeypatch):
    services, opened = acted
    with gr.Blocks(), gr.Tab("Workbench") as tab:
        desk = build_workbench(services, Sessions(), tab)
    monkeypatch.setattr(desk, "show", lambda panels, bench, branch, overlay: {})
    story = desk.story
    assert not story.why.interactive, "there is nobody to ask about yet"
    for step, following in ((1, 2), (2, 3), (3, 4)):
        shown = story.on_step(step, True, visitor)
        assert f'data-step="{step}"' in shown[story.text]
        primary = [number for number, button in story.buttons.items() if shown[button].variant == "primary"]
        assert primary == [following]
        assert shown[story.why].interactive
    shown = story.on_why(visitor)
    assert [n for n, button in story.buttons.items() if shown[button].variant == "primary"] == [5]
    shown = story.on_step(5, True, visitor)
    assert not shown[story.why].interactive
    chosen = len(opened)
    story.on_step(1, True, visitor)
    assert len(opened) == chosen + 1, "who is shown is found out once"


def test_where_the_demo_people_are_not_enrolled_the_strip_says_so(services, visitor):
    with gr.Blocks(), gr.Tab("Workbench") as tab:
        desk = build_workbench(replace(services, demo=DEMO), Sessions(), tab)
    shown = desk.story.on_step(1, True, visitor)
    assert "not in this gallery" in shown[desk.story.text]


def test_there_is_no_strip_without_demo_people(desk):
    assert not desk.story.text.parent.visible


def test_what_was_told_goes_with_what_was_shown(services, desk, bench, visitor):
    desk.visit(visitor)[1].put(steps.choose(services, bench, 0))
    shown = desk.occlusion.on_mode("maskTop", True, visitor)
    assert 'data-step="0"' in shown[desk.story.text]
    assert "Step" not in shown[desk.story.text]


def test_steps_are_counted_in_words_for_the_panels_have_the_numbers():
    said = story_text("Rank 1 is <b>.", 3)
    assert "Step 3 of 5" in said
    assert "stepno" not in said
    assert "&lt;b&gt;" in said
    assert "Step" not in story_text("Five of them.")
    assert not any(character.isdigit() for title in tale.TITLES.values() for character in title)
    assert Cast(PROBES[0], PROBES[1], PROBES[-1]).stranger.person == "Zoe"


def test_the_cover_is_found_and_hidden_or_the_lower_half_where_nothing_finds_it(acted, monkeypatch):
    services, _ = acted
    cast = find_cast(services)
    found = take_step(services, cast, 3, None)
    assert found.mode == "found"
    assert "surgical mask is found and hidden" in told(3, found)
    monkeypatch.setattr(type(services), "visibility", None)
    half = take_step(services, cast, 3, None)
    assert half.mode == "maskBottom"
    assert "lower half is hidden" in told(3, half)
