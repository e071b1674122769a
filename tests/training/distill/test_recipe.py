"""What the distillation asks for and shows: its terms in closed form, targets, rates and draws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssn.data.face_store import StoredFaces
from ssn.errors import DataError
from ssn.training.distill import batch as module
from ssn.training.distill.batch import Batches
from ssn.training.distill.loss import distillation_loss
from ssn.training.distill.recipe import PRESETS, DistillConfig
from ssn.training.distill.targets import Targets
from tests.training.drawn_crops import CONFIG, drawn_crops


@pytest.fixture(scope="module")
def crops() -> StoredFaces:
    return drawn_crops()


def rows_of(target: torch.Tensor, targets: Targets) -> list[int]:
    """Which crops a batch was drawn from: every crop has a target of its own."""
    equal = (target[:, None] == targets.unit[None]).all(dim=2)
    assert bool((equal.sum(dim=1) == 1).all())
    return equal.int().argmax(dim=1).tolist()


# --- the terms


def test_the_loss_is_its_formula():
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(5, 256, generator=generator)
    target = F.normalize(torch.randn(5, 128, generator=generator), dim=1)
    bank = F.normalize(torch.randn(9, 128, generator=generator), dim=1)
    head = nn.Linear(256, 128)
    config = DistillConfig(relation=7.0, ranking=3.0, sharpness=4.0)
    found = distillation_loss(embedding, head, target, bank, config)
    out = embedding.numpy() @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    t = target.numpy()
    assert found["likeness"].item() == pytest.approx(1 - np.mean(np.sum(out * t, axis=1)), abs=1e-5)
    e = [v / np.linalg.norm(v) for v in embedding.numpy()]
    squares = [(e[i] @ e[j] - t[i] @ t[j]) ** 2 for i in range(5) for j in range(5) if i != j]
    assert found["relation"].item() == pytest.approx(7.0 * np.mean(squares), rel=1e-4)
    divergence = []
    for mine, teachers in zip(out, t, strict=True):
        p, q = (np.exp(4 * bank.numpy() @ v) / np.exp(4 * bank.numpy() @ v).sum() for v in (teachers, mine))
        divergence.append(sum(a * np.log(a / b) for a, b in zip(p, q, strict=True)))
    assert found["ranking"].item() == pytest.approx(3 * np.mean(divergence), rel=1e-3)


def test_a_perfect_network_has_no_loss():
    target = F.normalize(torch.randn(4, 128), dim=1)
    head = nn.Linear(256, 128)
    with torch.no_grad():
        head.weight.copy_(torch.eye(128, 256))
        head.bias.zero_()
    bank = F.normalize(torch.randn(30, 128), dim=1)
    terms = distillation_loss(3 * F.pad(target, (0, 128)), head, target, bank, DistillConfig())
    assert set(terms) == {"likeness", "relation", "ranking"}
    assert max(abs(term.item()) for term in terms.values()) < 1e-5


def test_targets_are_centred_unit_and_pulled_towards_their_person(crops):
    pull = 0.4
    mean = crops.descriptors.astype(np.float64).mean(0)
    unit = [(d - mean) / np.linalg.norm(d - mean) for d in crops.descriptors.astype(np.float64)]
    found = Targets(crops, pull)
    for i, identity in enumerate(crops.identities):
        expected = unit[i]
        own = [unit[j] for j in np.flatnonzero(crops.identities == identity)]
        if identity >= 0 and len(own) > 1:
            person = np.mean(own, axis=0)
            expected = (1 - pull) * unit[i] + pull * person / np.linalg.norm(person)
        assert np.allclose(found.unit[i], expected / np.linalg.norm(expected), atol=1e-5)
    assert {identity: len(rows) for identity, rows in found.members.items()} == {1: 2, 2: 3, 3: 4}
    for identity, rows in found.members.items():
        assert (crops.identities[rows] == identity).all()


# --- the schedule


def test_the_rate_warms_up_to_its_height_and_falls_to_a_hundredth():
    config = DistillConfig(images=32_000, learning_rate=2e-3, warmup=0.1)
    assert config.steps == 1000
    rates = [config.rate_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(2e-5)
    assert np.allclose(np.diff(rates[:100]), 2e-5)
    assert max(rates) == pytest.approx(2e-3)
    assert rates[100] == pytest.approx(2e-3)
    assert rates[550] == pytest.approx(2e-3 * (0.01 + 0.99 / 2))
    assert (np.diff(rates[100:]) < 0).all()
    assert config.rate_at(1000) == config.rate_at(2000) == pytest.approx(2e-5)


def test_a_constant_rate_stays_until_the_anneal_and_then_falls_to_a_hundredth():
    config = DistillConfig(images=32_000, learning_rate=2e-3, warmup=0.1, schedule="constant", anneal=0.2)
    rates = np.array([config.rate_at(step) for step in range(1001)])
    assert np.allclose(rates[99:801], 2e-3)
    assert (np.diff(rates[800:]) < 0).all()
    assert rates[900] == pytest.approx(2e-3 * (0.01 + 0.99 / 2))
    assert rates[1000] == pytest.approx(2e-5)
    at_once = replace(config, warmup=0.0, anneal=0.0)
    assert {at_once.rate_at(step) for step in range(1000)} == {2e-3}


def test_a_linear_rate_falls_in_a_straight_line_to_a_hundredth_at_the_end():
    config = DistillConfig(images=32_000, learning_rate=2e-3, warmup=0.1, schedule="linear")
    rates = np.array([config.rate_at(step) for step in range(1001)])
    assert np.allclose(rates[:100], np.arange(1, 101) * 2e-5)
    assert np.allclose(rates[100:], np.linspace(2e-3, 2e-5, 901))
    assert config.rate_at(2000) == pytest.approx(2e-5)
    assert replace(config, warmup=0.0).rate_at(0) == pytest.approx(2e-3)


def test_the_preset_for_a_gpu_is_what_the_documents_say():
    config = PRESETS["gpu"]
    assert (config.steps, config.batch, config.partners, config.size_at(0)) == (7179, 128, 32, 128)
    rates = [config.rate_at(step) for step in range(config.steps)]
    assert (rates.index(max(rates)), max(rates)) == (299, pytest.approx(1.6e-3))
    assert rates[-1] == pytest.approx(1.6e-5, rel=0.02)
    assert (config.ema, config.sharpness, config.views.occluded, config.views.occluders) == (0.999, 15, 0.69, "many")


@pytest.mark.parametrize(("batch", "partners"), [(8, 5), (8, -1), (128, 65)])
def test_more_partners_than_people_are_refused(batch, partners):
    with pytest.raises(DataError, match="no room"):
        DistillConfig(batch=batch, partners=partners)


def test_the_sizes_follow_each_other_with_their_shares_of_the_steps():
    config = DistillConfig(images=32_000)
    sizes = [config.size_at(step) for step in range(config.steps)]
    assert sizes == sorted(sizes)
    counts = Counter(sizes)
    assert {size: counts[size] / 1000 for size, _ in config.sizes} == dict(config.sizes)
    assert config.size_at(5000) == 128


def test_a_run_shorter_than_one_batch_is_one_step():
    assert DistillConfig(images=3).steps == 1


# --- the draws


def test_a_batch_depends_on_the_seed_and_the_step_only(crops):
    targets = Targets(crops, CONFIG.identity_pull)
    first = Batches(crops, targets, CONFIG)(4)
    Batches(crops, targets, CONFIG)(9)
    torch.rand(10)
    np.random.random(10)
    again = Batches(crops, targets, CONFIG)(4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for other in (Batches(crops, targets, CONFIG)(5), Batches(crops, targets, replace(CONFIG, seed=1))(4)):
        assert not torch.equal(first[0], other[0])
    assert first[0].shape == (8, 1, 32, 32)
    assert first[1].shape == (8, 128)
    assert Batches(crops, targets, CONFIG)(11)[0].shape[-1] == 48


@pytest.mark.parametrize(("batch", "partners"), [(8, 2), (7, 0), (12, 5), (30, 5)])
def test_every_crop_is_drawn_once_per_epoch_apart_from_partners(crops, batch, partners):
    config = replace(CONFIG, batch=batch, partners=partners, images=10_000)
    targets = Targets(crops, config.identity_pull)
    fresh = batch - partners
    drawn = []
    while len(drawn) < 3 * len(crops):
        _, target = Batches(crops, targets, config)(len(drawn) // fresh)
        drawn += rows_of(target, targets)[:fresh]
    epochs = [tuple(drawn[start : start + 20]) for start in (0, 20, 40)]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert len(set(epochs)) == 3, "each epoch in an order of its own"


def test_partners_show_the_same_person_in_the_other_spectrum(crops, monkeypatch):
    seen = []
    real = module.random_views

    def watched(pixels, nir, *others):
        seen.append(nir.clone())
        return real(pixels, nir, *others)

    monkeypatch.setattr(module, "random_views", watched)
    targets = Targets(crops, CONFIG.identity_pull)
    other_photos = 0
    for step in range(30):
        _, target = Batches(crops, targets, CONFIG)(step)
        rows = rows_of(target, targets)
        nir = seen[-1]
        for i in range(CONFIG.partners):
            row, partner = rows[i], rows[6 + i]
            assert bool(nir[i]) != bool(nir[6 + i])
            assert crops.identities[row] == crops.identities[partner]
            assert row == partner or crops.identities[row] >= 0
            other_photos += row != partner
    assert other_photos > 5
    assert 0.35 < torch.cat([nir[:6] for nir in seen]).float().mean() < 0.65
