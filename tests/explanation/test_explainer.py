"""The Explainer: symmetry, keeping, cancelling, threads, belief."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from ssn.errors import ExplanationCancelledError, ExplanationError, TemplateMismatchError
from ssn.explanation import explainer as module
from ssn.explanation.cache import Memory
from ssn.explanation.explainer import Explainer
from ssn.explanation.pair import PairScore
from ssn.explanation.question import Question, Watch
from ssn.faces.occlude import occlude
from ssn.faces.parts import region_labels
from tests.explanation.toys import LinearEmbedder, light_cnn, smooth_face, stand_in, target_of

FEW = {"steps": 4}


@pytest.fixture
def network() -> LinearEmbedder:
    generator = torch.Generator().manual_seed(0)
    return LinearEmbedder(torch.randn(4, 128 * 128, generator=generator), torch.randn(4, generator=generator))


@pytest.fixture
def explainer(network) -> Explainer:
    return Explainer(stand_in(network))


def photo_target(network, face, **more):
    """The target that ``face`` itself is, for this network."""
    score = PairScore(
        network, face.branch, torch.ones(network(torch.zeros(1, 1, 128, 128), torch.zeros(1).long()).shape[1])
    )
    with torch.no_grad():
        vector = score.embed(torch.tensor(module.gray(face))[None, None])[0].numpy()
    return target_of(vector, face=face, **more)


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


# ---- keeping


def counted(explainer, monkeypatch) -> list[str]:
    asked: list[str] = []
    plain = module.attribute

    def attribute(score, face, method, *rest):
        asked.append(method)
        return plain(score, face, method, *rest)

    monkeypatch.setattr(module, "attribute", attribute)
    return asked


def test_the_same_question_is_answered_once(explainer, monkeypatch):
    asked = counted(explainer, monkeypatch)
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    first = explainer.explain(Question(face, target, "ig", baseline="blur", parameters=FEW))
    assert (
        explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "ig", baseline="blur", parameters=FEW))
        is first
    )
    assert asked == ["ig"]


@pytest.mark.parametrize(
    ("face", "target", "method", "settings"),
    [
        (smooth_face(1), target_of([1, 2, 3, 4]), "ig", {"baseline": "blur", "parameters": FEW}),
        (smooth_face(0, "nir"), target_of([1, 2, 3, 4]), "ig", {"baseline": "blur", "parameters": FEW}),
        (smooth_face(0), target_of([1, 2, 3, 5]), "ig", {"baseline": "blur", "parameters": FEW}),
        (smooth_face(0), target_of([1, 2, 3, 4]), "deeplift", {"baseline": "blur"}),
        (smooth_face(0), target_of([1, 2, 3, 4]), "ig", {"baseline": "black", "parameters": FEW}),
        (smooth_face(0), target_of([1, 2, 3, 4]), "ig", {"baseline": np.zeros((128, 128)), "parameters": FEW}),
        (smooth_face(0), target_of([1, 2, 3, 4]), "ig", {"baseline": "blur", "parameters": {"steps": 5}}),
    ],
)
def test_any_other_question_is_answered_anew(explainer, monkeypatch, face, target, method, settings):
    explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "ig", baseline="blur", parameters=FEW))
    asked = counted(explainer, monkeypatch)
    explainer.explain(Question(face, target, method, **settings))
    assert asked == [method]


def test_room_is_bounded_and_the_oldest_goes(network, monkeypatch):
    explainer = Explainer(stand_in(network), cache=2)
    target = target_of([1, 2, 3, 4])
    for seed in (0, 1, 0, 2):
        explainer.explain(Question(smooth_face(seed), target, "saliency"))
    asked = counted(explainer, monkeypatch)
    explainer.explain(Question(smooth_face(0), target, "saliency"))
    assert asked == []
    explainer.explain(Question(smooth_face(1), target, "saliency"))
    assert asked == ["saliency"]


def test_a_part_is_not_kept(explainer):
    cancel = threading.Event()
    settings = {"baseline": "blur", "parameters": {"steps": 32}}
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    part = explainer.explain(
        Question(face, target, "ig", **settings), Watch(progress=lambda share: cancel.set(), cancel=cancel)
    )
    assert 0 < part.done < 1
    assert not part.complete
    whole = explainer.explain(Question(face, target, "ig", **settings))
    assert whole.complete
    assert whole.relative_delta < 0.01


def test_a_stop_between_the_sides_keeps_the_first(explainer, network):
    cancel = threading.Event()
    stop = lambda share: cancel.set() if share >= 0.5 else None  # noqa: E731
    target = photo_target(network, smooth_face(1))
    part = explainer.explain(
        Question(smooth_face(0), target, "saliency", sides="both"), Watch(progress=stop, cancel=cancel)
    )
    assert part.done == pytest.approx(0.5)
    assert part.map is not None
    assert part.gallery_map is None


def test_what_is_kept_cannot_be_changed(explainer):
    found = explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "saliency"))
    with pytest.raises(ValueError, match="read-only"):
        found.map[0, 0] = 1


# ---- threads


def test_threads_asking_the_same_share_one_answer(explainer, monkeypatch):
    asked = counted(explainer, monkeypatch)
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: explainer.explain(Question(face, target, "occlusion", baseline="blur")), range(8))
        )
    assert asked == ["occlusion"]
    assert all(f is found[0] for f in found)


def test_who_waits_may_be_cancelled(explainer):
    entered, go_on, cancel = threading.Event(), threading.Event(), threading.Event()

    def hold(share):
        entered.set()
        go_on.wait(10)

    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(explainer.explain, Question(face, target, "saliency"), Watch(hold))
        assert entered.wait(10)
        second = pool.submit(explainer.explain, Question(smooth_face(1), target, "saliency"), Watch(cancel=cancel))
        cancel.set()
        with pytest.raises(ExplanationCancelledError, match="waiting"):
            second.result(10)
        go_on.set()
        assert first.result(10).complete


def test_the_recognizers_own_network_is_not_used(network):
    network.train()
    explainer = Explainer(stand_in(network))
    network.forward = None
    explainer.explain(Question(smooth_face(0), target_of([1, 2, 3, 4]), "saliency"))
    assert network.training
    assert all(p.requires_grad and p.grad is None for p in network.parameters())


# ---- belief


def test_belief_is_measured_and_kept(explainer):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    found = explainer.explain(Question(face, target, "ig", baseline="blur", parameters=FEW))
    told = []
    measured = explainer.believe(
        Question(face, target), found, fill="blur", checks=True, watch=Watch(progress=told.append)
    )
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert measured.curves.deletion[0] == pytest.approx(found.score, abs=1e-5)
    assert measured.curves.insertion[-1] == pytest.approx(found.score, abs=1e-5)
    assert set(measured.control_deletion) == {"random", "centred"}
    assert -1 <= measured.randomised <= 1
    assert -1 <= measured.stability <= 1
    assert measured.verdict == "better than controls"  # a linear network's own gradients
    assert explainer.believe(Question(face, target), found, fill="blur", checks=True) is measured


def test_belief_in_the_gallerys_side(explainer, network):
    face, target = smooth_face(0), photo_target(network, smooth_face(1))
    found = explainer.explain(Question(face, target, "saliency", sides="gallery"))
    measured = explainer.believe(Question(face, target), found, fill="blur", checks=True)
    assert measured.curves.deletion[0] == pytest.approx(found.score, abs=1e-5)
    assert measured.stability is not None


def test_controls_are_measured_once_for_a_pair(explainer, monkeypatch):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    sizes = []
    plain = module.curves_of

    def curves_of(maps, *rest):
        sizes.append(len(maps))
        return plain(maps, *rest)

    monkeypatch.setattr(module, "curves_of", curves_of)
    for method in ("saliency", "input_x_gradient"):
        explainer.believe(Question(face, target), explainer.explain(Question(face, target, method)), fill="blur")
    assert sizes == [5, 1]


def test_a_quick_belief_has_fewer_steps_and_controls_of_its_own(explainer):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    found = explainer.explain(Question(face, target, "ig", baseline="blur", parameters=FEW))
    whole = explainer.believe(Question(face, target), found, fill="blur")
    quick = explainer.believe(Question(face, target), found, fill="blur", quick=True)
    assert (len(whole.curves.share), len(quick.curves.share)) == (17, 7)
    assert (len(whole.drawn), len(quick.drawn)) == (3, 2)
    np.testing.assert_allclose(quick.curves.deletion[::3], whole.curves.deletion[::8], atol=1e-5)
    assert quick.verdict == whole.verdict == "better than controls"


def test_cancelling_belief_keeps_the_curves(explainer):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    found = explainer.explain(Question(face, target, "saliency"))
    cancel = threading.Event()
    stop_after_curves = lambda share: cancel.set() if share >= 0.25 else None  # noqa: E731
    part = explainer.believe(
        Question(face, target), found, fill="blur", checks=True, watch=Watch(progress=stop_after_curves, cancel=cancel)
    )
    assert part.done < 1
    assert part.randomised is None
    assert part.curves.deletion[0] == pytest.approx(found.score, abs=1e-5)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(ExplanationCancelledError):
        explainer.believe(Question(face, target), found, fill="black", watch=Watch(cancel=cancel))


# ---- refusals


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


# ---- a memory of one visitor


def test_what_is_made_for_a_visitor_lies_in_their_own_memory_alone(explainer, monkeypatch):
    face, target = smooth_face(0), target_of([1, 2, 3, 4])
    question, memory = Question(face, target, "saliency"), Memory(8)
    visitors = explainer.remembering(memory)
    visitors.believe(question, visitors.explain(question), fill="blur")
    assert len(memory) == 3  # the map, its measures, and the controls' curves
    asked = counted(explainer, monkeypatch)
    visitors.explain(question)
    assert asked == []
    explainer.explain(question)
    assert asked == ["saliency"]
    gone = weakref.ref(memory)
    del memory, visitors
    gc.collect()
    assert gone() is None


def test_a_watch_of_parts_tells_the_share_of_the_whole():
    told: list[float] = []
    watch = Watch(told.append)
    for number in range(2):
        for share in (0.5, 1.0):
            watch.part(number, 2).part(0, 1).tell(share)
    assert told == [0.25, 0.5, 0.75, 1.0]
    assert not watch.stopped
