"""The gallery against a naive loop: searches, names, and templates of other models."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssn.errors import GalleryError, TemplateMismatchError
from ssn.gallery.names import MAX_NAME, clean_name
from ssn.gallery.sqlite import Gallery
from ssn.gallery.verdict import verdict
from ssn.recognizer import Template
from tests.gallery.templates import MODEL, template


def naive_search(enrolled: list[tuple[str, np.ndarray]], probe: np.ndarray, k: int) -> list[tuple[str, float, int]]:
    """(person, score, template number) by comparing one after the other."""
    best: dict[str, tuple[float, int]] = {}
    for number, (person, vector) in enumerate(enrolled, start=1):
        score = sum(float(a) * float(b) for a, b in zip(vector, probe, strict=True))
        if person not in best or score > best[person][0]:
            best[person] = (score, number)
    ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[1][1]))
    return [(person, score, number) for person, (score, number) in ranked[:k]]


@settings(max_examples=40)
@given(owners=st.lists(st.integers(0, 6), max_size=15), k=st.integers(0, 9), seed=st.integers(0, 10_000))
def test_a_search_is_the_naive_loop_over_all_templates(owners, k, seed):
    enrolled = [(f"person {owner}", template(seed + i).vector) for i, owner in enumerate(owners)]
    probe = template(seed + 500)
    with Gallery(":memory:", MODEL) as gallery:
        for name, vector in enrolled:
            gallery.enrol(name, Template(vector, MODEL))
        found = gallery.search(probe, k=k)
    expected = naive_search(enrolled, probe.vector, k)
    assert [(m.person, m.template_id) for m in found] == [(person, number) for person, _, number in expected]
    assert np.allclose([m.score for m in found], [score for _, score, _ in expected], atol=1e-5)
    assert [m.rank for m in found] == list(range(1, len(expected) + 1))


def test_fewer_people_than_asked_for_are_all_returned_and_an_empty_gallery_returns_none(gallery):
    assert gallery.search(template(0)) == []
    gallery.enrol("Ann", template(1))
    gallery.enrol("Ben", template(2))
    assert len(gallery.search(template(0), k=100)) == 2
    assert gallery.search(template(0), k=-1) == []


def test_of_equal_scores_the_one_enrolled_first_comes_first(gallery):
    for name in ("Zoe", "Ann", "Moe"):
        gallery.enrol(name, template(1))
    assert [m.person for m in gallery.search(template(1))] == ["Zoe", "Ann", "Moe"]


def test_a_person_with_several_templates_appears_once_with_the_best(gallery):
    first, second = template(1), template(2)
    gallery.enrol("Ann", first)
    best = gallery.enrol("Ann", second, spectrum_photo := b"jpeg of ann", origin="b.jpg")
    gallery.enrol("Ben", template(3))
    found = gallery.search(second)
    assert [m.person for m in found].count("Ann") == 1
    assert found[0].template_id == best
    assert found[0].score == pytest.approx(1, abs=1e-5)
    assert gallery.face_image(best) == spectrum_photo
    assert gallery.templates_of(found[0].person_id) == [(1, "vis", ""), (best, "vis", "b.jpg")]
    assert [(p.name, p.templates, p.stored) for p in gallery.people()] == [("Ann", 2, 2), ("Ben", 1, 1)]


def test_scores_never_leave_the_range_of_a_cosine(gallery):
    for seed in range(30):
        gallery.enrol(f"p{seed}", template(seed))
    for seed in range(30):
        assert all(-1 <= m.score <= 1 for m in gallery.search(template(seed), k=30))


def test_an_enrolment_after_a_search_is_found_by_the_next(gallery):
    gallery.enrol("Ann", template(1))
    assert gallery.search(template(2))[0].person == "Ann"
    gallery.enrol("Ben", template(2))
    assert gallery.search(template(2))[0].person == "Ben"


def test_what_is_enrolled_is_there_after_opening_again(path):
    with Gallery(path, MODEL) as gallery:
        number = gallery.enrol("Ann", template(1, spectrum="nir"), b"picture", "a.png")
    with Gallery(path, MODEL) as gallery:
        stored = gallery.template(number)
        assert np.array_equal(stored.vector, template(1).vector)
        assert (stored.model_id, stored.spectrum) == (MODEL, "nir")
        assert gallery.search(template(1))[0].person == "Ann"


@pytest.mark.parametrize(
    ("score", "thresholds", "expected"),
    [
        (0.61, {"0.01": 0.4, "0.001": 0.6}, "match"),
        (0.60, {"0.01": 0.4, "0.001": 0.6}, "match"),
        (0.59, {"0.01": 0.4, "0.001": 0.6}, "uncertain"),
        (0.40, {"0.01": 0.4, "0.001": 0.6}, "uncertain"),
        (0.39, {"0.01": 0.4, "0.001": 0.6}, "no match"),
        (0.99, {}, "uncertain"),
        (-1.0, {}, "uncertain"),
        (0.99, {"0.01": 0.4}, "uncertain"),
    ],
)
def test_the_verdict_follows_the_thresholds_and_without_them_nothing_matches(score, thresholds, expected):
    assert verdict(score, thresholds) == expected


def test_a_stranger_is_no_match(gallery):
    gallery.enrol("Ann", template(1))
    found = gallery.search(template(2), thresholds={"0.01": 0.4, "0.001": 0.6})
    assert [m.verdict for m in found] == ["no match"]
    assert gallery.search(template(1), thresholds={"0.01": 0.4, "0.001": 0.6})[0].verdict == "match"


# --- names

ODD_NAMES = ["O'Brien", 'Robert"); DROP TABLE people;--', "Åsa Öström", "李雷", "😀 ‍Zero", "%_*?", "-", "x" * MAX_NAME]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_printable_name_is_kept_as_it_is(gallery, name):
    gallery.enrol("Somebody", template(5))
    gallery.enrol(name, template(1))
    assert gallery.search(template(1))[0].person == " ".join(name.replace("\u200d", "").split())
    assert len(gallery.people()) == 2


def test_names_that_look_alike_are_one_person(gallery):
    for name in ("José  Müller", " José Müller\n", "Jose\u0301\tMu\u0308ller"):
        gallery.enrol(name, template(1))
    assert [(p.name, p.templates) for p in gallery.people()] == [("José Müller", 3)]


@pytest.mark.parametrize("name", ["", "  \t\n", "x" * (MAX_NAME + 1), "a\0b", "a\x1b[31m", "\ud800"])
def test_names_that_are_no_names_are_refused_and_nothing_is_enrolled(gallery, name):
    with pytest.raises(GalleryError, match="name"):
        gallery.enrol(name, template(1))
    assert gallery.people() == []


@given(st.text(max_size=100))
def test_cleaning_a_name_twice_changes_nothing_more(name):
    try:
        clean = clean_name(name)
    except GalleryError:
        return
    assert clean_name(clean) == clean
    assert 1 <= len(clean) <= MAX_NAME


def test_an_origin_that_is_no_text_does_not_stop_an_enrolment(gallery):
    gallery.enrol("Ann", template(1), origin=os.fsdecode(b"caf\xe9.jpg"))
    assert gallery.templates_of(1)[0][2] == "caf?.jpg"


# --- other models, odd templates


def test_a_template_of_another_model_is_refused_everywhere(gallery):
    gallery.enrol("Ann", template(1))
    with pytest.raises(TemplateMismatchError, match="model-b"):
        gallery.enrol("Ben", template(2, "model-b"))
    with pytest.raises(TemplateMismatchError, match="model-b"):
        gallery.search(template(2, "model-b"))
    with pytest.raises(TemplateMismatchError):
        template(1).similarity(template(1, "model-b"))
    assert [p.name for p in gallery.people()] == ["Ann"]


def test_a_gallery_of_another_model_says_so_and_one_of_both_searches_its_own(path):
    with Gallery(path, "model-b") as other:
        other.enrol("Ann", template(1, "model-b"))
    with Gallery(path, MODEL) as gallery:
        with pytest.raises(TemplateMismatchError, match="enrolled with model-b"):
            gallery.search(template(1))
        with pytest.raises(TemplateMismatchError):
            gallery.template(1)
        gallery.enrol("Ben", template(1))
        assert [m.person for m in gallery.search(template(1))] == ["Ben"]
        assert [(p.name, p.templates, p.stored) for p in gallery.people()] == [("Ann", 0, 1), ("Ben", 1, 1)]


@pytest.mark.parametrize("vector", [np.zeros(255), np.zeros((1, 256)), np.full(256, np.nan), np.zeros(0)])
def test_a_vector_that_is_no_template_is_refused_before_it_spoils_the_gallery(gallery, vector):
    gallery.enrol("Ann", template(1))
    for act in (lambda t: gallery.enrol("Ben", t), gallery.search):
        with pytest.raises(TemplateMismatchError, match="no template"):
            act(Template(vector, MODEL))
    assert [m.person for m in gallery.search(template(1))] == ["Ann"]


def test_a_template_in_double_precision_is_as_good(gallery):
    gallery.enrol("Ann", Template(template(1).vector.astype(np.float64), MODEL))
    assert gallery.search(Template(template(1).vector.astype(np.float64)[::1], MODEL))[0].score > 0.999
