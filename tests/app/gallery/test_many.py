"""Enrolling many from a ZIP file, and embedding again, as the page asks for it."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator

import gradio as gr
import numpy as np
import pytest

from app.gallery.tab import GalleryTab
from app.gallery.visit import Visit
from app.kit.demo_people import DemoSet
from app.kit.pictures import encode
from app.services import Services
from app.session import Sessions
from ssn.gallery.archive import export_gallery
from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Template
from tests.app.conftest import event
from tests.gallery.toys import ToyFinder, picture

OTHER = "another-model"


@pytest.fixture(autouse=True)
def toy_finder(monkeypatch) -> ToyFinder:
    finder = ToyFinder()
    monkeypatch.setattr("app.services.shared_finder", lambda device: finder)
    return finder


def page_of(services: Services) -> GalleryTab:
    with gr.Blocks(), gr.Tab("Gallery") as tab:
        return GalleryTab(services, Sessions(), tab)


@pytest.fixture
def page(services) -> GalleryTab:
    return page_of(services)


def packed(entries: dict[str, bytes]) -> gr.EventData:
    """What the page sends of a ZIP file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return event(data=base64.b64encode(file.getvalue()).decode(), size=len(file.getvalue()))


def png(seed: int) -> bytes:
    file = io.BytesIO()
    picture(seed).save(file, "PNG")
    return file.getvalue()


def together(updates: Iterator[dict]) -> dict:
    """What the page shows at the end."""
    shown: dict = {}
    for update in updates:
        shown |= update
    return shown


def counts(services: Services) -> dict[str, int]:
    return {person.name: person.templates for person in services.gallery.people()}


def test_every_file_of_a_zip_has_a_line_and_the_same_one_adds_nothing(services, page, visitor):
    entries = {"Ada/1.png": png(1), "Ada/2.png": png(2), "李雷.png": png(3), "Ben/x.txt": b"x", "Eve/bad.png": b"bad"}
    entries |= {"../Mallory.png": png(4), "<b>O'Test/a.png": png(5)}
    shown = together(page.on_many("nir", "", packed(entries), visitor))
    said = shown[page.many.status]
    assert counts(services) == {"Ada": 2, "李雷": 1, "<b>O'Test": 1}
    assert "4 photos enrolled" in said
    assert "1 refused, 2 skipped" in said
    assert "leads out of the file" in said
    assert "<b>O'Test" not in said, "names are shown as they are"
    assert shown[page.many.cancel].interactive is False
    assert {template.spectrum for template in services.gallery.roster()} == {"nir"}
    assert "李雷" in shown[page.list.people]
    report = json.loads(base64.b64decode(re.search(r"application/json;base64,([^\"]+)", said)[1]))
    assert report["found"] == 7 == sum(len(report[key]) for key in ("enrolled", "refused", "skipped"))
    assert all(row["quality"]["hidden"] is not None for row in report["enrolled"]), "by the visibility network"
    again = together(page.on_many("nir", "", packed(entries), visitor))
    assert "4 enrolled before" in again[page.many.status]
    assert sum(counts(services).values()) == 4


def test_cancelling_finishes_the_photo_under_way_and_says_what_is_not_reached(services, page, visitor, monkeypatch):
    visit = page.sessions.of(visitor).part(Visit)
    find, calls = ToyFinder.find, []

    def cancel_at_the_second(self, image):
        calls.append(1)
        if len(calls) == 2:
            visit.running.stop()
        return find(self, image)

    monkeypatch.setattr(ToyFinder, "find", cancel_at_the_second)
    entries = {f"P{number}.png": png(number) for number in range(5)}
    said = together(page.on_many("vis", "", packed(entries), visitor))[page.many.status]
    assert "2 photos enrolled" in said
    assert "3 not reached" in said
    assert len(counts(services)) == 2
    said = together(page.on_many("vis", "", packed(entries), visitor))[page.many.status]
    assert "3 photos enrolled in the gallery, 2 enrolled before" in said


def test_what_is_no_zip_or_too_much_or_comes_twice_is_told(services, page, visitor, monkeypatch):
    bad = event(data=base64.b64encode(b"PK no").decode(), size=5)
    assert "no readable ZIP" in together(page.on_many("vis", "", bad, visitor))[page.many.status]
    large = event(data="", size=2**40)
    assert "more than 32 MB" in together(page.on_many("vis", "", large, visitor))[page.many.status]
    monkeypatch.setattr("ssn.answers.enrolling.MOST_UNPACKED", 10)
    entries = packed({"Ada.png": png(1)})
    assert "unpacks to" in together(page.on_many("vis", "", entries, visitor))[page.many.status]
    with services.running():
        said = together(page.on_many("vis", "", entries, visitor))[page.many.status]
    assert "Another run is under way" in said
    visit = page.sessions.of(visitor).part(Visit)
    visit.running.begin()
    assert "still under way" in together(page.on_many("vis", "", entries, visitor))[page.many.status]
    assert counts(services) == {}


@pytest.fixture
def of_two_models(recognizer, face, tmp_path):
    """Ada is known to both models, Ben and Eve to the other one only."""
    path, foreign = tmp_path / "gallery.db", Template(np.eye(256, dtype=np.float32)[0], OTHER)
    with Gallery(path, OTHER) as other:
        for name in ("Ada", "Ben", "Eve"):
            other.enrol(name, foreign, encode(face.pixels, "PNG"), "test")
    with Gallery(path, recognizer.model_id) as gallery:
        gallery.enrol("Ada", recognizer.enrolment(face), encode(face.pixels, "PNG"), "test")
        yield Services(recognizer, gallery, DemoSet())


def test_every_picture_is_embedded_again_and_then_the_old_templates_go(of_two_models, visitor):
    services, page = of_two_models, page_of(of_two_models)
    facts = page.on_again_facts()
    assert facts[page.again.panel].visible
    assert "3 stored pictures" in facts[page.again.facts]
    assert OTHER in [value for _, value in facts[page.again.drop].choices]
    shown = together(page.on_embed(OTHER, "", visitor))
    assert "3 templates added. 3 templates of the old model deleted." in shown[page.again.status]
    assert counts(services) == {"Ada": 2, "Ben": 1, "Eve": 1}
    assert services.gallery.other_models() == []
    assert shown[page.again.panel].visible is False


def test_a_cancelled_embedding_goes_on_where_it_was_and_drops_nothing(of_two_models, visitor, monkeypatch):
    services, page = of_two_models, page_of(of_two_models)
    visit = page.sessions.of(visitor).part(Visit)
    monkeypatch.setattr("ssn.gallery.enrol.BATCH", 1)
    embed, calls = type(services.recognizer).embed_batch, []

    def cancel_at_the_second(*given, **more):
        calls.append(1)
        if len(calls) == 2:
            visit.running.stop()
        return embed(*given, **more)

    monkeypatch.setattr(type(services.recognizer), "embed_batch", cancel_at_the_second)
    said = together(page.on_embed(OTHER, "", visitor))[page.again.status]
    assert f"The templates of {OTHER} stay: 1 are not done" in said
    assert len(services.gallery.roster()) == 3
    assert "1 stored picture of" in page.on_again_facts()[page.again.facts]
    assert "1 template added. 3 templates of the old" in together(page.on_embed(OTHER, "", visitor))[page.again.status]


def test_only_people_of_other_models_are_enrolled_again_beside_the_list(of_two_models, visitor):
    services, page = of_two_models, page_of(of_two_models)
    shown = together(page.on_again("", visitor))
    assert "2 templates added" in shown[page.person.message]
    assert counts(services) == {"Ada": 1, "Ben": 1, "Eve": 1}


def test_an_imported_gallery_of_another_model_can_be_embedded_at_once(services, page, visitor, face):
    file = io.BytesIO()
    with Gallery(":memory:", OTHER) as other:
        foreign = Template(np.eye(256, dtype=np.float32)[0], OTHER)
        other.enrol("Ada", foreign, encode(face.pixels, "PNG"), "test")
        export_gallery(other, file)
    content = file.getvalue()
    sent = event(data=base64.b64encode(content).decode(), size=len(content))
    shown = page.on_import("", sent, visitor)
    assert "Imported: 1 template" in shown[page.care.message]
    assert shown[page.again.panel].visible
    assert "1 template added" in together(page.on_embed("", "", visitor))[page.again.status]
    assert services.gallery.other_models() == [OTHER], "the old templates stay until they are deleted"
