"""Sweeps of a toy face, against a search for every place by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssn.errors import DataError, ExplanationCancelledError, LandmarksUnknownError
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.types import AlignedFace
from ssn.gallery.condition import condition_of
from ssn.gallery.sqlite import Gallery
from ssn.gallery.sweep import WINDOWS, Sweeper, windows_of
from ssn.gallery.sweep_words import sentences, sweep_record, where
from ssn.gallery.verdict import SearchRates
from tests.drawn import mean_landmarks
from tests.gallery.strangers import cohort
from tests.gallery.toys import TOY, ToyRecognizer, picture

TOYS = ToyRecognizer()


def face_of(seed: int) -> AlignedFace:
    return AlignedFace(np.asarray(picture(seed)), mean_landmarks(), np.eye(2, 3))


@pytest.fixture
def ada() -> AlignedFace:
    return face_of(1)


@pytest.fixture
def gallery(ada):
    """Ada; Ben, who looks as she does behind a mask; and Cid, who looks like nobody."""
    ben = occlude(ada, named_mask("maskBottom", ada.landmarks))
    with Gallery(":memory:", TOY) as made:
        for name, face in (("Ada", ada), ("Ben", ben), ("Cid", face_of(3))):
            made.enrol(name, TOYS.enrolment(face))
        yield made


def scores(gallery, face) -> dict[str, float]:
    """By person, each with one template."""
    probe = TOYS.embed(face)
    return {
        person.name: gallery.template(gallery.templates_of(person.id)[0][0]).similarity(probe)
        for person in gallery.people()
    }


def test_every_place_is_a_search_of_its_own(ada, gallery):
    sweep = Sweeper(ada, gallery, TOYS.embed_batch).run(32)
    assert sweep.person == "Ada"
    assert sweep.done == 1.0
    assert [tried.place.name for tried in sweep.parts] == ["eyes", "lower half", "left side", "right side"]
    assert len(sweep.windows) == 49
    for tried in (sweep.whole, *sweep.parts, *sweep.windows):
        expected = scores(gallery, occlude(ada, tried.place.mask))
        first = max(expected, key=lambda name: expected[name])
        assert tried.best.person == first
        assert tried.best.score == pytest.approx(expected[first], abs=1e-5)
        assert tried.score == pytest.approx(expected["Ada"], abs=1e-5)
        assert tried.rival == pytest.approx(max(expected["Ben"], expected["Cid"]), abs=1e-5)
        assert sweep.breaks(tried) == (first != "Ada")


def test_hiding_the_lower_half_finds_who_looks_so(ada, gallery):
    sweep = Sweeper(ada, gallery, TOYS.embed_batch).run(64)
    said = sentences(sweep, ada)
    assert "Hide the lower half: rank 1 becomes Ben." in said
    assert said[0].startswith("Hide the lower half: rank 1 becomes Ben.")
    for tried, line in zip(sweep.parts, said[1:], strict=False):
        assert line.startswith(f"Hide the {tried.place.name}: rank 1 ")
        assert ("stays Ada" in line) == (not sweep.breaks(tried))


@pytest.mark.parametrize("window", [16, 32, 96])
def test_the_smallest_window_is_one_that_breaks_and_the_sizes_called_unbroken_have_none(ada, gallery, window):
    def breaking(size: int) -> bool:
        hidden = (scores(gallery, occlude(ada, place.mask)) for place in windows_of(size))
        return any(max(found, key=lambda name: found[name]) != "Ada" for found in hidden)

    sweep = Sweeper(ada, gallery, TOYS.embed_batch).run(window)
    tried = sweep.smallest
    assert tried is not None
    expected = scores(gallery, occlude(ada, tried.place.mask))
    assert max(expected, key=lambda name: expected[name]) == tried.best.person != "Ada"
    assert not any(breaking(size) for size in sweep.unbroken)
    below = [size for size in WINDOWS if size < tried.place.size]
    assert not below or below[-1] in sweep.unbroken, "the next smaller size was tried"


def test_who_stays_whatever_is_hidden_is_said_to_stay(ada):
    with Gallery(":memory:", TOY) as gallery:
        gallery.enrol("Ada", TOYS.enrolment(ada))
        sweep = Sweeper(ada, gallery, TOYS.embed_batch).run(64)
        assert sweep.smallest is None
        assert sweep.unbroken == (64, 96)
        assert all(tried.rival is None for tried in sweep.windows)
        said = " ".join(sentences(sweep, ada))
    assert "stays at rank 1 whichever part is hidden" in said
    assert "No square window up to 96×96" in said


def test_the_fall_is_the_mean_over_the_windows_of_a_pixel(ada, gallery):
    sweep = Sweeper(ada, gallery, TOYS.embed_batch).run(64)
    fall = sweep.fall()
    for y, x in ((0, 0), (64, 64), (100, 20)):
        over = [tried for tried in sweep.windows if tried.place.mask[y, x]]
        assert fall[y, x] == pytest.approx(np.mean([sweep.whole.score - tried.score for tried in over]))


def test_verdicts_are_those_of_each_search(ada, gallery):
    measured = replace(cohort(), model_id=TOY)
    rates = SearchRates.around(0.02)
    sweep = Sweeper(ada, gallery, TOYS.embed_batch, measured, rates).run(64)
    for tried in (sweep.whole, *sweep.parts):
        face = occlude(ada, tried.place.mask)
        judge = measured.judge(TOYS.embed(face), condition_of(face), 3, 3, rates)
        rate = float(judge.search_rate(tried.best.score))
        assert tried.best.verdict == (
            "match" if rate <= rates.match else "uncertain" if rate <= rates.uncertain else "no match"
        )


def test_progress_rises_and_a_stop_leaves_what_there_is(ada, gallery):
    told: list[float] = []
    Sweeper(ada, gallery, TOYS.embed_batch, progress=told.append).run(32)
    assert told == sorted(told)
    assert told[-1] == 1.0
    seen: list[float] = []
    sweep = Sweeper(ada, gallery, TOYS.embed_batch, progress=seen.append, stopped=lambda: len(seen) >= 2).run(32)
    assert len(sweep.windows) == 2 * 8 - 5
    assert 0 < sweep.done < 1
    assert "Stopped before" in " ".join(sentences(sweep, ada))
    with pytest.raises(ExplanationCancelledError):
        Sweeper(ada, gallery, TOYS.embed_batch, stopped=lambda: True).run()


def test_what_cannot_be_swept_is_refused(ada, gallery):
    with pytest.raises(DataError, match="window of 33"):
        Sweeper(ada, gallery, TOYS.embed_batch).run(33)
    with pytest.raises(LandmarksUnknownError):
        Sweeper(ada.with_(landmarks=None), gallery, TOYS.embed_batch).run()
    with Gallery(":memory:", TOY) as empty, pytest.raises(DataError, match="Nobody"):
        Sweeper(ada, empty, TOYS.embed_batch).run()


def test_the_record_says_the_same_as_the_sweep(ada, gallery):
    sweep = Sweeper(ada, gallery, TOYS.embed_batch).run(64)
    record = sweep_record(sweep, ada)
    assert [part["broken"] for part in record["parts"]] == [sweep.breaks(tried) for tried in sweep.parts]
    assert record["smallest"]["rank_1"] == sweep.smallest.best.person
    corner = record["windows"][-1]
    assert (corner["x"], corner["y"], corner["size"]) == (64, 64, 64)
    mouth = ada.landmarks[48:68].mean(axis=0).astype(int)
    over = min(windows_of(16), key=lambda place: np.abs(np.argwhere(place.mask).mean(axis=0)[::-1] - mouth).sum())
    assert where(replace(sweep.whole, place=over), ada) == "mouth"
