"""What an Explainer finds: both sides of a pair alike, nothing where nothing is seen, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.errors import ExplanationError, TemplateMismatchError
from ssn.explanation.explainer import Explainer
from ssn.explanation.question import Question
from ssn.faces.occlude import occlude
from ssn.faces.parts import region_labels
from tests.explanation.toys import FEW, light_cnn, photo_target, smooth_face, stand_in, target_of


@pytest.mark.parametrize("method", ["ig", "saliency", "input_x_gradient", "deeplift", "occlusion", "region_shap"])
def test_symmetric_pairs_give_symmetric_maps(explainer, network, method):
    a, b = smooth_face(0), smooth_face(1)
    settings = {"sides": "both", "baseline": "blur"}
    if method == "region_shap":
        settings["parameters"] = {"samples": 32}
    there = explainer.explain(Question(a, photo_target(network, b), method, **settings))
    back = explainer.explain(Question(b, photo_target(network, a), method, **settings))
    np.testing.assert_allclose(there.map, back.gallery_map, atol=1e-6)
    np.testing.assert_allclose(there.gallery_map, back.map, atol=1e-6)
    assert there.score == pytest.approx(back.score, abs=1e-6)


def test_symmetric_on_the_real_network():
    network = light_cnn()
    explainer = Explainer(stand_in(network))
    a, b = smooth_face(0), smooth_face(1)
    there = explainer.explain(Question(a, photo_target(network, b), "gradcam", sides="both"))
    back = explainer.explain(Question(b, photo_target(network, a), "gradcam", sides="both"))
    scale = np.abs(there.map).max()
    np.testing.assert_allclose(there.map, back.gallery_map, atol=1e-3 * scale)
    np.testing.assert_allclose(there.gallery_map, back.map, atol=1e-3 * np.abs(back.map).max())


@pytest.mark.parametrize("method", ["ig", "deeplift", "occlusion", "region_shap"])
def test_what_is_hidden_speaks_neither_for_a_match_nor_against_it(explainer, method):
    mask = np.arange(128)[:, None].repeat(128, 1) >= 60
    hidden = occlude(smooth_face(0), mask)
    parameters = {"region_shap": {"samples": 256}, "occlusion": {"window": 16, "stride": 8}}.get(method, {})
    found = explainer.explain(Question(hidden, target_of([1, 2, 3, 4]), method, baseline="mean", parameters=parameters))
    rounding = 1e-3 * np.abs(found.map).max()
    assert rounding > 0
    if method == "region_shap":  # a map of whole regions
        labels = region_labels(hidden.landmarks)
        inside = [number for number in np.unique(labels) if mask[labels == number].all()]
        assert inside
        assert np.abs(found.map[np.isin(labels, inside)]).max() < rounding
    else:
        assert np.abs(found.map[60 + (16 if method == "occlusion" else 0) :]).max() < rounding


def test_a_face_hidden_all_over_has_nothing_to_explain(explainer):
    hidden = occlude(smooth_face(0), np.ones((128, 128), bool))
    found = explainer.explain(Question(hidden, target_of([1, 2, 3, 4]), "ig", baseline="mean", parameters=FEW))
    assert not found.map.any()
    assert found.score == pytest.approx(found.baseline_score)
    assert explainer.believe(Question(hidden, target_of([1, 2, 3, 4])), found).curves is not None


def test_a_pair_of_the_same_picture_has_the_same_map_twice(explainer, network):
    face = smooth_face(0)
    found = explainer.explain(Question(face, photo_target(network, face), "ig", sides="both", baseline="blur"))
    np.testing.assert_allclose(found.map, found.gallery_map, atol=1e-6)
    assert found.score == pytest.approx(1.0, abs=1e-5)


def test_sides_on_their_own(explainer, network):
    a, target = smooth_face(0), photo_target(network, smooth_face(1))
    both = explainer.explain(Question(a, target, "saliency", sides="both"))
    probe = explainer.explain(Question(a, target, "saliency"))
    gallery = explainer.explain(Question(a, target, "saliency", sides="gallery"))
    assert probe.gallery_map is None
    assert gallery.map is None
    np.testing.assert_array_equal(both.map, probe.map)
    np.testing.assert_array_equal(both.gallery_map, gallery.gallery_map)


def test_a_contrastive_map_is_the_difference_of_two(explainer):
    a, one, two = smooth_face(0), target_of([1, 2, 3, 4]), target_of([2, 0, 1, -1])
    settings = {"baseline": "blur", "parameters": FEW}
    pair = explainer.explain(Question(a, one.rather_than(two), "ig", **settings))
    alone = [explainer.explain(Question(a, target, "ig", **settings)) for target in (one, two)]
    np.testing.assert_allclose(pair.map, alone[0].map - alone[1].map, atol=1e-6)
    assert pair.score == pytest.approx(alone[0].score - alone[1].score, abs=1e-6)


def test_regions_add_up_to_the_map(explainer):
    found = explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "ig", baseline="black", parameters=FEW))
    assert sum(found.regions.values()) == pytest.approx(float(found.map.sum()), abs=1e-5)
    assert set(found.regions) >= {"eyes", "nose", "mouth"}


def test_refusals(explainer):
    face = smooth_face(0)
    with pytest.raises(TemplateMismatchError):
        explainer.explain(Question(face, target_of([1, 2, 3, 4], model_id="other"), "saliency"))
    with pytest.raises(ExplanationError, match="no photo"):
        explainer.explain(Question(face, target_of([1, 2, 3, 4]), "saliency", sides="both"))
    with pytest.raises(ExplanationError, match="no side"):
        explainer.explain(Question(face, target_of([1, 2, 3, 4]), "saliency", sides="left"))
    with pytest.raises(ExplanationError, match="128×128"):
        explainer.explain(Question(face, target_of([1, 2, 3, 4]), "ig", baseline=np.zeros((3, 3))))
    own = explainer.explain(
        Question(face, target_of([1, 2, 3, 4]), "ig", baseline=np.zeros((128, 128)), parameters=FEW)
    )
    with pytest.raises(ExplanationError, match="named baseline"):
        explainer.believe(Question(face, target_of([1, 2, 3, 4])), own, checks=True)
