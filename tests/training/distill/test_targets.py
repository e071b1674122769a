"""Stage 0 on descriptors of other widths than dlib's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ssn.training.distill.network import fold_head
from ssn.training.distill.run import Distillation
from ssn.training.team import Team
from tests.training.drawn_crops import CONFIG, drawn_crops, tiny


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
