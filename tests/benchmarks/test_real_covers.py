"""How the benchmark of real covers counts, and that its answer names nobody."""

from __future__ import annotations

import json
from shutil import copyfile

import numpy as np
import pytest
from PIL import Image

from benchmarks.like_with_like import LikeWithLikeBench
from benchmarks.marked_photos import MarkedPhoto, Marks, drawn
from benchmarks.real_covers import (
    LISTS,
    SPECTRA,
    WAYS,
    RealCovers,
    alarms,
    as_text,
    by_kind,
    enrolled_photos,
    judged,
    measure,
    overlap,
    ranks,
    recognised,
    recognition_summary,
    summed,
)
from ssn.data.lfw import LFW
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet
from ssn.files import json_text
from ssn.visibility import VisibilityFinder
from tests.gallery.cell_toys import MEANS, CellToy, toy_face


def marked(kind: str, rows: slice, ignored: slice = slice(0, 0), photo: str = "") -> MarkedPhoto:
    """A photo hidden in some rows."""
    hidden, counted = np.zeros((128, 128), bool), np.ones((128, 128), bool)
    hidden[rows], counted[ignored] = True, False
    return MarkedPhoto(photo, kind, hidden, counted)


def shown(*hidden: tuple[slice, float]) -> np.ndarray:
    """A map that is 1 but for some rows."""
    visibility = np.ones((128, 128), np.float32)
    for rows, value in hidden:
        visibility[rows] = value
    return visibility


def test_pixels_are_counted_where_they_are_judged():
    visibility = shown((slice(50, 90), 0.02), (slice(0, 8), 0.3))  # rows 50 to 89 sure, 0 to 7 in doubt
    row = judged(marked("hand", slice(60, 100), slice(80, 128)), visibility)
    rows = {name: value / 128 for name, value in row.items() if name != "kind"}
    assert rows == {"marked": 20, "seen": 60, "hits": 20, "false": 18, "painted": 20, "painted_false": 10}
    assert overlap(row) == pytest.approx(20 / 38)


def test_kinds_are_summed_over_all_their_pixels():
    found = judged(marked("hand", slice(0, 20)), shown((slice(0, 10), 0.02)))
    missed = judged(marked("hand", slice(0, 60)), shown((slice(100, 104), 0.3)))
    hat = judged(marked("hat", slice(0, 30)), shown((slice(0, 30), 0.02)))
    hand, whole = summed([found, missed]), list(by_kind([found, hat, missed]))
    assert hand["iou"] == pytest.approx(10 / 84)
    assert hand["iou_mean"] == pytest.approx((10 / 20 + 0) / 2)
    assert hand["found"] == pytest.approx(10 / 80)
    assert hand["false"] == pytest.approx(4 / 176)
    assert (hand["painted"], hand["painted_false"]) == (pytest.approx(10 / 80), 0)
    assert (hand["photos"], hand["good"], hand["missed"]) == (2, 1, 1)
    assert [row["kind"] for row in whole] == ["hand", "hat", "all"]
    assert whole[2]["found"] == pytest.approx(40 / 110)
    assert list(by_kind([])) == []


def test_alarms_tell_doubt_from_what_is_painted():
    facts = alarms(np.stack([shown(), shown((slice(0, 16), 0.3)), shown((slice(0, 8), 0.02))]))
    assert facts["hidden"] == pytest.approx((16 + 8) / 128 / 3)
    assert (facts["hidden_most"], facts["hidden_over_2_percent"]) == (pytest.approx(16 / 128), 2)
    assert (facts["painted_most"], facts["painted_over_2_percent"]) == (pytest.approx(8 / 128), 1)


def test_who_is_enrolled_is_enrolled_by_a_photo_without_marks():
    people = {"A": ["A/1", "A/2"], "B": ["B/1"], "C": ["C/1", "C/2", "C/3"], "D": ["D/1", "D/2"]}
    covered = tuple(marked("hat", slice(9), photo=photo) for photo in ("C/1", "D/1", "D/2"))
    assert enrolled_photos(people, Marks(covered, ())) == {"A": "A/1", "C": "C/2"}


def test_a_rank_counts_whoever_scores_as_high():
    scores = np.array([[0.1, 0.9, 0.5], [0.4, 0.4, 0.2]])
    assert ranks(scores, np.array([2, 0])).tolist() == [2, 2]
    assert ranks(scores, np.array([1, 2])).tolist() == [1, 3]


def test_recognition_is_told_by_way(landmarks):
    toy = CellToy()
    people = [toy_face(seed).with_(landmarks=landmarks) for seed in range(5)]
    probes = [toy_face(seed, 40 + seed).with_(landmarks=landmarks) for seed in (3, 1)]
    names = np.array([f"Person {seed}" for seed in range(5)])
    bench = LikeWithLikeBench(toy, FaceSet("toys", people, names, probes, names[[3, 1]]), MEANS, 0)
    marks = [marked("hand", slice(64, 128)), marked("hat", slice(0, 64))]
    found = np.stack([shown(), shown((slice(0, 64), 0.0))])
    rows = recognised(bench, marks, found)
    assert [row["painted_share"] for row in rows] == [0, 0.5]
    assert rows[0]["as_is"] == rows[0]["painted"], "where nothing is found nothing changes"
    assert rows[0]["alike"]["score"] == pytest.approx(rows[0]["as_is"]["score"], abs=1e-3)
    assert rows[1]["painted"] == rows[1]["told_painted"], "what is found is what was told"
    assert rows[0]["told_painted"] != rows[0]["painted"]
    for row, face, right in zip(rows, probes, (3, 1), strict=True):
        usual = toy.embed_batch(people, enrolled=True) @ toy.embed_batch([face])[0]
        assert row["as_is"]["score"] == pytest.approx(usual[right], abs=1e-5)
        assert row["as_is"]["rank"] == 1 + sum(usual > usual[right])
    rows[1]["alike"]["rank"] = rows[1]["as_is"]["rank"] + 1
    summaries = list(recognition_summary(rows))
    assert [row["kind"] for row in summaries] == ["hand", "hat", "all"]
    assert (summaries[2]["alike"]["nearer"], summaries[2]["alike"]["farther"]) == (0, 1)
    assert summaries[2]["as_is"]["score"] == pytest.approx(np.mean([row["as_is"]["score"] for row in rows]))


@pytest.fixture
def tree(tmp_path, demo) -> LFW:
    """Two demo people as LFW has them: Ada with two photos to be tested, Ben with one to learn from."""
    for name, number, person in (("Ada", 1, demo[0]), ("Ada", 2, demo[0]), ("Ben", 1, demo[1])):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True, exist_ok=True)
        copyfile(person.enrolment, folder / f"{name}_{number:04d}.jpg")
    for name, line in zip(LISTS, ("Ada\t2", "Ben\t1"), strict=True):
        (tmp_path / name).write_text(f"1\n{line}\n", encoding="utf-8")
    return LFW(tmp_path)


def test_the_whole_answer_names_nobody(tree):
    lower = drawn([("+", [[0, 70], [128, 70], [128, 128], [0, 128]])])
    every = np.ones((128, 128), bool)
    marks = Marks(
        (MarkedPhoto("Ada/Ada_0001.jpg", "hand", lower, every), MarkedPhoto("Ben/Ben_0001.jpg", "hat", lower, every)),
        ("Ada/Ada_0002.jpg",),
    )
    photos = RealCovers(tree, marks, None, "vis", True)
    result = measure(photos, VisibilityFinder.load(device="cpu"), CellToy(), MEANS)
    tested, learned = (result["lists"][name] for name in LISTS)
    assert [row["kind"] for row in tested["kinds"]] == ["hand", "all"]
    assert tested["enrolled"] == len(tested["recognised"]) == 1
    assert {way: tested["recognised"][0][way]["rank"] for way in WAYS} == dict.fromkeys(WAYS, 1)
    assert [row["kind"] for row in learned["kinds"]] == ["hat", "all"]
    assert result["clear"]["photos"] == 1
    for text in (json_text(json.loads(json_text(result))), as_text(result)):
        assert "Ada" not in text
        assert "Ben" not in text


def test_a_photo_of_the_marks_without_a_face_is_refused(tree):
    Image.new("RGB", (250, 250), "gray").save(tree.photo("Ada", 2))
    with pytest.raises(DataError, match="1 photos of the marks gave no face"):
        RealCovers(tree, Marks((), ("Ada/Ada_0002.jpg",)), None, "vis", False)


def test_a_photo_of_no_list_is_refused(tree):
    with pytest.raises(DataError, match="1 photos of the marks are in no list"):
        RealCovers(tree, Marks((), ("Ada/Ada_0003.jpg",)), None, "vis", False)


def test_marked_photos_are_shown_in_the_spectrum_asked_for(tree):
    marks = Marks((), ("Ada/Ada_0001.jpg",))
    vis, nir = (RealCovers(tree, marks, None, name, False).probe("Ada/Ada_0001.jpg") for name in SPECTRA)
    assert (vis.spectrum, nir.spectrum) == ("vis", "nir-simulated")
    assert (vis.pixels != nir.pixels).any()
