"""Verdicts of scores by cells: the tails against a loop, the file, and strangers drawn anew."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from ssn.evaluation.cohort import conditions_of, measure_cohort, pairs_of, spreads_of
from ssn.evaluation.strangers import Strangers, drawn_mask, embed_strangers
from ssn.faces.occlude import occlude
from ssn.gallery.cell_score import MIX
from ssn.gallery.cohort import Cohort, load_cohort, save_cohort
from ssn.gallery.condition import HIDING, Condition
from ssn.gallery.enrol import enrol_face
from ssn.gallery.like_with_like import LikeWithLike
from ssn.gallery.search_verdict import judges_of
from ssn.gallery.sqlite import Gallery
from ssn.gallery.verdict import SearchRates
from tests.drawn import mean_landmarks
from tests.gallery.cell_toys import CELL_TOY, CellToy, toy_face
from tests.gallery.strangers import people

TOY = CellToy()


def looked_at(first: int, count: int, means=None) -> Strangers:
    faces = [toy_face(seed).with_(landmarks=mean_landmarks()) for seed in range(first, first + count)]
    return embed_strangers(TOY, faces, [("adults",)] * count, branches=("vis",), means=means)


@pytest.fixture(scope="module")
def known() -> Strangers:
    return looked_at(1000, 120)


@pytest.fixture(scope="module")
def held_out(known) -> Strangers:
    return looked_at(2000, 160, known.cells.means)


@pytest.fixture(scope="module")
def cohort(known, held_out) -> Cohort:
    return measure_cohort(CELL_TOY, known, held_out, lambda group: False)


def test_mean_maps_are_those_of_the_complete_faces(known):
    expected = np.mean([TOY.map_of(toy_face(seed).pixels) for seed in range(1000, 1120)], axis=0)
    assert known.cells.means["vis"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("cover", HIDING)
def test_pairs_are_a_loop_over_probes(known, held_out, cover):
    spreads = spreads_of(known)
    z, strangers = pairs_of(held_out, Condition("vis", cover, "cells"), spreads)
    assert strangers.sum() == 160 * 159, "everybody enrolled can be put behind every probe's mask"
    for i, j in ((0, 1), (5, 3), (158, 159)):
        probe, seen = held_out.probes["vis", cover][i], held_out.cells.seen["vis", cover][i]
        enrolled = held_out.cells.hidden[cover][held_out.masks[i], j]
        score = (1 - MIX) * probe @ held_out.enrolled[j] + MIX * seen @ enrolled
        mean = (1 - MIX) * probe @ spreads["whole"].mean + MIX * seen @ spreads[f"cells-{cover}"].mean
        first = np.sqrt(probe @ spreads["whole"].covariance @ probe)
        second = np.sqrt(seen @ spreads[f"cells-{cover}"].covariance @ seen)
        assert z[i, j] == pytest.approx((score - mean) / ((1 - MIX) * first + MIX * second), rel=1e-4, abs=1e-4)


def test_the_file_holds_what_the_score_needs(cohort, tmp_path):
    save_cohort(tmp_path / "a.safetensors", cohort)
    again = load_cohort(tmp_path / "a.safetensors")
    assert {key for key in again.adults if key.startswith("cells")} == {f"cells/vis/{cover}" for cover in HIDING}
    assert again.means["vis"] == pytest.approx(cohort.means["vis"], abs=1e-6)
    condition, rates = Condition("vis", "mouth", "cells"), SearchRates()
    template = TOY.embed(toy_face(4))
    judges = [one.judge(template, condition, 9, 9, rates, template.vector) for one in (cohort, again)]
    assert judges[0].score_at(0.01) == pytest.approx(judges[1].score_at(0.01), abs=1e-3)
    assert again.judge(template, condition, 9, 9, rates) is None, "what is seen of the probe has to be told"


def test_a_network_without_cells_has_a_cohort_without_them(tmp_path):
    found = measure_cohort("other", people(60, 1), people(200, 2), lambda group: False)
    assert not any(key.startswith("cells") for key in found.adults)
    assert {condition.score for condition in conditions_of(people(5, 3))} == {"whole", "alike"}
    save_cohort(tmp_path / "a.safetensors", found)
    assert load_cohort(tmp_path / "a.safetensors").means == {}


def test_strangers_are_called_a_match_no_more_often_than_stated(cohort, known):
    """150 strangers behind masks of their own search 40 people, all drawn anew. The rate holds within the interval of
    so many searches."""
    gallery = Gallery(":memory:", CELL_TOY)
    for seed in range(5000, 5040):
        enrol_face(gallery, TOY, toy_face(seed), f"Person {seed}", "toy")
    alike = LikeWithLike(TOY, gallery, {**known.cells.means, "nir": known.cells.means["vis"]})
    rng, rates = np.random.default_rng(8), SearchRates(match=0.05)
    called = {"match": 0, "uncertain": 0, "no match": 0}
    for seed in range(6000, 6150):
        mask = drawn_mask(HIDING[seed % len(HIDING)], mean_landmarks(), rng)
        face = occlude(toy_face(seed).with_(landmarks=mean_landmarks()), mask)
        found = alike.search(face, 1 - mask.astype(np.float32), 1)
        judges = judges_of(cohort, face, TOY.embed(face), gallery, rates, True, found.seen)
        assert judges is not None
        assert judges.alike is not None
        called[judges.judged(found.matches, found.reranking.scores)[0].verdict] += 1
    assert binomtest(called["match"], 150, rates.match, alternative="greater").pvalue > 0.001
    assert binomtest(called["match"] + called["uncertain"], 150, rates.uncertain, alternative="greater").pvalue > 0.001
    assert called["match"] + called["uncertain"] > 10, "nor is nobody ever in doubt"
