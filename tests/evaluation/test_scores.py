"""Score files: what goes in comes out, a killed run goes on, and another run is not mixed in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.errors import DataError
from ssn.evaluation.scores import Comparisons, RunHeader, ScoreFile, ScoreRow, fingerprint

HEADER = RunHeader("toy-1234", "drawn people", "0123456789abcdef", "python -m ssn evaluate", ("a note",))
KEYS = [("nir-simulated", "none"), ("nir-simulated", "maskTop"), ("vis", "none")]


PAIRS = np.array([[0, 0], [1, 0], [5, 1]])


def comparisons() -> Comparisons:
    people = np.array(["Ada", "Ben", "Åsa"])
    return Comparisons(
        np.array([f"probe {i}" for i in range(6)]),
        people,
        np.repeat(people, 2),
        people,
        np.arange(3),
        np.array(["probe 9"]),
    )


def row(spectrum: str, occlusion: str, listed: bool = False) -> ScoreRow:
    rng = np.random.default_rng(len(spectrum + occlusion))
    matrix, scores = rng.random((4, 3)).astype(np.float32), rng.random(3)
    pairs = {"pair_scores": scores, "pairs": PAIRS} if listed else {}
    return ScoreRow(spectrum, occlusion, matrix, np.array([0, 2, 3, 5]), **pairs)


def test_what_goes_in_comes_out(tmp_path):
    path = tmp_path / "deep" / "a.npz"
    written = ScoreFile.resume(path, HEADER, comparisons())
    for key in KEYS:
        written.add(row(*key, listed=True))
    read = ScoreFile.open(path)
    assert read.header == HEADER
    assert [r.key for r in read.rows()] == KEYS
    for mine, theirs in zip(written.rows(), read.rows(), strict=True):
        assert theirs.matrix.dtype == np.float32
        for name in ("matrix", "searched", "pair_scores", "pairs"):
            np.testing.assert_array_equal(getattr(theirs, name), getattr(mine, name))
    assert read.comparisons.gallery_people.tolist() == ["Ada", "Ben", "Åsa"]
    assert read.comparisons.failed_probes.tolist() == ["probe 9"]
    assert [p.name for p in path.parent.iterdir()] == ["a.npz"]


def test_verification_is_the_pairs_or_all_against_all():
    scores = row("vis", "none", listed=True)
    pairs = scores.verification(comparisons())
    assert pairs.same.tolist() == [True, True, False]
    np.testing.assert_array_equal(pairs.scores, scores.pair_scores)
    everything = row("vis", "none").verification(comparisons())
    assert len(everything.scores) == 12
    for score, same, i, j in zip(everything.scores, everything.same, everything.probe, everything.gallery, strict=True):
        assert score == scores.matrix[[0, 2, 3, 5].index(i), j]
        assert same == (i // 2 == j)


def test_identification_is_of_those_enrolled():
    who = replace(comparisons(), enrolled=np.array([2, 0]))
    matrix, probes, gallery = replace(row("vis", "none"), matrix=np.eye(4, 2)).identification(who)
    assert matrix.shape == (4, 2)
    assert probes.tolist() == ["Ada", "Ben", "Ben", "Åsa"]
    assert gallery.tolist() == ["Åsa", "Ada"]


def test_a_person_has_one_number_on_both_sides():
    probes, gallery = comparisons().people()
    assert probes.tolist() == [0, 0, 1, 1, 2, 2]
    assert gallery.tolist() == [0, 1, 2]


def test_only_what_is_missing_is_measured(tmp_path):
    asked = []

    def measure(spectrum, occlusion):
        asked.append((spectrum, occlusion))
        return row(spectrum, occlusion)

    first = ScoreFile.resume(tmp_path / "a.npz", HEADER, comparisons())
    next(first.complete(KEYS, measure))
    again = ScoreFile.resume(tmp_path / "a.npz", HEADER, comparisons())
    assert again.missing(KEYS) == KEYS[1:]
    assert [r.key for r in again.complete(KEYS, measure)] == KEYS
    assert asked == KEYS


KILLED = """
import sys, time
from tests.evaluation.test_scores import HEADER, KEYS, ScoreFile, comparisons, row
def measure(*key):
    if key == KEYS[1]:
        print("in the middle", flush=True)
        time.sleep(60)
    return row(*key)
list(ScoreFile.resume(sys.argv[1], HEADER, comparisons()).complete(KEYS, measure))
"""


def test_a_run_killed_in_the_middle_goes_on_to_the_same_scores(tmp_path):
    path = tmp_path / "a.npz"
    command = [sys.executable, "-c", KILLED, path]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert child.stdout.readline() == "in the middle\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    left = ScoreFile.resume(path, HEADER, comparisons())
    assert [r.key for r in left.rows()] == KEYS[:1]
    list(left.complete(KEYS, row))
    whole = ScoreFile.resume(tmp_path / "b.npz", HEADER, comparisons())
    list(whole.complete(KEYS, row))
    assert path.read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("change", ["model_id", "protocol", "fingerprint"])
def test_another_run_is_not_mixed_in(tmp_path, change):
    ScoreFile.resume(tmp_path / "a.npz", HEADER, comparisons()).add(row(*KEYS[0]))
    with pytest.raises(DataError, match="another run"):
        ScoreFile.resume(tmp_path / "a.npz", replace(HEADER, **{change: "other"}), comparisons())


def test_other_people_are_another_run_but_another_command_is_not(tmp_path):
    ScoreFile.resume(tmp_path / "a.npz", HEADER, comparisons()).add(row(*KEYS[0]))
    with pytest.raises(DataError, match="another run"):
        ScoreFile.resume(tmp_path / "a.npz", HEADER, replace(comparisons(), enrolled=np.arange(2)))
    assert ScoreFile.resume(tmp_path / "a.npz", replace(HEADER, command="resumed"), comparisons()).rows()


def test_scores_that_do_not_fit_are_refused_and_nothing_is_written(tmp_path):
    scores = ScoreFile.resume(tmp_path / "a.npz", HEADER, comparisons())
    fits = row("vis", "none")
    for other in (replace(fits, matrix=np.zeros((4, 4))), replace(fits, pairs=PAIRS), replace(fits, searched=PAIRS[0])):
        with pytest.raises(ValueError, match="do not fit"):
            scores.add(other)
    assert scores.rows() == []
    assert not (tmp_path / "a.npz").exists()


def test_a_file_that_is_missing_damaged_or_not_ours_is_said_to_be_so(tmp_path):
    (tmp_path / "text.npz").write_text("not a zip")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="no score file"):
        ScoreFile.open(tmp_path / "missing.npz")
    for name in ("text.npz", "other.npz"):
        with pytest.raises(DataError, match="is no score file"):
            ScoreFile.open(tmp_path / name)
    with pytest.raises(DataError, match="no row vis none"):
        ScoreFile.resume(tmp_path / "new.npz", HEADER, comparisons()).row("vis", "none")


def test_a_place_that_cannot_be_written_is_said_to_be_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        ScoreFile.resume(tmp_path / "file" / "a.npz", HEADER, comparisons()).add(row(*KEYS[0]))


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_two_lists_have_one_fingerprint_only_if_they_are_one(a, b):
    assert (fingerprint(a) == fingerprint(b)) == (a == b)


def test_a_pixel_and_a_shape_change_the_fingerprint():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    prints = {fingerprint([p]) for p in (pixels, pixels + 1, pixels.T, pixels.reshape(4, 3), pixels.astype(np.int16))}
    assert len(prints) == 5
    assert fingerprint([pixels]) == fingerprint([np.asfortranarray(pixels)])
