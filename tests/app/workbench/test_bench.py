"""The bench's steps: what each changes, what it leaves alone, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from app.workbench import bench as steps
from app.workbench.blocks import other_indicators
from ssn.errors import DataError, ImageError, NoFaceError, NotAnImageError
from ssn.faces.occlude import mask_bottom
from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Template
from tests.app.conftest import noise_face


def test_choosing_a_face_looks_at_it(services, bench):
    done = steps.choose(services, bench, 0)
    assert len(done.before.maps) == 4
    assert done.after is done.before
    assert done.occluded_share == 0
    assert done.token != bench.token, "a stroke belongs to one face"
    assert steps.set_mode(services, done, "maskTop").token == done.token
    assert bench.index is None, "the old bench is unchanged"


@pytest.mark.parametrize("index", [-1, 1, 2])
def test_faces_that_cannot_be_used_are_refused(services, bench, index):
    with pytest.raises(NoFaceError):
        steps.choose(services, bench, index)


def test_a_named_occlusion_hides_its_rectangle_and_keeps_the_complete_face(services, bench, landmarks):
    chosen = steps.choose(services, bench, 0)
    done = steps.set_mode(services, chosen, "maskBottom")
    assert (done.mask == mask_bottom(landmarks)).all()
    assert not done.after.face.pixels[done.mask].any()
    assert done.before is chosen.before
    assert np.abs(done.after.maps[0].response - done.before.maps[0].response).max() > 0


def test_painting_hides_exactly_the_mask_and_can_be_returned_to(services, bench):
    mask = np.zeros((128, 128), bool)
    mask[10:30, 40:60] = True
    painted = steps.paint(services, steps.choose(services, bench, 0), mask)
    assert painted.mode == "painted"
    assert painted.occluded_share == pytest.approx(400 / 128**2)
    none = steps.set_mode(services, painted, "none")
    assert none.occluded_share == 0
    assert (steps.set_mode(services, none, "painted").mask == mask).all()


def test_the_mask_and_the_wishes_stay_from_probe_to_probe(services, bench, demo):
    mask = np.zeros((128, 128), bool)
    mask[10:30, 40:60] = True
    first = steps.set_ranks(services, steps.paint(services, steps.choose(services, bench, 0), mask), 3)
    following = steps.open_photo(services, demo[0].enrolment, "vis", "Your photo", like=first)
    assert (following.mask == mask).all()
    assert following.ranks == 3
    assert following.token != first.token, "a stroke belongs to one face"
    named = steps.open_photo(
        services, demo[0].enrolment, "vis", "Your photo", like=steps.set_mode(services, first, "maskBottom")
    )
    assert (named.mask == mask_bottom(named.before.face.landmarks)).all(), "a named part is that of the new face"
    assert (steps.set_mode(services, named, "painted").mask == mask).all()


@pytest.mark.parametrize("ranks", [1, 4])
def test_as_many_people_are_ranked_as_wanted(services, bench, landmarks, ranks):
    for seed in range(6):
        services.enrol(f"Person {seed}", noise_face(landmarks, 20 + seed), "test")
    chosen = steps.choose(services, bench, 0)
    done = steps.set_ranks(services, chosen, ranks)
    assert [match.rank for match in done.matches] == list(range(1, ranks + 1))
    assert done.matches == chosen.matches[:ranks]
    with pytest.raises(DataError):
        steps.set_ranks(services, chosen, 21)


def test_a_mask_of_another_shape_is_refused(services, bench):
    with pytest.raises(ImageError):
        steps.paint(services, steps.choose(services, bench, 0), np.zeros((64, 64), bool))


def test_simulated_nir_is_never_called_nir(services, bench):
    chosen = steps.choose(services, bench, 0)
    assert not chosen.simulated_now
    simulated = steps.set_choice(services, chosen, "simulate")
    assert simulated.after.face.spectrum == "nir-simulated"
    assert simulated.simulated_now
    assert steps.set_choice(services, simulated, "nir").after.face.spectrum == "nir"


def test_the_occlusion_survives_a_change_of_spectrum(services, bench):
    hidden = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    assert (steps.set_choice(services, hidden, "nir").mask == hidden.mask).all()


def test_matches_carry_the_score_of_the_complete_face(services, bench, face):
    services.enrol("Ada", face, "test")
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskBottom")
    assert [match.person for match in done.matches] == ["Ada"]
    template = services.recognizer.enrolment(face)
    assert done.complete_scores[0] == pytest.approx(template.similarity(done.before.template), abs=1e-3)
    assert done.complete_scores[0] > 0.95, "the same photo, but enrolled with its mirror image"
    assert done.matches[0].score < done.complete_scores[0]


def test_a_gallery_of_another_model_is_told_and_the_maps_remain(recognizer, bench, services, tmp_path):
    path = tmp_path / "other.db"
    with Gallery(path, "another-model") as other:
        other.enrol("Ada", Template(np.eye(256, dtype=np.float32)[0], "another-model"))
    with Gallery(path, recognizer.model_id) as gallery:
        foreign = steps.Services(recognizer, gallery, services.demo)
        done = steps.choose(foreign, bench, 0)
    assert "another-model" in done.search_problem
    assert done.matches == ()
    assert len(done.after.maps) == 4


def test_the_indicator_of_either_spectrum_can_be_asked_for(services, bench):
    done = steps.choose(services, bench, 0)
    for branch in ("vis", "nir"):
        indicators = other_indicators(services, done, branch)
        assert [one.shape for one in indicators] == [one.response.shape for one in done.after.maps]


def test_what_is_no_picture_is_refused_before_anything_else(services):
    with pytest.raises(NotAnImageError):
        steps.open_photo(services, b"", "vis", "Your photo")
    with pytest.raises(NotAnImageError):
        steps.open_photo(services, b"just text", "vis", "Your photo")


def test_a_picture_without_a_face_is_refused(services):
    with pytest.raises(NoFaceError):
        steps.open_photo(services, np.full((200, 200, 3), 128, np.uint8), "vis", "Your photo")


def test_a_demo_photo_is_found_and_aligned(services, demo):
    done = steps.open_photo(services, demo[0].enrolment, "vis", demo[0].name)
    assert done.index == 0
    assert done.photo.faces[0].landmarks.shape == (68, 2)
    assert max(done.photo.preview.shape[:2]) == 640


def test_a_second_model_answers_for_the_same_face_and_people(two_models, other_recognizer, bench, face):
    upside_down = face.with_(pixels=face.pixels[::-1].copy())
    two_models.enrol("Ada", face, "test")
    two_models.enrol("Eve", upside_down, "test")
    done = steps.set_mode(two_models, steps.choose(two_models, bench, 0), "maskBottom")
    probe = other_recognizer.embed(done.after.face)
    expected = {
        name: other_recognizer.enrolment(one).similarity(probe) for name, one in [("Ada", face), ("Eve", upside_down)]
    }
    assert {match.person: match.score for match in done.opinion.matches} == pytest.approx(expected, abs=1e-4)
    on = steps.set_alike(two_models, done, True)
    assert on.reranking.scores
    assert on.opinion == done.opinion, "its ranking stays the ordinary one"


def test_without_a_second_model_there_is_no_opinion(services, bench, face):
    services.enrol("Ada", face, "test")
    assert steps.choose(services, bench, 0).opinion is None


def test_who_is_deleted_between_the_search_and_the_reading_is_searched_without(services, bench, landmarks, monkeypatch):
    for seed in range(3):
        services.enrol(f"Person {seed}", noise_face(landmarks, 20 + seed), "test")
    done = steps.choose(services, bench, 0)
    first, *others = done.matches
    plain = services.gallery.template

    def deleted_meanwhile(number: int) -> Template:
        if any(person.id == first.person_id for person in services.gallery.people()):
            services.gallery.delete_person(first.person_id)
        return plain(number)

    monkeypatch.setattr(services.gallery, "template", deleted_meanwhile)
    again = steps.search(services, done)
    assert again.search_problem == ""
    assert [match.person_id for match in again.matches][: len(others)] == [match.person_id for match in others]


class Veil:
    """Says that the left half of every face is hidden, of which so much is seen."""

    def __init__(self, seen: float):
        self.seen = seen

    def visibility(self, face) -> np.ndarray:
        v = np.ones((128, 128), np.float32)
        v[:, :64] = self.seen
        return v


@pytest.mark.parametrize(("seen", "hidden"), [(0.02, 0.5), (0.4, 0.0), (0.9, 0.0)])
def test_what_is_found_opaque_is_hidden_and_what_lets_light_through_is_not(services, bench, monkeypatch, seen, hidden):
    monkeypatch.setattr(type(services), "visibility", Veil(seen))
    done = steps.set_mode(services, steps.choose(services, bench, 0), "found")
    assert done.occluded_share == hidden
    assert done.mode == "found"
    assert not done.after.face.pixels[done.mask].any()
    assert done.before.covered_share == (0.5 if seen < 0.5 else 0)
    painted = steps.paint(services, done, done.mask)
    assert (painted.mask == done.mask).all(), "the brush goes on from there"


def test_what_is_found_is_that_of_the_face_at_hand(services, bench, demo):
    worn = next(probe for person in demo for probe in person.probes if probe.occlusion == "scarf")
    first = steps.set_mode(services, steps.choose(services, bench, 0), "found")
    following = steps.open_photo(services, worn.file, "nir", "Your photo", like=first)
    assert following.mode == "found"
    assert following.mask[96:].mean() > 0.5, "the scarf of the new face, not what was found on the last"
    assert following.mask[:48].mean() < 0.1


def test_where_no_network_says_what_is_seen_nothing_is_found_and_nothing_is_said(services, bench, monkeypatch):
    monkeypatch.setattr(type(services), "visibility", None)
    done = steps.set_mode(services, steps.choose(services, bench, 0), "found")
    assert not done.mask.any()
    assert done.before.covered_share is None
    assert done.after.visibility is None


def test_what_is_painted_is_not_visible_and_the_rest_as_visible_as_before(services, bench):
    mask = np.zeros((128, 128), bool)
    mask[20:60, 30:90] = True
    done = steps.paint(services, steps.choose(services, bench, 0), mask)
    assert (done.after.visibility[mask] == 0).all()
    assert (done.after.visibility[~mask] == done.before.visibility[~mask]).all()
    assert done.after.visibility.dtype == np.float32
