"""How the visibility benchmark counts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.visibility import as_text, overlap, read_faces, recognise, shown
from ssn.evaluation.face_set import FaceSet
from ssn.visibility import VisibilityFinder


def test_overlap_counts_pixels_over_all_faces_and_face_by_face():
    found, opacity = np.ones((2, 4, 4), np.float32), np.zeros((2, 4, 4), np.float32)
    opacity[0, :2], found[0, 1:3] = 1.0, 0.0  # 8 true, 8 found, 4 shared: 4 / 12
    opacity[1, 0], found[1, 0] = 0.55, 0.3  # a veil of which more than half is hidden, found as such: 4 / 4
    row = overlap(found, opacity)
    assert row["iou"] == pytest.approx(8 / 16)
    assert row["iou_mean"] == pytest.approx((4 / 12 + 1) / 2)
    assert row["soft_iou"] == pytest.approx((4 + 4 * 0.55) / (12 + 4 * 0.7))
    assert row["hidden"] == pytest.approx(12 / 32)
    assert row["degree_error"] == pytest.approx((8 * 1.0 + 4 * 0.15) / 32)
    assert "iou" not in overlap(found, np.zeros_like(opacity))


def test_what_is_shown_tells_nobody_what_is_hidden(demo, finder):
    face = finder.face(demo[0].enrolment)
    for kind in ("surgical", "maskTop", "none"):
        view, opacity = next(shown([face], kind, "nir-simulated"))
        assert not view.mask.any()
        assert view.spectrum == "nir-simulated"
        assert (opacity.max() > 0.5) == (kind != "none")
        again, _ = next(shown([face], kind, "nir-simulated"))
        assert (again.pixels == view.pixels).all()


def test_faces_of_a_cached_set_are_chosen_alike_each_time(tmp_path, landmarks):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "pixels.npy", rng.integers(0, 255, (12, 144, 144, 3), dtype=np.uint8))
    np.save(tmp_path / "landmarks.npy", np.repeat(landmarks[None] + 8, 12, axis=0))
    np.save(tmp_path / "identities.npy", np.arange(12) // 3)
    faces = read_faces(tmp_path, 5)
    assert (len(faces.gallery), len(faces.probes)) == (4, 5)
    assert set(faces.probe_people) <= set(faces.gallery_people)
    again = read_faces(tmp_path, 5)
    assert all((a.pixels == b.pixels).all() for a, b in zip(faces.probes, again.probes, strict=True))


def test_rank_1_is_of_the_person_and_the_table_holds_it(demo, recognizer, finder):
    people = [finder.face(person.enrolment) for person in demo[:3]]
    faces = FaceSet("demo", people, np.arange(3), people, np.arange(3))
    rows = recognise(recognizer, VisibilityFinder.load(device="cpu"), faces, kinds=("none",))
    assert rows == [{"cover": "none", "as_is": 1.0, "found": 1.0, "told": 1.0}]
    assert "| none | 100.0 | 100.0 | 100.0 |" in as_text([], rows)
