"""Enrolling and deleting as the page asks for it."""

from __future__ import annotations

import gradio as gr
import pytest

from app.gallery.enrol import EnrolPanel
from app.gallery.tab import GalleryTab, _said_again
from app.gallery.visit import Visit
from app.session import Sessions
from ssn.gallery.enrol import EnrolledAgain
from tests.app.conftest import event


@pytest.fixture
def page(services) -> GalleryTab:
    with gr.Blocks(), gr.Tab("Gallery") as tab:
        return GalleryTab(services, Sessions(), tab)


@pytest.fixture
def visit(page, visitor) -> Visit:
    return page.sessions.of(visitor).part(Visit)


def names(services) -> list[str]:
    return [person.name for person in services.gallery.people()]


def test_a_face_is_enrolled_once_it_is_chosen_and_named(services, page, visit, visitor, bench):
    assert "photo first" in page.on_enrol("vis", "Ada", "", visitor)[page.enrol.problem]
    visit.photo = bench.photo
    assert "one of the faces" in page.on_enrol("vis", "Ada", "", visitor)[page.enrol.problem]
    assert "Choose another" in page.on_face(event(index=1), visitor)[page.enrol.problem]
    page.on_face(event(index=0), visitor)
    assert "name" in page.on_enrol("vis", "  ", "", visitor)[page.enrol.problem]
    assert visit.photo is bench.photo, "the photo stays"
    shown = page.on_enrol("nir", "  Ada   Lovelace ", "", visitor)
    assert "Ada Lovelace is enrolled" in shown[page.enrol.problem]
    assert names(services) == ["Ada Lovelace"]
    assert "NIR" in shown[page.person.details]
    assert visit.photo is None
    visit.photo, visit.index = bench.photo, 0
    assert "further template" in page.on_enrol("vis", "Ada Lovelace", "", visitor)[page.enrol.problem]


def test_nothing_is_deleted_before_the_question_is_answered(services, page, visitor, face):
    services.enrol("Ada", face, "test")
    person = services.gallery.people()[0].id
    page.on_delete("", visitor)
    page.on_ask(event(action="person", person=str(person)), visitor)
    page.on_keep(visitor)
    page.on_delete("", visitor)
    assert names(services) == ["Ada"]
    assert "Delete Ada" in page.on_ask(event(action="person", person=str(person)), visitor)[page.person.question]
    assert "Deleted" in page.on_delete("", visitor)[page.person.message]
    assert names(services) == []


def test_one_visitors_question_is_not_answered_by_another(services, page, visitor, face):
    services.enrol("Ada", face, "test")
    page.on_ask(event(action="person", person=str(services.gallery.people()[0].id)), visitor)
    page.on_delete("", gr.Request(session_hash="other"))
    assert names(services) == ["Ada"]


def test_a_person_that_is_gone_is_no_longer_shown(services, page, visit, visitor, face):
    services.enrol("Ada", face, "test")
    person = services.gallery.people()[0].id
    assert "<h3>Ada</h3>" in page.on_person("", event(person=str(person)), visitor)[page.person.details]
    services.delete("person", person)
    assert "Choose a person" in page.on_open("", visitor)[page.person.details]
    assert visit.person is None


def test_the_enrol_panel_says_that_the_face_is_stored(services):
    with gr.Blocks():
        panel = EnrolPanel(services)
    assert "stores the cut-out face" in panel.photo.html_template
    assert "Kept in memory only" not in panel.photo.html_template


@pytest.mark.parametrize(("count", "words"), [(1, "1 template was added."), (2, "2 templates were added.")])
def test_counts_are_counts(count, words):
    assert words in _said_again(EnrolledAgain(count, ()))
