"""What a process starts with: the demo set, the gallery of a first start, and nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app import services as module
from app.kit.demo_people import STRANGERS, DemoPerson, DemoSet, read_demo
from app.kit.pictures import encode
from app.services import default_gallery, open_gallery, people_of_other_models
from ssn.errors import CheckpointError, DataError, NotAnImageError
from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Template


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


def test_every_model_has_its_own_gallery_file(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "data_folder", lambda: tmp_path)
    assert default_gallery("a-1") != default_gallery("b-2")
    assert default_gallery("a-1").parent == tmp_path


def test_a_new_gallery_holds_the_demo_people_and_an_old_one_is_left_alone(recognizer, demo, tmp_path):
    path = tmp_path / "new" / "gallery.db"
    people = DemoSet(tuple(DemoPerson(one.name, one.enrolment) for one in demo[:2]))
    with open_gallery(path, recognizer, people) as gallery:
        enrolled = gallery.people()
        assert sorted(one.name for one in enrolled) == sorted(one.name for one in demo[:2])
        gallery.delete_person(enrolled[0].id)
    with open_gallery(path, recognizer, people) as gallery:
        assert len(gallery.people()) == 1
    assert list(path.parent.glob("*.part*")) == []


def test_a_first_start_that_fails_leaves_no_gallery(recognizer, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    path = tmp_path / "gallery.db"
    with pytest.raises(NotAnImageError):
        open_gallery(path, recognizer, DemoSet((DemoPerson("X", broken),)))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["broken.jpg"]


def test_an_enrolled_face_is_stored_without_loss(services, face):
    template = services.enrol("Ada", face, "test")
    assert services.gallery.face_image(template).startswith(b"\x89PNG")
    assert services.gallery.template(template).similarity(services.recognizer.enrolment(face)) == pytest.approx(
        1, abs=1e-3
    )


def test_a_gallery_in_memory_needs_no_file(recognizer):
    with open_gallery(":memory:", recognizer, DemoSet()) as gallery:
        assert isinstance(gallery, Gallery)
        assert gallery.people() == []


def test_people_of_another_model_can_be_enrolled_again(recognizer, face, tmp_path):
    path = tmp_path / "gallery.db"
    with Gallery(path, "another-model") as other:
        foreign = Template(np.eye(256, dtype=np.float32)[0], "another-model")
        other.enrol("Ada", foreign, encode(face.pixels, "PNG"), "test")
        other.enrol("No picture", foreign)
    with Gallery(path, recognizer.model_id) as gallery:
        services = module.Services(recognizer, gallery, DemoSet())
        assert people_of_other_models(gallery) == 2
        assert services.enrol_again().added == 1
        assert services.enrol_again().added == 0, "nobody is enrolled twice"
        assert people_of_other_models(gallery) == 1
        found = gallery.search(recognizer.enrolment(face))
        assert [match.person for match in found] == ["Ada"]
        assert found[0].score == pytest.approx(1, abs=1e-3)
    with Gallery(path, "another-model") as other:
        assert [person.templates for person in other.people()] == [1, 1], "the other model still knows its people"


@pytest.mark.parametrize("kind", ["person", "template"])
def test_what_is_deleted_leaves_the_second_model_too(two_models, face, kind):
    template = two_models.enrol("Ada", face, "test")
    person = two_models.gallery.people()[0].id
    assert [match.person for match in two_models.beside.ask(face).matches] == ["Ada"]
    two_models.delete(kind, person if kind == "person" else template)
    assert two_models.gallery.people() == []
    assert two_models.beside._vectors == {}


def test_a_second_model_that_cannot_be_loaded_leaves_no_gallery(random_checkpoint, tmp_path):
    missing = tmp_path / "missing.safetensors"
    with pytest.raises(CheckpointError):
        module.Services.open(random_checkpoint, tmp_path / "g.db", "cpu", tmp_path, beside=missing)
    assert not (tmp_path / "g.db").exists()


def test_a_second_model_is_opened_on_the_same_gallery(random_checkpoint, tmp_path):
    opened = module.Services.open(random_checkpoint, ":memory:", "cpu", tmp_path, beside=random_checkpoint)
    assert opened.beside.gallery is opened.gallery
    assert opened.beside.recognizer is not opened.recognizer
    assert module.Services.open(random_checkpoint, ":memory:", "cpu", tmp_path).beside is None
