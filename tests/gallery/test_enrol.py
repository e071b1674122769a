"""Enrolling: one way for page and command line, without loss, once for the same content, and for another model."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.errors import GalleryError, LandmarksUnknownError, NameCaseError
from ssn.faces.occlude import named_mask
from ssn.faces.parts import region_labels
from ssn.faces.types import AlignedFace
from ssn.gallery.enrol import content_digest, enrol_again, enrol_face
from ssn.gallery.names import clean_name
from ssn.gallery.sqlite import Gallery
from tests.gallery.toys import TOY, ToyRecognizer, picture


def face(seed: int, noise: int = 0, spectrum: str = "vis") -> AlignedFace:
    return AlignedFace(np.asarray(picture(seed, noise)), np.zeros((68, 2)), np.eye(2, 3), spectrum)


@pytest.fixture
def toy() -> ToyRecognizer:
    return ToyRecognizer()


@pytest.fixture
def gallery():
    with Gallery(":memory:", TOY) as made:
        yield made


def test_what_is_stored_can_be_embedded_again_without_loss(gallery, toy):
    done = enrol_face(gallery, toy, face(1, spectrum="nir"), "Ada", "a.png")
    stored = gallery.stored_face(done.template_id)
    assert np.array_equal(stored.pixels, face(1).pixels)
    assert np.array_equal(toy.embed(stored).vector, gallery.template(done.template_id).vector)
    assert stored.spectrum == "nir"


def test_a_stored_picture_has_no_landmarks_and_says_so(gallery, toy):
    stored = gallery.stored_face(enrol_face(gallery, toy, face(1), "Ada", "").template_id)
    assert stored.landmarks is None
    for ask in (
        lambda: named_mask("maskTop", stored.landmarks),
        lambda: named_mask("maskBottom", stored.landmarks),
        lambda: region_labels(stored.landmarks),
    ):
        with pytest.raises(LandmarksUnknownError, match="not known"):
            ask()
    assert not named_mask("none", stored.landmarks).any()


def test_the_same_content_counts_once_a_person(gallery, toy):
    digest = content_digest(b"bytes of a file", "vis")
    first = enrol_face(gallery, toy, face(1), "Ada", "a.png", digest=digest)
    again = enrol_face(gallery, toy, face(1), " Ada ", "b.png", digest=digest)
    assert (again.already, again.template_id) == (True, first.template_id)
    assert gallery.enrol("Ada", toy.embed(face(1)), digest=digest) == first.template_id, "also in the store itself"
    other = enrol_face(gallery, toy, face(1), "Bea", "a.png", digest=digest)
    assert not other.already
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 1), ("Bea", 1)]
    assert len({digest, content_digest(b"bytes of a file", "nir"), content_digest(b"other", "vis")}) == 3
    enrol_face(gallery, toy, face(1), "Ada", "")
    enrol_face(gallery, toy, face(1), "Ada", "")
    assert gallery.person("Ada").templates == 3, "without a digest every enrolment counts"


def test_a_deleted_photo_can_be_enrolled_again(gallery, toy):
    digest = content_digest(b"x")
    gallery.delete_template(enrol_face(gallery, toy, face(1), "Ada", "", digest=digest).template_id)
    assert gallery.with_digest("Ada", digest) is None
    assert not enrol_face(gallery, toy, face(1), "Ada", "", digest=digest).already


def test_the_same_face_under_a_second_name_is_told(gallery, toy):
    enrol_face(gallery, toy, face(1), "Ada", "")
    assert enrol_face(gallery, toy, face(1, noise=3), "Ada", "").looks_like is None, "a further photo of her own"
    assert enrol_face(gallery, toy, face(2), "Ben", "").looks_like is None, "somebody else"
    twin = enrol_face(gallery, toy, face(1, noise=4), "Adele", "").looks_like
    assert (twin.person, twin.verdict) == ("Ada", "match")
    assert gallery.person("Adele").templates == 1, "told, not refused"


def test_in_a_gallery_of_another_model_nobody_looks_like_anybody(tmp_path, toy):
    path = tmp_path / "g.db"
    with Gallery(path, "other") as other:
        enrol_face(other, ToyRecognizer("other"), face(1), "Ada", "")
    with Gallery(path, TOY) as gallery:
        assert enrol_face(gallery, toy, face(1), "Bea", "").looks_like is None


# --- names


@pytest.mark.parametrize("other", ["alex", "ALEX", " aLex", "al\u200bex"])
def test_a_name_that_differs_by_case_only_is_asked_about(gallery, toy, other):
    enrol_face(gallery, toy, face(1), "Alex", "")
    with pytest.raises(NameCaseError, match="Alex"):
        enrol_face(gallery, toy, face(2), other, "")
    assert [p.name for p in gallery.people()] == ["Alex"]
    enrol_face(gallery, toy, face(2), other, "", exact_name=True)
    assert {p.name for p in gallery.people()} == {"Alex", clean_name(other)}
    assert not enrol_face(gallery, toy, face(3), other, "").already, "known by now, it is no new name"


@pytest.mark.parametrize(
    "odd", ["A\u200bda", "Ada\u200e", "\ufeffAda", "A\u00adda", "Ada\ufe0f", "\u2060 Ada", "Ada \u3164"]
)
def test_a_name_is_looked_up_as_it_is_written(gallery, toy, odd):
    enrol_face(gallery, toy, face(1), "Ada", "")
    assert gallery.person(odd).name == "Ada"
    assert enrol_face(gallery, toy, face(2), odd, "").person == "Ada"
    assert len(gallery.people()) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("İpek", "ipek"),
        ("Ipek", "ıpek"),
        ("IŞIK", "ışık"),
        ("Işık", "İŞİK"),
        ("STRASSE", "Straße"),
        ("Straße", "STRAẞE"),
        ("Ada", "Ａｄａ"),
        ("ΣΙΣΥΦΟΣ", "Σίσυφος".replace("ί", "ι")),
        ("ﬁnn", "FINN"),
    ],
)
def test_letters_alike_in_another_case_or_form_are_asked_about(gallery, toy, first, second):
    enrol_face(gallery, toy, face(1), first, "")
    with pytest.raises(NameCaseError, match="differs from"):
        enrol_face(gallery, toy, face(2), second, "")
    enrol_face(gallery, toy, face(2), second, "", exact_name=True)
    assert len(gallery.people()) == 2


@pytest.mark.parametrize(("first", "second"), [("Ada", "Adá"), ("Ivo", "Jvo"), ("Anna", "Anna.")])
def test_other_letters_are_other_names(gallery, toy, first, second):
    enrol_face(gallery, toy, face(1), first, "")
    assert enrol_face(gallery, toy, face(2), second, "").person == second


@pytest.mark.parametrize("name", ["\u200b", "\u200b \ufeff", "\u3164", "\u0301", "\u0301 \u0302"[:1], "x" * 81])
def test_an_invisible_name_is_none(gallery, name):
    with pytest.raises(GalleryError, match="1 to 80"):
        gallery.person(name)


# --- again


def test_a_damaged_picture_stops_nobody_else_and_is_reported(tmp_path, toy):
    path = tmp_path / "g.db"
    with Gallery(path, "other") as other:
        foreign = ToyRecognizer("other")
        for seed, name in enumerate(("Ada", "Ben", "Cid", "Dee")):
            enrol_face(
                other, foreign, face(seed, spectrum="nir"), name, f"{name}.png", digest=content_digest(b"%d" % seed)
            )
        other.enrol("Ben", foreign.embed(face(7)), b"\x89PNG cut off")
        other.enrol("Eve", foreign.embed(face(8)), b"")
    with Gallery(path, TOY) as gallery:
        done = enrol_again(gallery, toy)
        assert done.added == 4
        assert [person for person, _ in done.refused] == ["Ben", "Eve"]
        assert all(reason for _, reason in done.refused)
        for seed, name in enumerate(("Ada", "Ben", "Cid", "Dee")):
            best = gallery.search(toy.embed(face(seed)))[0]
            assert (best.person, round(best.score, 5)) == (name, 1)
            assert gallery.with_digest(name, content_digest(b"%d" % seed)) == best.template_id
        assert enrol_again(gallery, toy).added == 0
