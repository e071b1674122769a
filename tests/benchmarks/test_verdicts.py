"""The benchmark of verdicts on coloured squares: who is searched for, by which score, and how it is counted."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.verdicts import CELLS, RERANKED, Searches, VerdictBench, as_text, shares, trial_of_set
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet
from ssn.faces.occlude import OCCLUSIONS, OcclusionKind
from ssn.gallery.cohort import Cohort, Spread, cohort_file, save_cohort
from ssn.gallery.condition import HIDING
from ssn.gallery.enrol import enrol_face
from ssn.gallery.sqlite import Gallery
from ssn.gallery.tail import RATES, Tail
from ssn.gallery.verdict import SearchRates
from tests.gallery.cell_toys import CELL_TOY, MEANS, CellToy, toy_face

UPPER = np.zeros((128, 128), bool)
UPPER[:64] = True


def toy_cohort(level: float) -> Cohort:
    """Nobody reaches less than ``level`` deviations, and everybody is called a match from there on."""
    axes = np.eye(256)
    spreads = {name: Spread(0 * axes[0], axes) for name in ("whole", *(f"cells-{cover}" for cover in HIDING))}
    keys = [f"whole/{branch}/none" for branch in ("vis", "nir")]
    keys += [
        f"{score}/{branch}/{cover}" for score in ("whole", "cells") for branch in ("vis", "nir") for cover in HIDING
    ]
    tail = Tail(level + np.arange(len(RATES)) * 1e-6, 1e-3, 1, "toys")
    return Cohort(CELL_TOY, spreads, dict.fromkeys(keys, tail), means=MEANS)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Call it with the level from which on there is a match: four people in a gallery."""
    monkeypatch.setitem(OCCLUSIONS, "toy", OcclusionKind("Toy", lambda _: UPPER))
    monkeypatch.setattr("ssn.commands.alike.shared_visibility", lambda _: None)  # coloured squares show no face
    stores = []

    def build(level: float) -> VerdictBench:
        toy, checkpoint = CellToy(), tmp_path / "toy.safetensors"
        save_cohort(cohort_file(checkpoint), toy_cohort(level))
        stores.append(Gallery(":memory:", CELL_TOY))
        for seed in range(4):
            enrol_face(stores[-1], toy, toy_face(seed), f"Person {seed}", "test")
        return VerdictBench(stores[-1], toy, checkpoint, SearchRates(), again=False)

    yield build
    for store in stores:
        store.close()


class Scarf:
    """Says that the lowest quarter of every face is hidden."""

    def visibilities(self, faces) -> np.ndarray:
        v = np.ones((len(faces), 128, 128), np.float32)
        v[:, 96:] = 0.02
        return v

    def visibility(self, face) -> np.ndarray:
        return self.visibilities([face])[0]


def test_as_on_the_page_nobody_behind_a_cover_is_called_a_match(bench, landmarks, monkeypatch):
    faces = [toy_face(seed, 40 + seed).with_(landmarks=landmarks) for seed in range(6)]
    searches = Searches([(f"Person {seed}", faces[seed]) for seed in range(4)], faces[4:])
    monkeypatch.setattr("ssn.commands.alike.shared_visibility", lambda _: Scarf())
    made = bench(-1.0)
    for occlusion in ("none", "toy"):
        for row in made.rows(searches, occlusion):
            if row["way"] != "two-rates":
                assert row["right_match"] == 0
                assert row["right_at_least_uncertain"] == row["right_at_rank_1"] > 0
                assert row["strangers_uncertain"] == 1


@pytest.mark.parametrize(("level", "called"), [(-1.0, 1.0), (2.0, 0.0)])
def test_the_rule_of_the_page_judges_every_score_like_with_like_too(bench, landmarks, level, called):
    faces = [toy_face(seed, 40 + seed).with_(landmarks=landmarks) for seed in range(6)]
    searches = Searches([(f"Person {seed}", faces[seed]) for seed in range(4)], faces[4:])
    made = bench(level)
    complete, hidden = (list(made.rows(searches, occlusion)) for occlusion in ("none", "toy"))
    assert [row["way"] for row in complete] == ["two-rates", "search"], "nothing is hidden"
    assert [row["way"] for row in hidden] == ["two-rates", "search", CELLS], f"{RERANKED} is not asked for"
    for row in (complete[1], *hidden[1:]):
        assert row["right_match"] == called * row["right_at_rank_1"]
        assert (row["strangers"], row["strangers_match"]) == (2, called)
    assert complete[1]["right_at_rank_1"] == 1


def test_verdicts_are_counted_over_all_who_searched():
    row = shares(["match", "match", "uncertain", "no match"], 5, ["no match"] * 97 + ["uncertain"] * 2 + ["match"])
    assert row["right_at_rank_1"] == pytest.approx(0.8)
    assert (row["right_match"], row["right_at_least_uncertain"]) == (pytest.approx(0.4), pytest.approx(0.6))
    assert (row["strangers_match"], row["strangers_uncertain"]) == (0.01, 0.02)
    assert row["strangers_match_at_most"] == pytest.approx(0.0545, abs=1e-3), "Clopper and Pearson's"
    row |= {"way": "search", "spectrum": "vis", "occlusion": "none"}
    assert "| search | vis | none | 80 | 40 | 60 | 1 | 2 |" in as_text([row])


def test_strangers_are_nobody_who_is_enrolled(landmarks):
    people = [toy_face(seed).with_(landmarks=landmarks) for seed in range(6)]
    faces = FaceSet("toys", people, np.arange(6), people, np.arange(6))
    trial = trial_of_set(faces, 4, 2)
    for searches in trial.searches.values():
        assert [name for name, _ in searches.own] == list(trial.enrolled)
        assert len(searches.strangers) == 2
    seen = [face.pixels.tobytes() for face in (*trial.enrolled.values(), *trial.searches["vis"].strangers)]
    assert len(set(seen)) == 6
    with pytest.raises(DataError, match="Ask for fewer"):
        trial_of_set(faces, 4, 3)
