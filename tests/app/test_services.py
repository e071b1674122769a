"""What lives once per process: the gallery, and what the second model made of it."""

from __future__ import annotations

import contextlib
import threading

import numpy as np
import pytest
from safetensors import safe_open

from app import services as module
from app.kit.demo_people import DemoSet
from app.kit.pictures import encode
from app.services import PHOTOS_IN_HAND, Services, only_of_other_models
from ssn.errors import (
    BusyError,
    CheckpointError,
    ExportError,
    GalleryError,
    MemoryShortError,
    NoFaceError,
    NotAnImageError,
)
from ssn.gallery.sqlite import Gallery
from ssn.models import checkpoint as checkpoint_module
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


def test_a_start_reads_the_checkpoint_once(random_checkpoint, tmp_path, monkeypatch):
    read: list[str] = []

    def counting(path, **how):
        read.append(path)
        return safe_open(path, **how)

    monkeypatch.setattr(checkpoint_module, "safe_open", counting)
    with module.Services.open(random_checkpoint, tmp_path / "g.db", "cpu", tmp_path).gallery:
        assert read == [str(random_checkpoint)]


def test_an_engine_whose_file_was_never_exported_leaves_no_gallery(random_checkpoint, tmp_path):
    with pytest.raises(ExportError, match="ssn export --format onnx --maps"):
        module.Services.open(random_checkpoint, tmp_path / "g.db", "cpu", tmp_path, engine="onnx")
    assert list(tmp_path.iterdir()) == []


def test_both_models_look_at_probes_in_the_precision_that_is_asked_for(random_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("ssn.machine.has_fast_bfloat16", lambda device: True)
    opened = module.Services.open(
        random_checkpoint, ":memory:", "cpu", tmp_path, beside=random_checkpoint, precision="auto"
    )
    assert opened.recognizer.precision == opened.beside.recognizer.precision == "bfloat16"
    assert module.Services.open(random_checkpoint, ":memory:", "cpu", tmp_path).recognizer.precision == "float32"


def test_the_detector_is_loaded_behind_the_page(services, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "shared_finder", asked.append)
    services.make_ready().join(30)
    assert asked == [services.recognizer.device]


def test_a_second_model_that_cannot_be_loaded_leaves_no_gallery(random_checkpoint, tmp_path):
    missing = tmp_path / "missing.safetensors"
    with pytest.raises(CheckpointError):
        module.Services.open(random_checkpoint, tmp_path / "g.db", "cpu", tmp_path, beside=missing)
    assert not (tmp_path / "g.db").exists()


def test_a_gallery_on_a_server_is_opened_as_it_is(random_checkpoint, tmp_path, monkeypatch):
    asked = []

    def opened(where, model_id, device, index):
        asked.append((where, index))
        return Gallery(":memory:", model_id, device)

    monkeypatch.setattr(module, "open_store", opened)
    services = module.Services.open(random_checkpoint, "http://host:19530", "cpu", tmp_path)
    assert asked == [("http://host:19530", "exact")]
    assert services.gallery.people() == [], "nobody is enrolled where others look, without being asked"


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


def test_more_photos_than_there_is_room_for_are_told(services):
    with contextlib.ExitStack() as taken:
        for _ in range(PHOTOS_IN_HAND):
            taken.enter_context(services.waiting)
        for photo in (b"", b"no picture", np.zeros((40, 40, 3), np.uint8)):
            with pytest.raises(BusyError, match="Try again"):
                services.open_photo(photo, "Photo")
    with pytest.raises(NotAnImageError):
        services.open_photo(b"no picture", "Photo")


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA out of memory."), RuntimeError("can't allocate memory")]
)
def test_a_photo_too_large_for_memory_is_told_and_gives_its_place_back(services, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(module, "open_photo", fail)
    for _ in range(PHOTOS_IN_HAND + 1):
        with pytest.raises(MemoryShortError):
            services.open_photo(b"", "Photo")


def test_what_looking_for_a_face_in_vain_took_is_given_back(services, demo, monkeypatch):
    given = []
    monkeypatch.setattr("app.services.give_back_freed_memory", lambda: given.append(True))
    services.open_photo(demo[0].enrolment, "Your photo")
    assert not given, "a photo with a face keeps nobody waiting for that"
    with pytest.raises(NoFaceError):
        services.open_photo(np.full((60, 60, 3), 128, np.uint8), "Your photo")
    assert given


def test_the_start_says_what_it_is_doing(random_checkpoint, tmp_path):
    (tmp_path / "demo").mkdir()
    said: list[str] = []
    for word in ("Making the gallery", "Opening the gallery"):
        said.clear()
        opened = Services.open(random_checkpoint, tmp_path / "g.db", "cpu", tmp_path / "demo", tell=said.append)
        opened.gallery.close()
        assert str(random_checkpoint) in said[0]
        assert said[1].startswith(word)


def test_a_gallery_that_does_not_answer_is_no_healthy_server(services):
    services.check()
    services.gallery.close()
    with pytest.raises(GalleryError):
        services.check()
