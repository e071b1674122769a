"""What an attribution leaves as it was, and what it says while it works, when it is stopped, and when it refuses."""

import numpy as np
import pytest
import torch

from ssn.errors import ExplanationCancelledError, ExplanationError
from ssn.explanation.methods import gradients, perturbations
from ssn.explanation.methods.registry import METHODS, attribute, full_parameters
from ssn.explanation.pair import PairScore
from ssn.explanation.question import Watch
from ssn.faces.parts import region_labels
from tests.explanation.toys import (
    PLAIN,
    LinearEmbedder,
    StopAfter,
    labels_of,
    parameters_of,
    plain_landmarks,
)

# ---- leaving things as they were


def state_of(score: PairScore) -> dict:
    network = score.network
    return {
        "mode": [m.training for m in network.modules()],
        "hooks": [
            (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in network.modules()
        ],
        "grads": [(p.requires_grad, None if p.grad is None else p.grad.clone()) for p in network.parameters()],
        "values": [p.detach().clone() for p in network.parameters()],
        "random": torch.random.get_rng_state(),
        "grad mode": torch.is_grad_enabled(),
        "extras": [sorted(m.__dict__) for m in network.modules()],
    }


def assert_same(before: dict, after: dict) -> None:
    torch.testing.assert_close(before.pop("values"), after.pop("values"), rtol=0, atol=0)
    torch.testing.assert_close(before.pop("random"), after.pop("random"), rtol=0, atol=0)
    for (wanted, old), (found, new) in zip(before.pop("grads"), after.pop("grads"), strict=True):
        assert wanted == found
        assert (old is None) == (new is None)
        if old is not None:
            torch.testing.assert_close(old, new, rtol=0, atol=0)
    assert before == after


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("method", PLAIN)
def test_the_network_is_left_as_it_was(toy, method, training):
    score, face, baseline = toy
    score.network.train(training)
    score.network.conv.requires_grad_(False)
    score.network.out.weight.grad = torch.ones_like(score.network.out.weight)
    before = state_of(score)
    kept = face.copy(), baseline.copy()
    with torch.no_grad():
        attribute(score, face, method, baseline, labels_of(8), parameters_of(method))
        assert not torch.is_grad_enabled()
    assert_same(before, state_of(score))
    np.testing.assert_array_equal(kept, (face, baseline))


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "deeplift"])
def test_hooks_are_gone_from_the_real_network(real, method):
    score, face, baseline = real
    before = state_of(score)
    attribute(score, face, method, baseline)
    assert_same(before, state_of(score))


@pytest.mark.parametrize("method", [*PLAIN, "gradcam", "hirescam"])
def test_after_a_failure_too(toy, real, method, monkeypatch):
    score, face, baseline = real if method in ("gradcam", "hirescam") else toy
    last = score.network.backbone.fc if method in ("gradcam", "hirescam") else score.network.out
    before = state_of(score)
    calls = {"left": 1 if method in ("ig", "deeplift", "occlusion") else 0}

    def broken(x):
        if calls["left"] == 0:
            raise RuntimeError("out of order")
        calls["left"] -= 1
        return type(last).forward(last, x)

    monkeypatch.setattr(last, "forward", broken)
    with pytest.raises(RuntimeError, match="out of order"):
        attribute(score, face, method, baseline, labels_of(len(face)), parameters_of(method))
    monkeypatch.undo()
    assert_same(before, state_of(score))


def test_inside_inference_mode(toy):
    score, face, baseline = toy
    with torch.inference_mode():
        found = attribute(score, face, "ig", baseline)
    np.testing.assert_array_equal(found.map, attribute(score, face, "ig", baseline).map)


# ---- progress, cancelling, refusals


@pytest.mark.parametrize("method", ["ig", "smoothgrad", "occlusion", "region_shap"])
def test_progress_rises_to_one_and_a_stop_keeps_what_there_is(toy, method, monkeypatch):
    score, face, baseline = toy
    for module, name in ((gradients, "gradient_batch"), (perturbations, "forward_batch")):
        monkeypatch.setattr(module, name, lambda _: 2)
    told: list[float] = []
    arguments = (score, face, method, baseline, labels_of(8), parameters_of(method))
    whole = attribute(*arguments, watch=Watch(told.append))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert whole.done == pytest.approx(1.0)
    part = attribute(*arguments, watch=Watch(cancel=StopAfter(len(told) // 2)))
    assert part.done == pytest.approx(told[len(told) // 2 - 1])
    assert part.delta is None
    assert np.isfinite(part.map).all()
    with pytest.raises(ExplanationCancelledError):
        attribute(*arguments, watch=Watch(cancel=StopAfter(0)))


def test_a_stopped_path_explains_the_way_so_far(toy):
    score, face, baseline = toy
    part = attribute(score, face, "ig", baseline, parameters={"steps": 64}, watch=Watch(cancel=StopAfter(2)))
    x, base = (torch.tensor(picture)[None, None] for picture in (face, baseline))
    cuts = gradients.path_pieces(score, x, base, 8)
    way = float(score.values(torch.lerp(base, x, float(cuts[2])))) - part.baseline_score
    assert part.done == pytest.approx(0.25)
    assert part.map.sum() == pytest.approx(way, abs=1e-3)


def test_the_path_is_cut_where_the_score_changes():
    """A score that rises only in the first tenth of the way: most pieces lie there."""
    network = LinearEmbedder(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([0.0, 0.02]))
    score = PairScore(network, "vis", torch.tensor([1.0, 0.0]))
    face, baseline = torch.tensor([[[[1.0, 0.0]]]]), torch.zeros(1, 1, 1, 2)
    cuts = gradients.path_pieces(score, face, baseline, 4)
    assert cuts[0] == 0
    assert cuts[-1] == pytest.approx(1.0)
    assert (np.diff(cuts) > 0).all()
    assert cuts[2] < 0.1
    ours = attribute(score, face[0, 0].numpy(), "ig", baseline[0, 0].numpy(), parameters={"steps": 32})
    assert abs(ours.delta) < 1e-3


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        ("magic", {}, "no method"),
        ("ig", {"stepz": 3}, "no parameter"),
        ("ig", {"steps": 0}, "whole number"),
        ("smoothgrad", {"noise": 0.0}, "between 0 and 1"),
        ("occlusion", {"window": 4, "stride": 5}, "does not fit"),
        ("region_shap", {"samples": 3}, "too few"),
        ("region_shap", {"tolerance": 1}, "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(toy, method, parameters, message):
    score, face, baseline = toy
    with pytest.raises(ExplanationError, match=message):
        attribute(score, face, method, baseline, labels_of(8), parameters)


def test_missing_baseline_and_regions_are_refused(toy):
    with pytest.raises(ExplanationError, match="needs a baseline"):
        attribute(toy[0], toy[1], "ig")
    with pytest.raises(ExplanationError, match="regions"):
        attribute(*toy[:2], "region_shap", toy[2])


def test_values_that_are_no_numbers_are_refused(toy):
    score, face, _ = toy
    with pytest.raises(ExplanationError, match="no numbers"):
        attribute(score, np.full_like(face, np.nan), "saliency")


def test_smoothgrad_repeats(toy):
    score, face, _ = toy
    first, again = (attribute(score, face, "smoothgrad").map for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, attribute(score, face, "smoothgrad", parameters={"seed": 1}).map)


def test_every_method_has_a_title_and_its_defaults():
    for name, method in METHODS.items():
        assert method.title
        assert full_parameters(name) == method.parameters


def test_regions_cover_the_crop():
    labels = region_labels(plain_landmarks())
    assert set(np.unique(labels)) == set(range(8))
