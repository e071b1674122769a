"""Like with like: the shortlist, whole and behind the probe's mask, against a loop over one face at a time."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from app.workbench import bench as steps
from app.workbench.reasons import find_reason, target_of
from ssn.errors import ExplanationError
from ssn.explanation.cache import Memory
from ssn.faces.occlude import mask_bottom, occlude
from ssn.faces.types import AlignedFace
from ssn.gallery.alike import rerank
from ssn.gallery.rerank import SHORTLIST

BFLOAT = 0.02
"""How far a cosine moves where the re-ranking computes in bfloat16."""


def blended(face: AlignedFace, seed: int) -> AlignedFace:
    """Something of ``face`` in new noise, so that the scores differ."""
    noise = np.random.default_rng(seed).integers(0, 256, face.pixels.shape)
    share = seed % 9 / 10
    return face.with_(pixels=(share * face.pixels + (1 - share) * noise).astype(np.uint8))


@pytest.fixture
def people(services, face) -> dict[str, AlignedFace]:
    """Eight enrolled people."""
    faces = {f"Person {seed}": blended(face, seed) for seed in range(1, 9)}
    for name, one in faces.items():
        services.enrol(name, one, "test")
    return faces


@pytest.fixture
def hidden(services, bench, people):
    """A bench whose probe is hidden below."""
    return steps.set_mode(services, steps.choose(services, bench, 0), "maskBottom")


def naive(services, bench, people) -> dict[str, float]:
    """Every face whole and hidden, embedded one by one in full precision; two parts of the one, one of the other."""
    embed = services.recognizer.embed
    probe, found = embed(bench.after.face).vector, {}
    for name, face in people.items():
        both = 2 * services.recognizer.enrolment(face).vector + embed(occlude(face, bench.mask)).vector
        found[name] = float(both @ probe) / float((both @ both) ** 0.5)
    return found


def test_the_new_order_is_that_of_a_loop_over_hidden_faces(services, hidden, people):
    done = steps.set_alike(services, hidden, True)
    expected = naive(services, hidden, people)
    scores = [done.reranking.scores[match.template_id] for match in done.matches]
    assert scores == pytest.approx([expected[match.person] for match in done.matches], abs=BFLOAT)
    assert scores == sorted(scores, reverse=True)
    assert [match.rank for match in done.matches] == [1, 2, 3, 4, 5]
    assert min(scores) >= sorted(expected.values())[-5] - BFLOAT, "the five best of all eight"
    assert (len(done.reranking.scores), done.reranking.kept) == (8, 0)
    assert done.reranking.ms > 0


def test_the_ordinary_score_stays_at_hand(services, hidden):
    usual = {match.person: match.score for match in services.gallery.search(hidden.after.template, SHORTLIST)}
    done = steps.set_alike(services, hidden, True)
    assert [match.score for match in done.matches] == [usual[match.person] for match in done.matches]
    assert len(done.complete_scores) == len(done.matches)
    back = steps.set_alike(services, done, False)
    assert back.matches == hidden.matches
    assert back.reranking is None


def test_where_nothing_is_hidden_nothing_changes(services, bench, people):
    plain = steps.choose(services, bench, 0)
    done = steps.set_alike(services, plain, True)
    assert done.reranking is None
    assert done.matches == plain.matches
    assert done.complete_scores == plain.complete_scores


def test_it_follows_the_brush_while_it_is_on(services, hidden, people):
    on = steps.set_alike(services, hidden, True)
    mask = np.zeros((128, 128), bool)
    mask[20:50, 30:100] = True
    painted = steps.paint(services, on, mask)
    expected = naive(services, painted, people)
    for match in painted.matches:
        assert painted.reranking.scores[match.template_id] == pytest.approx(expected[match.person], abs=BFLOAT)
    assert painted.reranking.scores != on.reranking.scores
    cleared = steps.paint(services, painted, np.zeros((128, 128), bool))
    assert cleared.alike, "it is still asked for"
    assert cleared.reranking is None


def test_a_person_without_picture_stays_where_they_are(services, hidden, people):
    """Two of them, one whose picture is damaged, somewhere among the eight."""
    near = services.recognizer.embed(blended(hidden.before.face, 8))
    far = services.recognizer.embed(blended(hidden.before.face, 9))
    services.gallery.enrol("Unseen", near)
    services.gallery.enrol("Damaged", far, b"no picture")
    before = services.gallery.search(hidden.after.template, SHORTLIST)
    after, told = rerank(services.recognizer, services.gallery, hidden.after.face, before)
    assert told.kept == 2
    assert {match.person for match in after} == {match.person for match in before}
    for old in before:
        if old.person in ("Unseen", "Damaged"):
            assert after[old.rank - 1] == old
            assert old.template_id not in told.scores
    moved = [told.scores[match.template_id] for match in after if match.template_id in told.scores]
    assert moved == sorted(moved, reverse=True)


def test_a_shortlist_without_any_picture_is_left_alone(services, bench, face):
    services.gallery.enrol("Unseen", services.recognizer.embed(face))
    hidden = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    done = steps.set_alike(services, hidden, True)
    assert done.matches == hidden.matches
    assert (done.reranking.scores, done.reranking.kept) == ({}, 1)


def test_of_several_templates_the_one_that_matched_best_is_compared(services, bench, face, landmarks):
    services.enrol("Ada", blended(face, 1), "far")
    best = services.enrol("Ada", face, "near").template_id
    bench = steps.set_alike(services, steps.choose(services, bench, 0), True)
    done = steps.paint(services, bench, mask_bottom(landmarks) & (np.arange(128)[:, None] > 104))
    assert list(done.reranking.scores) == [best]
    usual = done.matches[0].score  # with the whole face; with the same face behind the same mask it is 1
    assert done.reranking.scores[best] == pytest.approx((2 * usual + 1) / (5 + 4 * usual) ** 0.5, abs=BFLOAT)


def test_another_photo_keeps_the_wish(services, demo):
    done = steps.open_photo(services, demo[0].enrolment, "vis", demo[0].name, alike=True)
    assert done.alike
    assert done.reranking is None


def test_why_explains_the_score_behind_the_mask(services, hidden, people):
    done = steps.set_alike(services, hidden, True)
    match = done.matches[1]
    stop = threading.Event()
    why = find_reason(services, done, match.person_id, "gradcam", False, Memory(4), lambda share: None, stop)
    assert why.alike
    assert why.found.score == pytest.approx(naive(services, done, people)[match.person], abs=1e-3)
    assert target_of(services, done, match.person_id, contrast=True).rival_name == done.matches[0].person


def test_a_kept_score_and_a_new_one_are_not_contrasted(services, bench, face):
    services.enrol("Ada", face, "test")
    services.gallery.enrol("Unseen", services.recognizer.embed(blended(face, 5)))
    bench = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    assert target_of(services, bench, bench.matches[0].person_id, contrast=True).rival_name
    done = steps.set_alike(services, bench, True)
    for match in done.matches:
        with pytest.raises(ExplanationError):
            target_of(services, done, match.person_id, contrast=True)
