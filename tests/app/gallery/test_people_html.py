"""The list of people: everybody by name, small pictures, and few questions to the gallery."""

from __future__ import annotations

import re

import gradio as gr
import numpy as np
import pytest

from app.gallery.people_html import MOST_SHOWN, gallery_facts, named_like, people_grid
from app.gallery.person_html import person_details
from app.gallery.tab import GalleryTab
from app.kit.pictures import encode
from app.session import Sessions
from ssn.gallery.sqlite import Gallery
from ssn.gallery.store import Person

EVIL = '<img src=x onerror="alert(1)">'


def test_names_are_escaped():
    person = Person(1, EVIL, 1, 1)
    for html in (people_grid([person], {}, 1, False), person_details(person, [(1, "vis", EVIL)])):
        assert "onerror" in html
        assert "<img src=x" not in html


def test_people_are_found_whatever_the_case():
    people = [Person(1, "Ada", 1, 1), Person(2, "Ben", 1, 1), Person(3, "Adam", 1, 1)]
    assert [person.name for person in named_like(people, " aDA ")] == ["Ada", "Adam"]
    assert "Nobody of that name" in people_grid([], {}, None, True)
    assert "Nobody is enrolled yet" in people_grid([], {}, None, False)


def test_a_long_list_is_cut_and_its_pictures_are_small():
    """Two hundred stored pictures of some 30 kB each would be sent again with every keystroke."""
    random = np.random.default_rng(4)
    smooth = np.kron(random.integers(60, 200, (8, 8, 3)), np.ones((16, 16, 1)))
    picture = encode((smooth + random.normal(0, 4, smooth.shape)).astype(np.uint8), "PNG")
    people = [Person(number, f"P{number}", 1, 1) for number in range(MOST_SHOWN + 7)]
    html = people_grid(people, dict.fromkeys(range(MOST_SHOWN + 7), picture), None, False)
    assert html.count("<button") == MOST_SHOWN
    assert "and 7 more" in html
    assert len(html) < MOST_SHOWN * len(picture) / 3


def test_a_damaged_picture_is_none():
    assert "<i></i>" in people_grid([Person(1, "Ada", 1, 1)], {1: b"no picture"}, None, False)


def test_people_of_other_models_are_told():
    assert "1 person was" in gallery_facts([Person(1, "Ada", 0, 1)], "m", 1)
    assert "notice" not in gallery_facts([Person(1, "Ada", 1, 1)], "m", 0)


@pytest.fixture
def page(services):
    with gr.Blocks(), gr.Tab("Gallery") as tab:
        return GalleryTab(services, Sessions(), tab)


def test_a_search_field_without_a_value_shows_everybody(services, page, face, visitor):
    services.enrol("Ada", face, "test")
    assert [person.name for person in named_like(services.gallery.people(), None)] == ["Ada"]
    for handler in (page.on_search, page.on_open):
        shown = handler(None, visitor)[page.list.people]
        assert "Ada" in shown
        assert "Nobody" not in shown


def count_queries(monkeypatch) -> list[str]:
    asked, really = [], Gallery._rows
    monkeypatch.setattr(Gallery, "_rows", lambda self, sql, *values: asked.append(sql) or really(self, sql, *values))
    return asked


def test_a_listing_asks_as_often_for_many_as_for_one(services, page, face, visitor, monkeypatch):
    services.enrol("P0", face, "test")
    asked = count_queries(monkeypatch)
    page.on_search("", visitor)
    once = len(asked)
    for number in range(1, 12):
        services.enrol(f"P{number}", face, "test")
    asked.clear()
    shown = page.on_search("", visitor)
    assert len(asked) == once <= 3
    assert len(re.findall("<button", shown[page.list.people])) == 12
    assert list(shown) == [page.list.people], "a keystroke sends the list alone"
    asked.clear()
    page.on_open("", visitor)
    assert sum("GROUP BY p.id" in sql for sql in asked) == 1, "people are listed once"
