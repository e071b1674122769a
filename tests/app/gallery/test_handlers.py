"""Enrolling and deleting as the page asks for it."""

from __future__ import annotations

import base64
import io
import re

import gradio as gr
import pytest
from PIL import Image

from app.api.endpoints import Endpoints
from app.gallery.again import said_again
from app.gallery.enrol import EnrolPanel
from app.gallery.tab import GalleryTab
from app.gallery.visit import Visit
from app.session import Sessions
from ssn.answers.enrolling import Choices
from ssn.gallery.enrol import EnrolledAgain
from ssn.gallery.people_folder import Photo
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


@pytest.mark.parametrize(("count", "words"), [(1, "1 template added."), (2, "2 templates added.")])
def test_counts_are_counts(count, words):
    assert words in said_again(EnrolledAgain(count, ()))


# --- changing and undoing


@pytest.fixture
def two(services, page, visitor, face):
    """Ada, who is chosen, and Eve."""
    services.enrol("Ada", face, "test")
    services.enrol("Eve", face.with_(pixels=face.pixels[::-1].copy()), "test")
    page.on_person("", event(person=str(services.gallery.person("Ada").id)), visitor)
    return services


def test_the_chosen_person_is_renamed_and_noted_and_both_are_undone(two, page, visitor):
    shown = page.on_rename("Ada Lovelace", "", visitor)
    assert "Renamed" in shown[page.person.message]
    assert shown[page.person.edit.name] == "Ada Lovelace"
    assert "Renamed Ada to Ada Lovelace" in shown[page.care.last]
    shown = page.on_notes("left-handed", "", visitor)
    assert shown[page.person.edit.notes] == "left-handed"
    assert "Changed the notes" in page.on_undo("", visitor)[page.care.message]
    assert "Renamed" in page.on_undo("", visitor)[page.care.message]
    assert names(two) == ["Ada", "Eve"]
    assert "Eve is enrolled already" in page.on_rename("Eve", "", visitor)[page.person.message]
    assert "upper and lower case" in page.on_rename("EVE", "", visitor)[page.person.message]


def test_people_are_merged_and_the_other_is_shown(two, page, visit, visitor):
    assert "Nobody is enrolled as Zoe" in page.on_merge("Zoe", "", visitor)[page.person.message]
    shown = page.on_merge("Eve", "", visitor)
    assert "<h3>Eve</h3>" in shown[page.person.details]
    assert names(two) == ["Eve"]
    assert two.gallery.person("Eve").templates == 2
    page.on_undo("", visitor)
    assert names(two) == ["Ada", "Eve"]


def test_a_template_is_moved_at_once_and_deleted_only_when_asked(two, page, visitor):
    template = two.gallery.templates_of(two.gallery.person("Ada").id)[0][0]
    page.on_template("Cid", "", event(action="template", template=str(template)), visitor)
    assert names(two) == ["Ada", "Eve"]
    page.on_template("Cid", "", event(action="move", template=str(template)), visitor)
    assert names(two) == ["Cid", "Eve"]
    page.on_person("", event(person=str(two.gallery.person("Eve").id)), visitor)
    shown = page.on_template("", "", event(action="move", template="2"), visitor)
    assert "name must have" in shown[page.person.message]


def test_undo_takes_back_what_was_shown_and_nothing_else(two, page, visitor):
    two.gallery.set_notes(two.gallery.person("Eve").id, "by somebody else")
    assert "meanwhile" in page.on_undo("", visitor)[page.care.message]
    assert two.gallery.notes(two.gallery.person("Eve").id) == "by somebody else"


def test_the_gallery_is_counted_verified_exported_and_imported(two, page, visitor):
    assert "<dd>2</dd>" in page.on_count(visitor)[page.care.result]
    assert "all sound" in page.on_verify(visitor)[page.care.message]
    link = page.on_export(visitor)[page.care.result]
    data = re.search('base64,([^"]+)', link).group(1)
    two.delete("person", two.gallery.person("Ada").id)
    shown = page.on_import("", event(data=data, size=len(data)), visitor)
    assert "Imported: 1 template; people in the file: 2. Already there: 1 template." in shown[page.care.message]
    assert names(two) == ["Ada", "Eve"]
    assert "damaged" in page.on_import("", event(data=data[:400], size=400), visitor)[page.care.message]
    assert "more than" in page.on_import("", event(data="", size=10**9), visitor)[page.care.message]
    assert "damaged" in page.on_import("", event(data="§", size=1), visitor)[page.care.message]


def test_a_face_that_looks_like_somebody_is_told(services, page, visit, visitor, bench):
    for name in ("Ada", "Bea", "Cleo"):
        visit.photo, visit.index = bench.photo, 0
        shown = page.on_enrol("vis", name, "", visitor)[page.enrol.problem]
        assert "between the eyes" in shown
        assert ("looks like" in shown) == (name != "Ada")
    assert "Ada" in shown
    assert "Bea" in shown, "like two"


def test_another_page_of_a_file_can_be_enrolled(services, page, visit, visitor, demo):
    faces = [Image.open(person.enrolment).convert("RGB") for person in demo[:2]]
    out = io.BytesIO()
    faces[0].save(out, "TIFF", save_all=True, append_images=faces[1:])
    sent = base64.b64encode(out.getvalue()).decode()
    page.on_photo(event(data=sent, size=len(out.getvalue())), visitor)
    assert visit.photo.page == 0
    shown = page.on_face(event(action="page", page="1"), visitor)
    assert "Page 2 of 2" in shown[page.enrol.found]
    page.on_enrol("vis", demo[1].name, "", visitor)
    (person,) = services.gallery.people()
    (number, *_), *_ = services.gallery.templates_of(person.id)
    alone = services.recognizer.enrolment(services.finder.face(demo[1].enrolment))
    assert services.gallery.template(number).similarity(alone) > 0.99


@pytest.mark.parametrize("spectrum", ["vis", "nir"])
def test_the_same_photo_of_the_same_person_counts_once_at_every_door(services, page, visitor, demo, tmp_path, spectrum):
    content = demo[0].enrolment.read_bytes()
    sent = event(data=base64.b64encode(content).decode(), size=len(content))
    said = []
    for name in ("Ada", " Ada\u200b ", "Bea"):
        page.on_photo(sent, visitor)
        said.append(page.on_enrol(spectrum, name, "", visitor)[page.enrol.problem])
    assert "Ada is enrolled" in said[0]
    assert "was enrolled from this photo before" in said[1]
    assert "looks like" in said[2]
    (tmp_path / "again.jpg").write_bytes(content)
    again = services.enroller(spectrum).enrol(Photo(tmp_path / "again.jpg", "Ada", False), Choices())
    assert again.fate == "already"
    assert Endpoints(services).enrol(base64.b64encode(content).decode(), "Ada", spectrum)["already"]
    assert {person.name: person.templates for person in services.gallery.people()} == {"Ada": 1, "Bea": 1}
