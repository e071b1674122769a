"""Everybody compared by what both faces show, as the Matches panel does it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.services import Services
from app.workbench import bench as steps
from app.workbench.alike_html import alike_facts
from app.workbench.cells import CellsBox
from app.workbench.cells_html import cells_facts
from app.workbench.reasons import target_of
from ssn.explanation.pair import Target
from ssn.gallery.cohort import Cohort
from ssn.gallery.like_with_like import LikeWithLike
from tests.app.conftest import noise_face

NAMES = ("Ann", "Ben", "<b>Cid</b>")


@pytest.fixture
def able(services, landmarks) -> Services:
    """The same with a mean face, and three people enrolled."""
    rng = np.random.default_rng(4)
    means = {branch: rng.uniform(0, 1, (128, 8, 8)).astype(np.float32) for branch in ("vis", "nir")}
    made = replace(services, cohort=Cohort(services.recognizer.model_id, {}, {}, means=means))
    for seed, name in enumerate(NAMES):
        made.enrol(name, noise_face(landmarks, 10 + seed), "test")
    return made


@pytest.fixture
def masked(able, bench) -> steps.Bench:
    """A face behind the mask of the mouth."""
    return steps.set_mode(able, steps.choose(able, bench, 0), "maskBottom")


def pictures(services: Services, bench: steps.Bench) -> dict[int, bytes]:
    return services.gallery.face_images([match.template_id for match in bench.matches])


def test_everybody_is_ranked_by_what_both_show_and_it_is_said_which_cells_carried_it(able, masked):
    found = steps.set_by_cells(able, masked, True)
    visible = 1 - masked.mask.astype(np.float32)
    means = able.cohort.means
    expected = LikeWithLike(able.recognizer, able.gallery, means).search(masked.after.face, visible, 5)
    assert [match.person for match in found.matches] == [match.person for match in expected.matches]
    assert found.rescored == pytest.approx(expected.reranking.scores)
    said = cells_facts(found, pictures(able, found), True)
    assert said.count("<figure>") == 3
    assert "3 templates compared in" in said
    assert "<b>Cid" not in said
    share = found.cells.shares[found.matches[0].template_id]
    assert f"{share.cells.sum():+.3f} by cells, {share.rest:+.3f} as any face" in said
    assert "re-ranked" not in alike_facts(found)


def test_it_takes_the_place_of_re_ranking_and_the_other_way_round(able, masked):
    by_cells = steps.set_by_cells(able, steps.set_alike(able, masked, True), True)
    assert (by_cells.alike, by_cells.by_cells) == (False, True)
    reranked = steps.set_alike(able, by_cells, True)
    assert (reranked.alike, reranked.by_cells, reranked.cells) == (True, False, None)
    off = steps.set_by_cells(able, by_cells, False)
    assert (off.cells, off.reranking) == (None, None)
    shown = steps.set_mode(able, by_cells, "none")
    assert shown.cells is None, "nothing is hidden any more"
    assert cells_facts(shown, {}, True) == ""


def test_the_ordinary_score_is_explained(able, masked):
    found = steps.set_by_cells(able, masked, True)
    best = found.matches[0]
    own = [able.gallery.template(number) for number, *_ in able.gallery.templates_of(best.person_id)]
    expected = Target.person(best.person, own)
    target = target_of(able, found, best.person_id, contrast=False)
    assert target.vector == pytest.approx(expected.vector)


def test_where_no_mean_face_is_known_the_box_cannot_be_set(services, able, masked):
    assert services.like_with_like is None
    assert "not measured" in cells_facts(masked, {}, False)
    for known, can in ((services, False), (able, True)):
        box = CellsBox(known)
        assert box.renew(masked, "", False)[box.box].interactive is can


def test_who_is_deleted_is_not_held_either(able, masked):
    steps.set_by_cells(able, masked, True)
    held = able.like_with_like._held
    assert len(held.rows) == 3
    able.delete("person", able.gallery.person("Ben").id)
    assert [row.person for row in held.rows if row.person == "Ben"] == []
    assert not held._cells[len(held.rows) :].any()
