"""What runs become in the end: files, groups, errors with their pictures, means over folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssn.data.protocol import Protocol, Sample
from ssn.evaluation import outcome
from ssn.evaluation.face_set import protocol_face_set
from ssn.evaluation.groups import group_rows
from ssn.evaluation.matcher import NetworkMatcher
from ssn.evaluation.measure import Evaluation
from ssn.evaluation.metrics.intervals import Drawn
from ssn.evaluation.mistakes import mistakes
from ssn.evaluation.outcome import score_path
from ssn.evaluation.run import Plan, data_fingerprint, run
from ssn.evaluation.scores import ScoreFile
from ssn.evaluation.summary import summarise
from ssn.evaluation.tables import measured_over_folds
from tests.drawn import mean_landmarks
from tests.evaluation.toy_scores import toy_run
from tests.pixel_recognizer import PixelRecognizer


def sample(person: str, seed: int, spectrum: str = "vis") -> Sample:
    """A picture of noise; the same seed is the same picture."""
    pixels = np.random.default_rng(seed).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    return Sample(person, spectrum, lambda: pixels, mean_landmarks(), key=f"{person} {seed} {spectrum}")


def test_score_files_of_folds_and_families_have_names_of_their_own():
    path = Path("a") / "run.npz"
    assert score_path(None, 1, 1, "") is None
    assert score_path(path, 1, 1, "") == path
    assert score_path(path, 3, 10, "dlib") == Path("a") / "run-fold3-dlib.npz"
    names = {score_path(path, fold, 10, family) for fold in range(1, 11) for family in ("", "dlib")}
    assert len(names) == 20


def test_pictures_are_named_on_either_side_and_failures_counted_apart():
    dark = Sample("c", "vis", lambda: np.zeros((128, 128, 3), np.uint8), key="dark")
    protocol = Protocol("p", [sample("a", 0), sample("b", 1)], [sample("a", 2), sample("b", 3), dark])
    who = protocol_face_set(protocol).compared()
    assert who.probe_ids.tolist() == ["a 2 vis", "b 3 vis"]
    assert who.gallery_people.tolist() == ["a", "b"]
    assert who.failed_probes.tolist() == ["dark"]
    assert who.failed_gallery.tolist() == []


def test_an_error_is_shown_with_its_own_pictures():
    """The probe of b is the enrolled picture of a."""
    protocol = Protocol("p", [sample("a", 0), sample("b", 1)], [sample("a", 0), sample("b", 0)])
    faces = protocol_face_set(protocol)
    scores = run(faces, NetworkMatcher(PixelRecognizer()), Plan(("none",), ("vis",)))
    false_match = next(m for m in mistakes(scores, faces) if not m.error.genuine)
    assert false_match.names == ("b 0 vis", "a 0 vis")
    assert (false_match.probe.pixels == false_match.enrolled.pixels).all()
    assert false_match.title == "VIS, complete: false match"


def test_groups_compare_their_own_people_alone(tmp_path):
    file = toy_run(tmp_path / "a.npz", people=12)
    who = file.comparisons
    group = np.vectorize(lambda name: "old" if int(name[-3:]) < 6 else "young")
    known = replace(who, probe_groups=group(who.probe_people), gallery_groups=group(who.gallery_people))
    rows = group_rows(ScoreFile(None, file.header, known, {row.key: row for row in file.rows()}))
    assert [row.group for row in rows[:2]] == ["old; NIR, complete", "young; NIR, complete"]
    assert {row.people for row in rows} == {6}
    assert group_rows(file) == []
    first = file.rows()[0]
    ranks = [
        (first.matrix[i] >= first.matrix[i][who.gallery_people == who.probe_people[i]]).sum()
        for i in range(len(first.searched))
        if group(who.probe_people)[i] == "old"
    ]
    assert rows[0].measures["rank1"] == pytest.approx(np.mean(np.array(ranks) == 1))


def test_folds_become_mean_and_sample_deviation(tmp_path):
    runs = [summarise(toy_run(tmp_path / f"{seed}.npz", seed=seed), Drawn(2)) for seed in range(3)]
    row = measured_over_folds(runs)[1]
    values = [100 * run.rows[1].measures["eer"].value for run in runs]
    assert row.figures["eer"].mean == pytest.approx(np.mean(values), abs=0.006)
    assert row.figures["eer"].deviation == pytest.approx(np.std(values, ddof=1), abs=0.006)
    assert (row.set_name, row.occlusion) == ("CASIA NIR-VIS 2.0", "maskTop")


def test_the_fingerprint_knows_pictures_people_precision_and_told_covers():
    def faces(person: str = "b", seed: int = 3):
        return protocol_face_set(Protocol("p", [sample("a", 0), sample("b", 1)], [sample(person, seed)]))

    plan = Plan()
    prints = {
        data_fingerprint(faces(), plan),
        data_fingerprint(faces("a"), plan),
        data_fingerprint(faces(seed=4), plan),
        data_fingerprint(faces(), Plan(tell_covers=True)),
        data_fingerprint(faces(), plan, "bfloat16"),
    }
    assert len(prints) == 5
    assert data_fingerprint(faces(), plan) in prints


def test_people_are_drawn_anew_for_the_first_fold_alone_whose_intervals_are_shown(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(outcome, "summarise", lambda scores, how: drawn.append(how) or summarise(scores, how))
    folds = [toy_run(tmp_path / f"{seed}.npz", seed=seed) for seed in range(3)]
    protocol = Protocol("p", [sample("a", 0), sample("b", 1)], [sample("a", 2), sample("b", 3)])
    faces = protocol_face_set(protocol)
    monkeypatch.setattr(outcome, "mistakes", lambda *_, **__: [])
    outcomes = [outcome.Outcome(scores, Evaluation("m", "casia, fold 1", []), faces) for scores in folds]
    page = outcome.report_of([outcomes, outcomes], drawn=Drawn(7))
    assert [how.resamples for how in drawn] == [7, 0, 0, 7, 0, 0]
    assert page.runs[0].rows[0].measures["rank1"].low is not None
    first = page.tables[0].rows[0].figures["rank1"]
    shares = [100 * summarise(scores, Drawn(2)).rows[0].measures["rank1"].value for scores in folds]
    assert first.mean == pytest.approx(np.mean(shares), abs=0.01)
    assert first.deviation == pytest.approx(np.std(shares, ddof=1), abs=0.01)
