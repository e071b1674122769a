"""DeepLIFT through the adaptive selection: what it answers, and that its parts add up."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ssn.errors import ExplanationError
from ssn.explanation.methods import deeplift
from ssn.explanation.methods.adaptive_rule import adaptive_rule, product, rescale
from ssn.explanation.methods.baselines import baseline_picture, gray
from ssn.explanation.methods.registry import attribute
from ssn.explanation.pair import PairScore, face_digest, probe_score
from ssn.faces.occlude import mask_bottom, occlude
from ssn.models.adaptive_selection import AdaptiveSelection
from ssn.models.card import ModelCard
from ssn.models.network import SaliencySearchNetwork
from ssn.recognizer import Recognizer
from tests.explanation.toys import light_cnn, smooth_face, target_of

SHAPE = (4, 6, 6)


def block_of(seed: int) -> AdaptiveSelection:
    """With δ of either sign and some size, and indicators that differ."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        block = AdaptiveSelection(SHAPE)
        with torch.no_grad():
            block.answer.weight.normal_(0, 3)
            block.answer.bias.normal_(0, 1)
            block.indicators.normal_(0, 1)
    return block.double()


@given(seed=st.integers(0, 10_000), size=st.floats(0.01, 30), told=st.booleans())
def test_the_parts_add_up_and_the_answer_is_the_blocks_own(seed, size, told):
    block, generator = block_of(seed % 7), torch.Generator().manual_seed(seed)
    before, change, upstream = (torch.randn(1, *SHAPE, generator=generator, dtype=torch.float64) for _ in range(3))
    response = (before + size * change).requires_grad_()
    branch = torch.tensor([seed % 2])
    mask = (torch.rand(1, 1, 12, 12, generator=generator) > 0.5).double() if told else None
    out = adaptive_rule(block, response, before, branch, mask)
    expected, start = block(response, branch, mask), block(before, branch, mask)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)  # the block itself has δ in float32
    (gradient,) = torch.autograd.grad((out * upstream).sum(), response)
    parts = float((gradient * (response - before)).sum().detach())
    whole = float(((expected - start) * upstream).sum().detach())
    assert parts == pytest.approx(whole, rel=1e-4, abs=1e-4)


def test_a_plain_gradient_does_not_add_up():
    block, generator = block_of(1), torch.Generator().manual_seed(1)
    before, change = (torch.randn(1, *SHAPE, generator=generator, dtype=torch.float64) for _ in range(2))
    response, branch = (before + 3 * change).requires_grad_(), torch.tensor([0])
    difference = block(response, branch) - block(before, branch)
    (gradient,) = torch.autograd.grad(difference.sum(), response)
    parts = float((gradient * (response - before)).sum().detach())
    difference = difference.detach()
    assert abs(parts - float(difference.sum())) > 0.05 * abs(float(difference.sum()))


def test_a_product_shares_by_shapley_and_a_function_by_its_secant():
    a, b, a0, b0 = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (5.0, 3.0, 1.0, 2.0))
    shares = torch.autograd.grad(product(a, b, a0, b0).sum(), (a, b))
    orders = [((5 - 1) * 2, 5 * (3 - 2)), ((5 - 1) * 3, 1 * (3 - 2))]  # a first, b first
    assert float(shares[0] * 4) == pytest.approx((orders[0][0] + orders[1][0]) / 2)
    assert float(shares[1] * 1) == pytest.approx((orders[0][1] + orders[1][1]) / 2)
    (slope,) = torch.autograd.grad(rescale(torch.tanh, a, a0).sum(), a)
    assert float(slope) == pytest.approx(float((torch.tanh(a) - torch.tanh(a0)).detach() / 4))
    (slope,) = torch.autograd.grad(rescale(F.relu, a, a).sum(), a)
    assert float(slope) == 1.0, "nothing changed: the derivative"


@pytest.fixture(scope="module")
def adaptive() -> SaliencySearchNetwork:
    """Light CNN-29 with random weights and a δ that is not zero."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = SaliencySearchNetwork(light_cnn().backbone, adaptive=True)
        for block in network.selection:
            block.answer.weight.normal_(0, 3)
            block.indicators.normal_(0, 1)
    return network.eval()


@pytest.mark.parametrize("hidden", [False, True])
def test_the_whole_network_adds_up_told_or_not(adaptive, hidden):
    face = smooth_face(1)
    face = occlude(face, mask_bottom(face.landmarks)) if hidden else face
    score = probe_score(adaptive, face, target_of(torch.arange(256) % 5 - 2))
    assert (score.mask is not None) == hidden
    found = attribute(score, gray(face), "deeplift", baseline_picture("mean", face))
    assert abs(found.score - found.baseline_score) > 1e-3
    assert found.relative_delta < 0.01


def test_without_the_rule_it_is_refused(adaptive, monkeypatch):
    monkeypatch.setattr(
        deeplift,
        "adaptive_rule",
        lambda block, response, *_: block.__class__.forward(block, response, torch.tensor([1])),
    )
    face = smooth_face(1)
    score = PairScore(adaptive, "vis", torch.nn.functional.normalize(torch.arange(256.0) % 5 - 2, dim=0))
    with pytest.raises(ExplanationError, match="does not hold"):
        attribute(score, gray(face), "deeplift", baseline_picture("black", face))


@pytest.mark.parametrize("told", [False, True])
def test_a_block_in_bfloat16_stays_there(told):
    small = AdaptiveSelection(SHAPE).bfloat16()
    response = torch.randn(2, *SHAPE, dtype=torch.bfloat16)
    mask = torch.ones(2, 1, 12, 12) if told else None
    assert small(response, torch.tensor([0, 1]), mask).dtype == torch.bfloat16


def test_what_is_explained_is_the_score_of_the_search_whose_network_is_told_the_mask(adaptive):
    told = Recognizer(adaptive, ModelCard("toy", selection="adaptive", model_id="toy-1"), torch.device("cpu"))
    with torch.no_grad():
        for block in adaptive.selection:
            block.told.weight.fill_(3)
    face = smooth_face(1)
    hidden = occlude(face, mask_bottom(face.landmarks))
    vector = told.embed(hidden).vector
    target = target_of(told.embed(smooth_face(3)).vector)
    assert float(vector @ target.vector) == pytest.approx(
        float(probe_score(adaptive, hidden, target).values(torch.tensor(gray(hidden))[None, None])), abs=1e-5
    )
    untold = told.embed(replace(hidden, mask=np.zeros_like(hidden.mask))).vector
    assert np.abs(vector - untold).max() > 1e-4, "the same pixels, and nobody says what is hidden"
    assert face_digest(hidden) != face_digest(replace(hidden, mask=np.zeros_like(hidden.mask)))
    both = told.embed_batch([face, hidden])
    np.testing.assert_allclose(both[0], told.embed(face).vector, atol=1e-5)
    np.testing.assert_allclose(both[1], vector, atol=1e-5)
    assert not np.array_equal(told.look(hidden)[1][0].indicator, told.look(face)[1][0].indicator)
