"""Methods against answers worked out by hand, against Captum's own, and against the axioms they promise."""

import warnings

import captum.attr
import numpy as np
import pytest
import torch

from ssn.errors import ExplanationCancelledError, ExplanationError
from ssn.explanation import gradients, perturbations
from ssn.explanation.attribution import METHODS, attribute, full_parameters
from ssn.explanation.baselines import baseline_picture, gray
from ssn.explanation.deeplift import shapley_of_max
from ssn.explanation.pair import PairScore, Target, probe_score
from ssn.explanation.regions import region_labels
from ssn.models.light_cnn import LightCNN29V1
from tests.explanation.toys import LinearEmbedder, MaxEmbedder, light_cnn, orthogonal_toy, plain_landmarks, smooth_face

PLAIN = ("ig", "saliency", "input_x_gradient", "deeplift", "smoothgrad", "occlusion", "region_ablation", "region_shap")
"""The methods that need no Light CNN."""


class StopAfter:
    """Cancels at the n-th look."""

    def __init__(self, looks: int):
        self.left = looks

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture
def toy() -> tuple[PairScore, np.ndarray, np.ndarray]:
    """A small network with maxima, a face and a baseline, 8×8."""
    rng = np.random.default_rng(1)
    direction = torch.tensor(rng.normal(size=6), dtype=torch.float32)
    score = PairScore(MaxEmbedder(), "vis", direction / direction.norm())
    return score, rng.random((8, 8)).astype(np.float32), rng.random((8, 8)).astype(np.float32)


def labels_of(side: int, count: int = 4) -> np.ndarray:
    return np.arange(side * side).reshape(side, side) % count


def parameters_of(method: str) -> dict:
    return {"occlusion": {"window": 4, "stride": 2}, "region_shap": {"samples": 64}}.get(method, {})


def captum_tensors(*pictures: np.ndarray) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(p)[None, None] for p in pictures)


# ---- answers in closed form


@pytest.mark.parametrize(("method", "parameters"), [("ig", {"steps": 64}), ("deeplift", {})])
def test_a_linear_pair_has_its_closed_form(method, parameters):
    score, face, baseline, known = orthogonal_toy()
    found = attribute(score, face, method, baseline, parameters=parameters)
    np.testing.assert_allclose(found.map, known, atol=2e-6)
    assert abs(found.delta) < 1e-5
    assert found.score - found.baseline_score == pytest.approx(known.sum(), abs=1e-5)


def test_gradients_of_a_linear_pair():
    score, face, _, _ = orthogonal_toy()
    weight, constant = score.network.weight.detach().numpy(), score.network.constant.detach().numpy()
    embedding = weight @ face.ravel() + constant
    length, t = np.linalg.norm(embedding), score.direction.numpy()
    gradient = (weight.T @ (t / length - embedding * (embedding @ t) / length**3)).reshape(face.shape)
    np.testing.assert_allclose(attribute(score, face, "saliency").map, np.abs(gradient), atol=1e-6)
    np.testing.assert_allclose(attribute(score, face, "input_x_gradient").map, face * gradient, atol=1e-6)


def test_the_share_of_a_maximum():
    a, b, a0, b0 = torch.randn(4, 1000, generator=torch.Generator().manual_seed(0)).double()
    share_a, share_b = shapley_of_max(a, b, a0, b0)
    torch.testing.assert_close(share_a + share_b, torch.maximum(a, b) - torch.maximum(a0, b0))
    assert bool((share_a[a == a0] == 0).all())
    for share, change in ((share_a, a - a0), (share_b, b - b0)):
        multiplier = share / change
        assert float(multiplier.min()) >= -1e-12
        assert float(multiplier.max()) <= 1 + 1e-12
    swapped_b, swapped_a = shapley_of_max(b, a, b0, a0)
    torch.testing.assert_close((share_a, share_b), (swapped_a, swapped_b))


# ---- against Captum


def test_occlusion_and_ablation_are_captums(toy):
    score, face, baseline = toy
    x, base = captum_tensors(face, baseline)
    ours = attribute(score, face, "occlusion", baseline, parameters={"window": 4, "stride": 2}).map
    theirs = captum.attr.Occlusion(score).attribute(x, (1, 4, 4), strides=(1, 2, 2), baselines=base)
    np.testing.assert_allclose(ours, theirs[0, 0].detach(), atol=1e-6)

    labels = labels_of(8)
    ours = attribute(score, face, "region_ablation", baseline, labels).map
    mask = torch.from_numpy(labels)[None, None]
    theirs = captum.attr.FeatureAblation(score).attribute(x, baselines=base, feature_mask=mask)
    np.testing.assert_allclose(ours * 16, theirs[0, 0].detach(), atol=1e-6)  # 16 pixels a region


def test_integrated_gradients_in_pieces_are_captums_in_one(toy, monkeypatch):
    score, face, baseline = toy
    x, base = captum_tensors(face, baseline)
    whole = captum.attr.IntegratedGradients(score).attribute(x, base, n_steps=256)[0, 0].detach()
    monkeypatch.setattr(gradients, "gradient_batch", lambda _: 32)
    np.testing.assert_allclose(attribute(score, face, "ig", baseline, parameters={"steps": 256}).map, whole, atol=1e-3)


def test_region_shap_is_the_shapley_value(toy):
    score, face, baseline = toy
    x, base = captum_tensors(face, baseline)
    labels = labels_of(8)
    exact = captum.attr.ShapleyValues(score).attribute(x, base, feature_mask=torch.from_numpy(labels)[None, None])
    exact_of = [float(exact[0, 0][labels == i].mean()) for i in range(4)]
    found = attribute(score, face, "region_shap", baseline, labels)
    sums = [found.map[labels == i].sum() for i in range(4)]
    # Captum's values are drawn orders: an estimate. The definition, summed over all 24 orders, is exact.
    np.testing.assert_allclose(sums, shapley_by_definition(score, x, base, labels), atol=1e-6)
    np.testing.assert_allclose(sums, exact_of, atol=0.1)
    assert abs(found.delta) < 1e-5


def shapley_by_definition(score: PairScore, x: torch.Tensor, base: torch.Tensor, labels: np.ndarray) -> np.ndarray:
    from itertools import permutations

    values = np.zeros(4)
    for order in permutations(range(4)):
        keep = np.zeros(labels.shape, bool)
        before = float(score.values(base))
        for player in order:
            keep |= labels == player
            after = float(score.values(torch.where(torch.from_numpy(keep), x, base)))
            values[player] += (after - before) / 24
            before = after
    return values


def test_sampled_coalitions_come_near_the_exact_ones(toy):
    score, face, baseline = toy
    labels = labels_of(8, 8)
    exact = attribute(score, face, "region_shap", baseline, labels, {"samples": 256})
    drawn = attribute(score, face, "region_shap", baseline, labels, {"samples": 120})
    members, _ = perturbations.coalitions(8, 120, 0)
    assert len(members) == 118
    assert members.any(axis=1).all()
    assert not members.all(axis=1).any()
    sums = [[found.map[labels == i].sum() for i in range(8)] for found in (exact, drawn)]
    np.testing.assert_allclose(sums[0], sums[1], atol=0.03)


# ---- DeepLIFT and the maximum of halves


def test_captums_deeplift_is_wrong_for_max_of_halves_and_ours_is_not(toy):
    score, face, baseline = toy
    x, base = captum_tensors(face, baseline)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = captum.attr.DeepLift(score).attribute(x, base)
    found = attribute(score, face, "deeplift", baseline)
    difference = found.score - found.baseline_score
    assert abs(float(theirs.detach().sum()) - difference) > 0.05 * abs(difference)
    assert abs(found.delta) < 1e-5


def test_deeplift_refuses_a_nonlinearity_without_a_rule():
    class Squared(LinearEmbedder):
        def forward(self, gray, branch):
            return super().forward(gray, branch) ** 2

    score, face, baseline, _ = orthogonal_toy()
    score.network.__class__ = Squared
    with pytest.raises(ExplanationError, match="does not hold"):
        attribute(score, face, "deeplift", baseline)


# ---- the real network


@pytest.fixture(scope="module")
def real() -> tuple[PairScore, np.ndarray, np.ndarray]:
    """Light CNN-29 with random weights. Its random embeddings lie close together: the direction is their difference."""
    network = light_cnn()
    face = smooth_face(1)
    x, baseline = gray(face), baseline_picture("blur", face)
    score = PairScore(network, "vis", torch.ones(256))
    with torch.no_grad():
        unit = torch.nn.functional.normalize(score.embed(torch.tensor(np.stack([x, baseline]))[:, None]), dim=1)
    difference = unit[0] - unit[1]
    return PairScore(network, "vis", difference / difference.norm()), x, baseline


@pytest.mark.parametrize(("method", "parameters"), [("ig", {"steps": 8}), ("deeplift", {})])
def test_the_parts_add_up_on_the_real_network(real, method, parameters):
    score, face, baseline = real
    found = attribute(score, face, method, baseline, parameters=parameters)
    assert abs(found.score - found.baseline_score) > 0.01
    assert found.relative_delta < 0.01


@pytest.mark.slow
def test_integrated_gradients_add_up_on_the_shipped_weights_with_enough_steps(recognizer, demo):
    probe = recognizer.face(demo[0].probes[0].file, "nir")
    target = Target.photo("enrolled", recognizer.face(demo[0].enrolment), recognizer)
    score = probe_score(recognizer.network, probe, target)
    found = attribute(score, gray(probe), "ig", baseline_picture("mean", probe), parameters={"steps": 128})
    assert abs(found.score - found.baseline_score) > 0.01
    assert found.relative_delta < 0.01


def test_deeplift_holds_for_version_1_too():
    """Its embedding layer is a maximum of halves, and it pools by maximum alone."""
    score = PairScore(light_cnn(backbone=LightCNN29V1), "vis", torch.eye(256)[0])
    face = smooth_face(2)
    found = attribute(score, gray(face), "deeplift", baseline_picture("black", face))
    assert abs(found.score - found.baseline_score) > 1e-3
    assert found.relative_delta < 0.01


def test_deeplift_is_the_gradient_where_nothing_switches(real):
    """Close to the baseline no maximum changes hands: contributions are change × gradient."""
    score, face, baseline = real
    near = baseline + 1e-3 * (face - baseline)
    x = torch.tensor(baseline)[None, None].requires_grad_()
    (gradient,) = torch.autograd.grad(score(x).sum(), x)
    found = attribute(score, near, "deeplift", baseline).map
    linear = (near - baseline) * gradient[0, 0].numpy()
    assert np.corrcoef(found.ravel(), linear.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("method", ["gradcam", "hirescam"])
def test_cams_look_at_the_selected_response(real, method):
    score, face, _ = real
    deep, shallow = (attribute(score, face, method, parameters={"block": b}).map for b in (4, 1))
    assert deep.shape == shallow.shape == (128, 128)
    assert not np.allclose(deep, shallow)
    assert gradients.selected_layer(score, 3) is score.network.selection[2]


def test_cams_need_blocks(toy):
    with pytest.raises(ExplanationError, match="no block"):
        attribute(toy[0], toy[1], "gradcam")


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
    whole = attribute(*arguments, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert whole.done == pytest.approx(1.0)
    part = attribute(*arguments, cancel=StopAfter(len(told) // 2))
    assert part.done == pytest.approx(told[len(told) // 2 - 1])
    assert part.delta is None
    assert np.isfinite(part.map).all()
    with pytest.raises(ExplanationCancelledError):
        attribute(*arguments, cancel=StopAfter(0))


def test_a_stopped_path_explains_the_way_so_far(toy):
    score, face, baseline = toy
    part = attribute(score, face, "ig", baseline, parameters={"steps": 64}, cancel=StopAfter(2))
    x, base = captum_tensors(face, baseline)
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
