"""Everybody in a photo at once is who each is alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ssn.answers.crowd import best_of_everybody, crowd_templates
from ssn.gallery.cohort import cohort_of
from ssn.gallery.enrol import enrol_face
from ssn.gallery.search_verdict import judges_of
from ssn.gallery.sqlite import Gallery
from ssn.gallery.verdict import SearchRates
from tests.gallery.strangers import cohort as strangers


@pytest.fixture(scope="module")
def faces(finder, demo):
    return [finder.face(person.enrolment, index=0) for person in demo[:3]]


def test_templates_from_one_pass_are_those_of_each_alone(recognizer, faces):
    together = crowd_templates(recognizer, [*faces, faces[0].with_(spectrum="nir")])
    for face, template in zip(faces, together, strict=False):
        assert template.similarity(recognizer.embed(face)) == pytest.approx(1, abs=1e-5)
    assert together[3].spectrum == "nir"
    assert crowd_templates(recognizer, []) == []


def test_each_has_the_verdict_of_a_search_of_its_own(recognizer, checkpoint, faces, demo):
    cohort, rates = cohort_of(checkpoint, recognizer.model_id), SearchRates.around(0.02)
    templates = crowd_templates(recognizer, faces)
    with Gallery(":memory:", recognizer.model_id) as gallery:
        assert best_of_everybody(gallery, recognizer, cohort, faces, templates, rates) == [None] * 3
        for person, face in zip(demo[:2], faces, strict=False):
            enrol_face(gallery, recognizer, face, person.name, "test")
        best = best_of_everybody(gallery, recognizer, cohort, faces, templates, rates)
        assert [match.person for match in best[:2]] == [person.name for person in demo[:2]]
        for face, template, match in zip(faces, templates, best, strict=True):
            alone = gallery.search(template, 1, recognizer.card.thresholds)
            judges = judges_of(cohort, face, template, gallery, rates)
            assert match == (alone if judges is None else judges.judged(alone))[0]


def test_who_is_covered_is_no_match_and_the_others_stay_as_they_are(recognizer, faces, demo):
    measured = replace(strangers(), model_id=recognizer.model_id)
    rates, templates = SearchRates.around(0.5), crowd_templates(recognizer, faces)
    with Gallery(":memory:", recognizer.model_id) as gallery:
        for person, face in zip(demo, faces, strict=False):
            enrol_face(gallery, recognizer, face, person.name, "test")
        plain = best_of_everybody(gallery, recognizer, measured, faces, templates, rates)
        covered = best_of_everybody(gallery, recognizer, measured, faces, templates, rates, [0.3, 0.0, 0.05])
    assert [match.verdict for match in plain] == ["match"] * 3
    assert [match.verdict for match in covered] == ["uncertain", "match", "match"]
    assert [match.person for match in covered] == [match.person for match in plain]
