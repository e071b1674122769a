"""Distillation: its terms in closed form, its draws, and a killed run that goes on as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssn.errors import CheckpointError, DataError
from ssn.training import distill as module
from ssn.training import lessons
from ssn.training.augment import ViewRanges
from ssn.training.checkpoints import load_state, save_state
from ssn.training.crops import Crops
from ssn.training.distill import STATE_FILE, Distillation, distill, distillation_loss
from ssn.training.lessons import DistillConfig, Targets, draw_batch, recipe_of
from ssn.training.student import Student
from ssn.training.team import Team

ROOT = Path(__file__).resolve().parents[2]
SPAWN = multiprocessing.get_context("spawn")
CPU = Team("cpu")
CONFIG = DistillConfig(images=96, batch=8, partners=2, sizes=((32, 0.5), (48, 0.5)), warmup=0.2)


class TinyBackbone(nn.Module):
    """Learns, and is small: a convolution, a mean over 8×8 fields, a linear layer of the usual name."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2)
        self.fc = nn.Linear(4 * 64, 256)
        nn.init.normal_(self.fc.weight, std=0.5)  # an embedding far above the normalisation's epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.adaptive_avg_pool2d(self.conv(x).relu(), 8).flatten(1))


def tiny() -> TinyBackbone:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return TinyBackbone()


def drawn_crops() -> Crops:
    """20 crops: people of 1, 2, 3, 4 photos, and ten unknown."""
    rng = np.random.default_rng(0)
    identities = np.array([0, 1, 1, 2, 2, 2, 3, 3, 3, 3] + [-1] * 10)
    return Crops(
        pixels=rng.integers(0, 256, (20, 4, 4, 3), dtype=np.uint8).repeat(36, axis=1).repeat(36, axis=2),
        landmarks=rng.uniform(20, 120, (20, 68, 2)).astype(np.float32),
        descriptors=(rng.normal(size=(20, 128)) * 0.1 + 0.05).astype(np.float32),
        identities=identities[rng.permutation(20)],
        sources=np.array(["drawn"] * 20),
    )


@pytest.fixture(scope="module")
def crops() -> Crops:
    return drawn_crops()


@pytest.fixture
def exact(monkeypatch) -> None:
    """Full precision, and the allocator as the other tests need it."""
    monkeypatch.setattr(module, "has_fast_bfloat16", lambda device: False)
    monkeypatch.setattr(module, "keep_freed_memory", lambda: False)


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


def test_a_perfect_student_has_no_loss():
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
    first = draw_batch(crops, targets, CONFIG, 4)
    draw_batch(crops, targets, CONFIG, 9)
    torch.rand(10)
    np.random.random(10)
    again = draw_batch(crops, targets, CONFIG, 4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for other in (draw_batch(crops, targets, CONFIG, 5), draw_batch(crops, targets, replace(CONFIG, seed=1), 4)):
        assert not torch.equal(first[0], other[0])
    assert first[0].shape == (8, 1, 32, 32)
    assert first[1].shape == (8, 128)
    assert draw_batch(crops, targets, CONFIG, 11)[0].shape[-1] == 48


@pytest.mark.parametrize(("batch", "partners"), [(8, 2), (7, 0), (12, 5), (30, 5)])
def test_every_crop_is_drawn_once_per_epoch_apart_from_partners(crops, batch, partners):
    config = replace(CONFIG, batch=batch, partners=partners, images=10_000)
    targets = Targets(crops, config.identity_pull)
    fresh = batch - partners
    drawn = []
    while len(drawn) < 3 * len(crops):
        _, target = draw_batch(crops, targets, config, len(drawn) // fresh)
        drawn += rows_of(target, targets)[:fresh]
    epochs = [tuple(drawn[start : start + 20]) for start in (0, 20, 40)]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert len(set(epochs)) == 3, "each epoch in an order of its own"


def test_partners_show_the_same_person_in_the_other_spectrum(crops, monkeypatch):
    seen = []
    real = lessons.random_views

    def watched(pixels, nir, *others):
        seen.append(nir.clone())
        return real(pixels, nir, *others)

    monkeypatch.setattr(lessons, "random_views", watched)
    targets = Targets(crops, CONFIG.identity_pull)
    other_photos = 0
    for step in range(30):
        _, target = draw_batch(crops, targets, CONFIG, step)
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


# --- the run


def test_a_step_follows_the_plain_optimiser_and_a_running_average(crops, exact):
    """One step rebuilt from the published parts: AdamW with and without decay, clipping, warm-up, average."""
    config = replace(CONFIG, clip=0.05)
    run = Distillation(crops, config, CPU, tiny())
    mine = Student(tiny())
    mine.load_state_dict(run.student.state_dict())
    before = [p.detach().clone() for p in mine.parameters()]
    views, target = draw_batch(crops, run.targets, config, 0)
    report = run.step(views, target)
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
    assert run.step_number == 1
    assert sum(bool((p.grad.abs() > 1e-5).any()) for p in mine.parameters()) >= 5
    trio = zip(run.student.parameters(), mine.parameters(), before, run.average, strict=True)
    for found, expected, start, average in trio:
        certain = expected.grad.abs() > 1e-5  # the first step of Adam is the gradient's sign: rounding decides the rest
        assert torch.allclose(found[certain], expected[certain], atol=2e-6)
        assert torch.allclose(average, 0.1 * start + 0.9 * found, atol=1e-6)  # a young average keeps 1/10


def finish(crops: Crops, folder: Path, **options) -> Distillation:
    return distill(crops, CONFIG, folder, CPU, backbone=tiny(), progress=False, **options)


def killed_at(crops: Crops, folder: Path, step: int) -> None:
    """Runs until the given step, saving after each, and is killed in the middle of it. A process of its own knows
    nothing of its parent's fixtures: it is made exact again."""
    torch.set_num_threads(1)
    module.has_fast_bfloat16 = lambda device: False
    module.keep_freed_memory = lambda: False
    real = Distillation.step

    def step_or_die(self, views, target):
        answer = real(self, views, target)
        if self.step_number == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Distillation.step = step_or_die
    finish(crops, folder, save_every=-1.0)


@pytest.fixture(scope="module")
def uninterrupted(crops, tmp_path_factory) -> Distillation:
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "has_fast_bfloat16", lambda device: False)
    patch.setattr(module, "keep_freed_memory", lambda: False)
    run = finish(crops, tmp_path_factory.mktemp("uninterrupted"))
    patch.undo()
    return run


def flat(value) -> list:
    """All tensors and numbers of a nested state, in order."""
    if isinstance(value, dict):
        return [("key", key) for key in value] + [leaf for part in value.values() for leaf in flat(part)]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in flat(part)]
    return [value]


def same_state(a: dict, b: dict) -> bool:
    pairs = list(zip(flat(a), flat(b), strict=True))
    return all(torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y for x, y in pairs)


@pytest.mark.parametrize("step", [2, 7, 12])
def test_a_run_that_was_killed_and_resumed_equals_the_uninterrupted_one_bit_for_bit(
    crops, uninterrupted, exact, tmp_path, step
):
    process = SPAWN.Process(target=killed_at, args=(crops, tmp_path, step))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert load_state(tmp_path / STATE_FILE)["step"] == step - 1
    resumed = finish(crops, tmp_path, resume=True)
    assert resumed.step_number == uninterrupted.step_number == 12
    assert same_state(resumed.state(), uninterrupted.state())
    assert all(map(torch.equal, resumed.average, uninterrupted.average)), "whatever state() says of it"
    assert not any(map(torch.equal, resumed.average, resumed.student.parameters()))
    assert same_state(load_state(tmp_path / STATE_FILE), uninterrupted.state())


def test_a_run_in_pieces_equals_the_run_in_one(crops, uninterrupted, exact, tmp_path):
    finish(crops, tmp_path, stop_at=5)
    assert load_state(tmp_path / STATE_FILE)["step"] == 5
    assert same_state(finish(crops, tmp_path, resume=True).state(), uninterrupted.state())


def test_two_runs_with_other_seeds_differ(crops, uninterrupted, exact, tmp_path):
    other = distill(crops, replace(CONFIG, seed=1), tmp_path, CPU, backbone=tiny(), progress=False)
    assert not same_state(other.state()["student"], uninterrupted.state()["student"])


def test_a_run_can_start_where_one_of_another_recipe_stands(crops, uninterrupted, exact, tmp_path):
    config = replace(CONFIG, images=32, learning_rate=1e-4, seed=5)
    old = uninterrupted.state()
    run = distill(crops, config, tmp_path, CPU, backbone=tiny(), before=old, stop_at=0, progress=False)
    assert run.step_number == 0
    assert run.before == [{"views": 96, "recipe": asdict(CONFIG)}]
    assert same_state(run.state()["student"], old["student"])
    assert same_state(run.state()["average"], old["average"])
    went_on = distill(crops, config, tmp_path, CPU, backbone=tiny(), before=old, progress=False)
    assert not same_state(went_on.state()["student"], old["student"])
    resumed = Distillation(crops, config, CPU, tiny())
    resumed.restore(load_state(tmp_path / STATE_FILE))
    assert resumed.before == run.before, "where it came from is not forgotten"
    third = Distillation(crops, CONFIG, CPU, tiny())
    third.go_on_from(resumed.state())
    assert [each["views"] for each in third.before] == [96, 32]
    with pytest.raises(CheckpointError, match="no state"):
        third.go_on_from({})
    with pytest.raises(CheckpointError, match="does not fit"):
        third.go_on_from({**old, "average": old["average"][:-1]})


def test_resuming_a_finished_run_changes_nothing(crops, uninterrupted, exact, tmp_path):
    save_state(uninterrupted.state(), tmp_path / STATE_FILE)
    again = finish(crops, tmp_path, resume=True)
    assert again.step_number == 12
    assert same_state(again.state(), uninterrupted.state())


def test_training_makes_the_student_more_like_its_teacher(crops, exact):
    config = replace(CONFIG, images=8 * 60, learning_rate=3e-3)
    run = Distillation(crops, config, CPU, tiny())
    batch = draw_batch(crops, run.targets, config, 0)
    losses = [run.step(*batch)["likeness"] for _ in range(60)]
    assert losses[0] > 0.7
    assert losses[-1] < 0.5 * losses[0]


def test_the_averaged_student_is_normalised_anew_and_folds_into_the_published_names(crops, uninterrupted, exact):
    student = uninterrupted.averaged_student(batches=6)
    assert not student.training
    plain = replace(CONFIG, sizes=((48, 1.0),))
    views = torch.cat([draw_batch(crops, uninterrupted.targets, plain, i)[0] for i in range(6)])
    with torch.no_grad():
        out = student(views)
        assert out.mean(dim=0).abs().max() < 1e-3
        assert (out.var(dim=0, unbiased=False) - 1).abs().max() < 0.05
        weights = uninterrupted.averaged_backbone(batches=6)
        assert weights.keys() == TinyBackbone().state_dict().keys()
        backbone = TinyBackbone()
        backbone.load_state_dict(weights)
        answers, found = F.normalize(student.head(out), dim=1), F.normalize(backbone(views), dim=1)
        assert np.corrcoef((answers @ answers.T).flatten(), (found @ found.T).flatten())[0, 1] > 0.95
    for parameter, average in zip(student.parameters(), uninterrupted.average, strict=True):
        assert torch.equal(parameter, average)


# --- several processes


def three_steps(target: Path, team: Team) -> None:
    """Three steps in full precision; the first process keeps the state, the gradients and what each step said."""
    module.has_fast_bfloat16 = lambda device: False
    run = Distillation(drawn_crops(), CONFIG, team, tiny())
    said = [run.step(*draw_batch(run.crops, run.targets, CONFIG, step)) for step in range(3)]
    gradients = [p.grad for p in run.student.parameters()]
    if team.first:
        save_state({**run.state(), "gradients": gradients, "said": said, "processes": team.size}, target)
    team.wait()


@pytest.mark.slow
def test_two_gloo_processes_get_the_gradients_of_one(tmp_path, exact):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*start, "-m", "tests.training.test_distill", str(tmp_path / "two.pt")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    three_steps(tmp_path / "one.pt", CPU)
    one, two = (load_state(tmp_path / f"{name}.pt") for name in ("one", "two"))
    assert (one["processes"], two["processes"]) == (1, 2)
    for mine, theirs in zip(one["gradients"], two["gradients"], strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4 * float(mine.abs().max()) + 1e-6)
    for mine, theirs in zip(one["said"], two["said"], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3)
    for name, tensor in one["student"].items():
        if "running" in name:  # a bias before a normalisation has rounding for a gradient, and Adam follows its sign
            assert torch.allclose(tensor, two["student"][name], atol=1e-3), name


def test_a_batch_that_cannot_be_shared_is_refused():
    team = Team("cpu")
    team.rank, team.size = 1, 3
    assert team.part(9) == slice(3, 6)
    with pytest.raises(DataError, match="shared by 3"):
        team.part(8)


# --- foreign states


def test_a_state_of_another_recipe_is_refused_and_named(crops, uninterrupted, exact):
    state = uninterrupted.state()
    for change in (
        {"batch": 16},
        {"images": 200},
        {"seed": 9},
        {"views": ViewRanges(flip=0.1)},
        {"sizes": ((32, 1.0),)},
    ):
        run = Distillation(crops, replace(CONFIG, **change), CPU, tiny())
        with pytest.raises(CheckpointError, match=f"made with {next(iter(change))}"):
            run.restore(state)
        assert run.step_number == 0


def test_a_state_of_another_network_or_none_at_all_is_refused(crops, uninterrupted, exact, tmp_path):
    run = Distillation(crops, CONFIG, CPU, tiny())
    good = uninterrupted.state()
    for state in ({}, {"config": 3}, {"step": 1, "model": {}}):
        with pytest.raises(CheckpointError, match="no state of a distillation"):
            run.restore(state)
    for change in (
        {"student": {}},
        {"student": 5},
        {"average": good["average"][:-1]},
        {"optimizer": {}},
        {"step": None},
    ):
        with pytest.raises(CheckpointError, match="does not fit"):
            Distillation(crops, CONFIG, CPU, tiny()).restore({**good, **change})
    with pytest.raises(CheckpointError, match="no training state"):
        finish(crops, tmp_path / "empty", resume=True)


def test_the_recipe_of_a_state_is_read_back_from_disk(uninterrupted, tmp_path):
    save_state(uninterrupted.state(), tmp_path / "s.pt")
    assert recipe_of(load_state(tmp_path / "s.pt")) == CONFIG
    for state in ({}, {"config": {"views": {}}}, {"config": {"views": {"wrong": 1}, "sizes": []}}):
        with pytest.raises(CheckpointError, match="no state of a distillation"):
            recipe_of(state)


if __name__ == "__main__":
    torch.set_num_threads(1)
    three_steps(Path(sys.argv[1]), Team("cpu"))
