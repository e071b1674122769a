"""Pictures and first templates of many people at a time, against asking for each."""

from __future__ import annotations

import numpy as np

from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Template


def template(model: str) -> Template:
    return Template(np.eye(256, dtype=np.float32)[0], model)


def test_many_are_asked_for_at_once():
    with Gallery(":memory:", "mine") as gallery:
        ids = [gallery.enrol(f"P{i % 5}", template("mine"), b"%d" % i if i % 3 else None) for i in range(12)]
        expected = {number: gallery.face_image(number) for number in ids if gallery.face_image(number) is not None}
        assert gallery.face_images([*ids, 999]) == expected
        assert len(expected) == 8
        people = {person.id: gallery.templates_of(person.id)[0][0] for person in gallery.people()}
        assert gallery.first_templates([*people, 999]) == people
        assert gallery.face_images([]) == {}
        assert gallery.first_templates([]) == {}


def test_people_of_another_model_have_no_first_template(tmp_path):
    with Gallery(tmp_path / "g.db", "other") as other:
        other.enrol("Ada", template("other"), b"picture")
    with Gallery(tmp_path / "g.db", "mine") as gallery:
        assert gallery.first_templates([person.id for person in gallery.people()]) == {}
