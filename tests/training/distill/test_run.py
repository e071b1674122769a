"""A run of the distillation: its steps, what it learns, and the averaged network that comes out of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssn.training.distill.batch import Batches
from ssn.training.distill.loss import distillation_loss
from ssn.training.distill.network import BatchNormalisedLightCNN
from ssn.training.distill.run import Distillation
from tests.training.distill.runs import CPU
from tests.training.drawn_crops import CONFIG, TinyBackbone, tiny


def test_a_step_follows_the_plain_optimiser_and_a_running_average(crops, exact):
    """One step rebuilt from the published parts: AdamW with and without decay, clipping, warm-up, average."""
    config = replace(CONFIG, clip=0.05)
    run = Distillation(crops, config, CPU, tiny())
    mine = BatchNormalisedLightCNN(tiny())
    mine.load_state_dict(run.network.state_dict())
    before = [p.detach().clone() for p in mine.parameters()]
    views, target = Batches(crops, run.targets, config)(0)
    report = run.learn(views, target)
    groups = [
        {"params": [p for p in mine.parameters() if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in mine.parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.rate_at(0), betas=(0.9, 0.99), foreach=False)
    terms = distillation_loss(mine(views), mine.head, target, run.targets.unit, config)
    sum(terms.values()).backward()
    norm = nn.utils.clip_grad_norm_(mine.parameters(), config.clip)
    optimizer.step()
    for name, term in terms.items():
        assert report[name] == pytest.approx(term.item(), rel=1e-4)
    assert report["gradient"] == pytest.approx(norm.item(), rel=1e-3)
    assert norm > config.clip, "the clip must take effect here"
    assert run.averaged == 1
    assert sum(bool((p.grad.abs() > 1e-5).any()) for p in mine.parameters()) >= 5
    trio = zip(run.network.parameters(), mine.parameters(), before, run.average, strict=True)
    for found, expected, start, average in trio:
        certain = expected.grad.abs() > 1e-5  # the first step of Adam is the gradient's sign: rounding decides the rest
        assert torch.allclose(found[certain], expected[certain], atol=2e-6)
        assert torch.allclose(average, 0.1 * start + 0.9 * found, atol=1e-6)  # a young average keeps 1/10


def test_training_makes_the_network_more_like_its_teacher(crops, exact):
    config = replace(CONFIG, images=8 * 60, learning_rate=3e-3)
    run = Distillation(crops, config, CPU, tiny())
    batch = Batches(crops, run.targets, config)(0)
    losses = []
    for run.step_number in range(60):
        losses.append(run.learn(*batch)["likeness"])
    assert losses[0] > 0.7
    assert losses[-1] < 0.5 * losses[0]


def test_the_averaged_network_is_normalised_anew_and_folds_into_the_published_names(crops, uninterrupted, exact):
    network = uninterrupted.averaged_network(batches=6)
    assert not network.training
    plain = replace(CONFIG, sizes=((48, 1.0),))
    views = torch.cat([Batches(crops, uninterrupted.targets, plain)(i)[0] for i in range(6)])
    with torch.no_grad():
        out = network(views)
        assert out.mean(dim=0).abs().max() < 1e-3
        assert (out.var(dim=0, unbiased=False) - 1).abs().max() < 0.05
        weights = uninterrupted.averaged_backbone(batches=6)
        assert weights.keys() == TinyBackbone().state_dict().keys()
        backbone = TinyBackbone()
        backbone.load_state_dict(weights)
        answers, found = F.normalize(network.head(out), dim=1), F.normalize(backbone(views), dim=1)
        assert np.corrcoef((answers @ answers.T).flatten(), (found @ found.T).flatten())[0, 1] > 0.95
    for parameter, average in zip(network.parameters(), uninterrupted.average, strict=True):
        assert torch.equal(parameter, average)
