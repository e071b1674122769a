"""Methods against answers worked out by hand, against Captum's own, and against the axioms they promise."""

import warnings

import captum.attr
import numpy as np
import pytest
import torch

from ssn.errors import ExplanationError
from ssn.explanation.methods import gradients, perturbations
from ssn.explanation.methods.baselines import baseline_picture, gray
from ssn.explanation.methods.deeplift import shapley_of_max
from ssn.explanation.methods.registry import attribute
from ssn.explanation.pair import PairScore, Target, probe_score
from ssn.models.light_cnn import LightCNN29V1
from ssn.models.network import SaliencySearchNetwork
from tests.explanation.toys import (
    LinearEmbedder,
    MaxEmbedder,
    labels_of,
    light_cnn,
    orthogonal_toy,
    smooth_face,
)
from tests.training.toys import ToyBackbone


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


def test_the_noise_of_a_seed_does_not_depend_on_free_memory(toy, monkeypatch):
    score, face, _ = toy
    maps = []
    for free in (3, 8, 128):
        monkeypatch.setattr(gradients, "gradient_batch", lambda _, free=free: free)
        maps.append(attribute(score, face, "smoothgrad", parameters={"samples": 11, "seed": 4}).map)
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[1], maps[2])


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
    exact = attribute(score, face, "region_shap", baseline, labels, {"samples": 256, "tolerance": 0})
    drawn = attribute(score, face, "region_shap", baseline, labels, {"samples": 120})
    members, _ = perturbations.coalitions(8, 120, 0)
    assert len(members) == 118
    assert members.any(axis=1).all()
    assert not members.all(axis=1).any()
    sums = [[found.map[labels == i].sum() for i in range(8)] for found in (exact, drawn)]
    np.testing.assert_allclose(sums[0], sums[1], atol=0.03)


def counted(score: PairScore) -> list[int]:
    """How many pictures a score is asked for from now on, call by call."""
    asked: list[int] = []
    values = score.values

    def counting(pictures: torch.Tensor) -> torch.Tensor:
        asked.append(len(pictures))
        return values(pictures)

    score.values = counting
    return asked


def test_region_shap_stops_where_its_values_no_longer_move_and_is_right_by_then():
    passes = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        direction = torch.tensor(rng.normal(size=6), dtype=torch.float32)
        score = PairScore(MaxEmbedder(seed), "vis", direction / direction.norm())
        face, baseline = rng.random((2, 8, 8)).astype(np.float32)
        labels = labels_of(8, 8)
        asked = counted(score)
        exact = attribute(score, face, "region_shap", baseline, labels, {"tolerance": 0})
        assert sum(asked) == 2 + 254 + 2, "the ends, every coalition, and the ends once more"
        asked.clear()
        early = attribute(score, face, "region_shap", baseline, labels)
        assert early.done == 1.0
        sums, wanted = (np.array([found.map[labels == i].sum() for i in range(8)]) for found in (early, exact))
        assert np.abs(sums - wanted).max() <= 0.08 * np.abs(wanted).max()
        assert abs(early.delta) < 1e-5, "it still adds up"
        passes.append(sum(asked))
    assert min(passes) < 170
    assert np.median(passes) < 258, "where the regions act on each other as wildly as here, some need all"


def test_coalitions_are_all_there_and_the_heaviest_come_first():
    members, weights = perturbations.coalitions(8, 256, 0)
    assert len({tuple(row) for row in members}) == len(members) == 254
    assert (np.diff(weights) <= 0).all()


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


@pytest.mark.parametrize(("method", "parameters"), [("ig", {"steps": 8}), ("deeplift", {})])
def test_the_parts_add_up_on_the_real_network(real, method, parameters):
    score, face, baseline = real
    found = attribute(score, face, method, baseline, parameters=parameters)
    assert abs(found.score - found.baseline_score) > 0.01
    assert found.relative_delta < 0.01


@pytest.mark.slow
def test_integrated_gradients_add_up_on_the_shipped_weights_with_enough_steps(recognizer, demo, finder):
    probe = finder.face(demo[0].probes[0].file, "nir")
    target = Target.photo("enrolled", finder.face(demo[0].enrolment), recognizer)
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


@pytest.mark.parametrize("block", [0, 5, "4", None])
def test_a_block_that_is_not_there_is_refused(real, block):
    with pytest.raises(ExplanationError, match="from 1 to 4"):
        gradients.selected_layer(real[0], block)


def test_cams_look_at_a_plain_backbones_own_block():
    network = SaliencySearchNetwork(ToyBackbone(), selection=False)
    score = PairScore(network, "vis", torch.eye(16)[0])
    assert gradients.selected_layer(score, 2) is network.backbone.blocks[1]


def test_cams_need_blocks(toy):
    with pytest.raises(ExplanationError, match="no blocks"):
        attribute(toy[0], toy[1], "gradcam")
