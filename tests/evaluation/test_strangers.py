"""Strangers embedded in every condition, and the cohort that is measured on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssn.errors import DataError
from ssn.evaluation.cohort import LEAST_PEOPLE, conditions_of, measure_cohort, pairs_of, spreads_of
from ssn.evaluation.strangers import MASKS, drawn_mask, embed_strangers
from ssn.faces.types import AlignedFace
from ssn.gallery.condition import COVERS, HIDING, Condition, cover_of
from ssn.gallery.rerank import mixed
from tests.gallery.strangers import people


class Mean:
    """A recogniser whose template is the rows' mean gray; it notes what it was shown."""

    cells = None

    def __init__(self):
        self.shown: list[list[AlignedFace]] = []

    def embed_batch(self, faces, fast=False, enrolled=False):
        assert fast
        self.shown.append(list(faces))
        rows = np.stack([face.pixels.mean(axis=(1, 2)) + 1 for face in faces])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def never(group: str) -> bool:
    return False


@pytest.mark.parametrize("cover", HIDING)
@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_mask_is_what_it_is_called(landmarks, cover, seed):
    mask = drawn_mask(cover, landmarks, np.random.default_rng(seed))
    assert mask.shape == (128, 128)
    assert cover_of(mask, landmarks) == cover


def test_everybody_is_seen_in_every_condition_behind_a_shared_mask(landmarks):
    rng = np.random.default_rng(0)
    faces = [AlignedFace(rng.integers(1, 255, (128, 128, 3), np.uint8), landmarks, np.eye(2, 3)) for _ in range(6)]
    recognizer, told = Mean(), []
    found = embed_strangers(recognizer, faces, [("a",)] * 6, told=told.append)
    assert set(found.probes) == {(branch, cover) for branch in ("vis", "nir") for cover in COVERS}
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(recognizer.shown) == 1 + 2 * len(COVERS)
    for faces_shown in recognizer.shown[1:]:
        for first, second in ((0, MASKS), (1, MASKS + 1)):
            assert (faces_shown[first].mask == faces_shown[second].mask).all(), "the same mask"
    spectra = [shown[0].spectrum for shown in recognizer.shown]
    assert spectra.count("nir-simulated") == len(COVERS)


def test_moments_like_with_like_are_those_of_the_mixture():
    strangers = people(LEAST_PEOPLE, 3)
    spreads = spreads_of(strangers)
    both = mixed(strangers.enrolled, strangers.probes["vis", "mouth"])
    assert spreads["alike-mouth"].mean == pytest.approx(both.mean(axis=0))
    assert spreads["whole"].covariance == pytest.approx(np.cov(strangers.enrolled.T))
    with pytest.raises(DataError, match=str(LEAST_PEOPLE)):
        spreads_of(people(LEAST_PEOPLE - 1, 3))


def test_only_different_people_are_pairs_and_like_with_like_only_behind_the_same_mask():
    strangers = people(60, 4)
    spreads = spreads_of(strangers)
    z, whole = pairs_of(strangers, Condition("vis", "eyes"), spreads)
    assert z.shape == (60, 60)
    assert whole.sum() == 60 * 59
    _, alike = pairs_of(strangers, Condition("vis", "eyes", "alike"), spreads)
    assert alike.sum() == 60 * 14
    assert not alike[0, 1]
    assert alike[0, MASKS]
    keys = [condition.key for condition in conditions_of(strangers)]
    assert len(keys) == len(set(keys)) == 2 * len(COVERS) - 1


def test_children_are_measured_apart_and_pairs_within_groups_only():
    grown, young = people(100, 6, ("set",)), people(100, 7, ("set, age 0–12",))
    both = replace(
        grown,
        enrolled=np.vstack([grown.enrolled, young.enrolled]),
        probes={key: np.vstack([grown.probes[key], young.probes[key]]) for key in grown.probes},
        masks=np.concatenate([grown.masks, young.masks]),
        groups=grown.groups + young.groups,
    )
    found = measure_cohort("m", people(80, 5), both, lambda group: "age 0" in group)
    for key, tail in found.adults.items():
        assert tail.group == "set"
        assert found.children[key].group == "set, age 0–12"
    assert found.adults["whole/vis/none"].pairs == 100 * 99
    assert found.facts["groups_of_children"] == ["set, age 0–12"]


def test_pairs_that_may_be_the_same_person_are_not_counted():
    held_out = people(80, 8)
    same = np.zeros((80, 80), bool)
    same[0, 1] = same[1, 0] = True
    found = measure_cohort("m", people(60, 9), held_out, never, same=same)
    assert found.adults["whole/vis/none"].pairs == 80 * 79 - 2


def test_too_few_adults_are_refused():
    with pytest.raises(DataError, match="adults"):
        measure_cohort("m", people(60, 1), people(60, 2), lambda group: True)
