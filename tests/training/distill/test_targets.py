"""Descriptors of several teachers as one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ssn.errors import DataError
from ssn.training.distill.network import fold_head
from ssn.training.distill.run import Distillation
from ssn.training.distill.targets import joined
from ssn.training.team import Team
from tests.training.drawn_crops import CONFIG, drawn_crops, tiny


def test_cosines_of_joined_descriptors_are_the_weighted_mean_of_the_teachers_own():
    rng = np.random.default_rng(0)
    parts = [rng.normal(0.4, 1, (7, 5)), 30 * rng.normal(-1, 1, (7, 9)), rng.normal(size=(7, 3))]
    weights = (3, 7, 10)
    whole = joined(parts, weights)
    assert whole.shape == (7, 17)
    assert whole.dtype == np.float32
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)
    for i in range(7):
        for j in range(7):
            expected = 0.0
            for part, weight in zip(parts, (0.15, 0.35, 0.5), strict=True):
                a, b = part[i] - part.mean(0), part[j] - part.mean(0)
                expected += weight * a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            assert whole[i] @ whole[j] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("lengths", "weights", "words"),
    [((4, 4), (1,), "weights"), ((4, 4), (1, 0), "weights"), ((), (), "weights"), ((4, 5), (1, 1), "same faces")],
)
def test_parts_that_do_not_go_together_are_refused(lengths, weights, words):
    with pytest.raises(DataError, match=words):
        joined([np.ones((length, 3)) for length in lengths], weights)


@pytest.mark.parametrize("width", [64, 192, 320])
def test_stage_0_learns_descriptors_of_any_width(width):
    rng = np.random.default_rng(1)
    faces = drawn_crops()
    object.__setattr__(faces, "descriptors", rng.normal(size=(20, width)).astype(np.float32))
    run = Distillation(faces, CONFIG, Team("cpu"), tiny(), bfloat16=False)
    assert run.network.head.weight.shape == (width, 256)
    assert run.batches(0)[1].shape == (CONFIG.batch, width)
    run.learn(*run.batches(0))
    assert run.averaged_backbone(batches=2)["fc.weight"].shape == run.network.backbone.fc.weight.shape


def test_a_head_wider_than_the_embedding_folds_into_its_products():
    generator = torch.Generator().manual_seed(0)
    given = {"fc.weight": torch.eye(256), "fc.bias": torch.zeros(256)}
    head = nn.Linear(256, 320)
    with torch.no_grad():  # a bias that some embedding reaches
        head.bias.copy_(head.weight @ torch.randn(256, generator=generator))
    x = torch.randn(5, 256, generator=generator)
    folded = fold_head(given, head, rest=0.0)
    embedding, answer = x @ folded["fc.weight"].T + folded["fc.bias"], head(x).detach()
    assert torch.allclose(embedding @ embedding.T, answer @ answer.T, rtol=1e-3, atol=1e-2)
