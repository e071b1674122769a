"""Faces made ahead are those that would be made now, count for their own photos and model only, and spare a start both
detection and network."""

from __future__ import annotations

import numpy as np
import pytest

from app import first_start
from app.first_start import open_gallery
from app.kit.demo_faces import FILE, read_ready_faces, write_ready_faces
from app.kit.demo_people import DEMO_FOLDER, DemoPerson, DemoSet, read_demo
from ssn.errors import DataError
from ssn.recognizer import Recognizer


@pytest.fixture(scope="module")
def two(demo) -> DemoSet:
    return DemoSet(tuple(DemoPerson(one.name, one.enrolment) for one in demo[:2]))


def test_faces_and_templates_are_those_of_the_finder_and_the_network(two, finder, recognizer, tmp_path):
    write_ready_faces(tmp_path, two, finder, recognizer)
    ready = read_ready_faces(tmp_path)
    photo = two.people[1].enrolment
    face = finder.face(photo, index=0)
    assert np.array_equal(ready.face(photo).pixels, face.pixels)
    template = ready.template(photo, recognizer.model_id)
    assert template.similarity(recognizer.enrolment(face)) == pytest.approx(1, abs=1e-5)
    assert ready.template(photo, "another") is None
    other = tmp_path / "other.jpg"
    other.write_bytes(photo.read_bytes() + b"\0")
    assert ready.face(other) is None
    assert ready.face(tmp_path / "none.jpg") is None


def test_the_shipped_faces_are_those_of_everybody_who_is_enrolled_at_the_first_start(finder):
    ready, people = read_ready_faces(), read_demo().people
    if not people:
        pytest.skip("the demo people are not built")
    assert [ready.face(person.enrolment) is None for person in people] == [False] * len(people)
    last = people[-1].enrolment
    assert np.abs(ready.face(last).pixels.astype(int) - finder.face(last, index=0).pixels).max() <= 2


def test_a_first_start_with_ready_faces_asks_neither_detector_nor_network(
    two, finder, recognizer, tmp_path, monkeypatch
):
    write_ready_faces(tmp_path, two, finder, recognizer)
    expected = {person.name: recognizer.enrolment(finder.face(person.enrolment, index=0)) for person in two.people}

    def never(*_, **__):
        raise AssertionError("asked")

    monkeypatch.setattr(first_start, "read_ready_faces", lambda: read_ready_faces(tmp_path))
    monkeypatch.setattr(first_start, "shared_finder", never)
    monkeypatch.setattr(Recognizer, "embed_batch", never)
    with open_gallery(tmp_path / "gallery.db", recognizer, two) as gallery:
        for name, template in expected.items():
            best = gallery.search(template)[0]
            assert (best.person, best.score) == (name, pytest.approx(1, abs=1e-4))


@pytest.mark.parametrize("damage", ["other", "empty", "cut", "changed"])
def test_a_damaged_file_is_told(tmp_path, damage):
    assert read_ready_faces(tmp_path).places == {}
    whole = (DEMO_FOLDER / FILE).read_bytes() if (DEMO_FOLDER / FILE).is_file() else b"PK\x03\x04" + bytes(2000)
    middle = len(whole) // 2
    changed = whole[: middle - 500] + bytes(1000) + whole[middle + 500 :]
    damaged = {"other": b"no archive", "empty": b"", "cut": whole[:middle], "changed": changed}
    (tmp_path / FILE).write_bytes(damaged[damage])
    with pytest.raises(DataError, match="Restore"):
        read_ready_faces(tmp_path)
