"""Everybody before a camera, frame by frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ssn.answers.watch import Watcher
from ssn.gallery.enrol import enrol_face
from ssn.gallery.sqlite import Gallery
from ssn.gallery.verdict import SearchRates
from tests.gallery.strangers import cohort as strangers


@pytest.fixture(scope="module")
def gallery(recognizer, finder, demo):
    with Gallery(":memory:", recognizer.model_id) as gallery:
        for person in demo[:3]:
            enrol_face(gallery, recognizer, finder.face(person.enrolment, index=0), person.name, "test")
        yield gallery


@pytest.fixture
def watcher(recognizer, finder, gallery) -> Watcher:
    return Watcher(recognizer, finder, gallery, None)


def frame(left, right=None, small: int = 260) -> np.ndarray:
    """640 × 480: one person, or a second, smaller one on the right."""
    room = Image.new("RGB", (640, 480), "gray")
    room.paste(Image.open(left.enrolment).convert("RGB").resize((340, 340)), (10, 60))
    if right is not None:
        room.paste(Image.open(right.enrolment).convert("RGB").resize((small, small)), (360, 100))
    return np.asarray(room)


def test_everybody_is_named_left_to_right_and_the_largest_has_the_maps(watcher, demo):
    seen = watcher.recognise(watcher.find(frame(demo[0], demo[1])))
    assert [one.matches[0].person for one in seen] == [demo[0].name, demo[1].name]
    assert [one.largest for one in seen] == [True, False]
    assert [len(one.maps) for one in seen] == [4, 0]
    assert seen[0].box[0] < seen[1].box[0]


def test_scores_are_smoothed_over_the_frames_of_one_face(watcher, recognizer, demo):
    first = watcher.recognise(watcher.find(frame(demo[0])))[0]
    own = recognizer.embed(first.face).vector
    for _ in range(3):
        noisy = np.clip(frame(demo[0]).astype(int) + np.random.default_rng(1).integers(-60, 60, (480, 640, 3)), 0, 255)
        later = watcher.recognise(watcher.find(noisy.astype(np.uint8)))[0]
        assert later.number == first.number
    now, smooth = recognizer.embed(later.face).vector, watcher._templates[first.number].vector
    assert np.linalg.norm(smooth) == pytest.approx(1, abs=1e-5)
    assert own @ smooth > own @ now, "it stays nearer to the clean frame than the noisy one is"


def test_an_empty_room_and_somebody_else_in_it(watcher, demo):
    first = watcher.recognise(watcher.find(frame(demo[0])))[0]
    for _ in range(7):
        assert watcher.recognise(watcher.find(np.full((480, 640, 3), 120, np.uint8))) == []
    other = watcher.recognise(watcher.find(frame(demo[1])))[0]
    assert other.number != first.number
    assert other.matches[0].person == demo[1].name, "nothing of the first is in the second's template"


class Scarf:
    """Says that the lower half of every face is hidden."""

    def visibilities(self, faces) -> np.ndarray:
        v = np.ones((len(faces), 128, 128), np.float32)
        v[:, 64:] = 0.02
        return v


def test_who_is_covered_is_no_match_and_a_cover_taken_off_is_gone_after_some_frames(
    recognizer, finder, gallery, demo, monkeypatch
):
    measured = replace(strangers(), model_id=recognizer.model_id)
    monkeypatch.setattr("ssn.answers.watch.SearchRates", lambda: SearchRates.around(0.5))
    watcher = Watcher(recognizer, finder, gallery, measured, Scarf())
    here = frame(demo[0])
    (seen,) = watcher.recognise(watcher.find(here))
    assert seen.covered == pytest.approx(0.5)
    assert (seen.matches[0].person, seen.matches[0].verdict) == (demo[0].name, "uncertain")
    watcher.visibility = None
    shares = [watcher.recognise(watcher.find(here))[0].covered for _ in range(6)]
    assert shares == pytest.approx([0.5 * 0.65**n for n in range(1, 7)])
    (seen,) = watcher.recognise(watcher.find(here))
    assert seen.matches[0].verdict == "match"
