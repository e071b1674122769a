"""What lives once per process: the gallery, and what the second model made of it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from app import services as module
from app.kit.demo_people import DemoSet
from app.kit.pictures import encode
from app.services import only_of_other_models
from ssn.errors import CheckpointError
from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Template


def test_an_enrolled_face_is_stored_without_loss(services, face):
    template = services.enrol("Ada", face, "test").template_id
    assert services.gallery.face_image(template).startswith(b"\x89PNG")
    assert services.gallery.template(template).similarity(services.recognizer.enrolment(face)) == pytest.approx(
        1, abs=1e-3
    )


def test_people_of_another_model_can_be_enrolled_again(recognizer, face, tmp_path):
    path = tmp_path / "gallery.db"
    with Gallery(path, "another-model") as other:
        foreign = Template(np.eye(256, dtype=np.float32)[0], "another-model")
        other.enrol("Ada", foreign, encode(face.pixels, "PNG"), "test")
        other.enrol("No picture", foreign)
    with Gallery(path, recognizer.model_id) as gallery:
        services = module.Services(recognizer, gallery, DemoSet())
        assert only_of_other_models(gallery.people()) == 2
        assert services.enrol_again().added == 1
        assert services.enrol_again().added == 0, "nobody is enrolled twice"
        assert only_of_other_models(gallery.people()) == 1
        found = gallery.search(recognizer.enrolment(face))
        assert [match.person for match in found] == ["Ada"]
        assert found[0].score == pytest.approx(1, abs=1e-3)
    with Gallery(path, "another-model") as other:
        assert [person.templates for person in other.people()] == [1, 1], "the other model still knows its people"


@pytest.mark.parametrize("kind", ["person", "template"])
def test_what_is_deleted_leaves_the_second_model_too(two_models, face, kind):
    template = two_models.enrol("Ada", face, "test").template_id
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


def test_people_enrolled_again_by_two_visitors_at_once_are_enrolled_once(recognizer, face, tmp_path):
    path, foreign = tmp_path / "gallery.db", Template(np.eye(256, dtype=np.float32)[0], "another-model")
    with Gallery(path, "another-model") as other:
        for name in ("Ada", "Ben", "Eve"):
            other.enrol(name, foreign, encode(face.pixels, "PNG"), "test")
    with Gallery(path, recognizer.model_id) as gallery:
        services = module.Services(recognizer, gallery, DemoSet())
        threads = [threading.Thread(target=services.enrol_again) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [person.templates for person in gallery.people()] == [1, 1, 1]
