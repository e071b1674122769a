"""A run shared by processes: the gradients of one, and views drawn alike wherever they are drawn."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ssn.errors import DataError
from ssn.training.crops import Crops
from ssn.training.distill import run as distill_run
from ssn.training.distill.run import Distillation
from ssn.training.states import load_state, save_state
from ssn.training.team import Team
from tests.training.distill.runs import CPU
from tests.training.drawn_crops import CONFIG, drawn_crops, tiny

ROOT = Path(__file__).resolve().parents[3]


def three_steps(target: Path, team: Team) -> None:
    """Three steps in full precision; the first process keeps the state, the gradients and what each step reported."""
    run = Distillation(drawn_crops(), CONFIG, team, tiny(), bfloat16=False)
    reports = []
    for run.step_number in range(3):
        reports.append(dict(run.learn(*run.batches(run.step_number))))
    gradients = [p.grad for p in run.network.parameters()]
    if team.first:
        save_state({**run.state(), "gradients": gradients, "reports": reports, "processes": team.size}, target)
    team.wait()


@pytest.mark.slow
def test_two_gloo_processes_get_the_gradients_of_one(tmp_path, exact):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*start, "-m", "tests.training.distill.test_run_together", str(tmp_path / "two.pt")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    three_steps(tmp_path / "one.pt", CPU)
    one, two = (load_state(tmp_path / f"{name}.pt") for name in ("one", "two"))
    assert (one["processes"], two["processes"]) == (1, 2)
    for mine, theirs in zip(one["gradients"], two["gradients"], strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4 * float(mine.abs().max()) + 1e-6)
    for mine, theirs in zip(one["reports"], two["reports"], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3)
    for name, tensor in one["model"].items():
        if "running" in name:  # a bias before a normalisation has rounding for a gradient, and Adam follows its sign
            assert torch.allclose(tensor, two["model"][name], atol=1e-3), name


def test_a_batch_that_cannot_be_shared_is_refused():
    team = Team("cpu")
    team.rank, team.size = 1, 3
    assert team.part(9) == slice(3, 6)
    with pytest.raises(DataError, match="shared by 3"):
        team.part(8)


def test_a_run_from_given_weights_starts_alike_wherever_its_views_are_drawn(crops, exact, monkeypatch):
    class Elsewhere(Crops):
        """Draws as a GPU does, whose generators give other numbers for the same seed."""

        def drawing(self, generator: torch.Generator) -> torch.Generator:
            return torch.Generator().manual_seed(generator.initial_seed() + 1)

    here = Distillation(crops, CONFIG, CPU, tiny())
    monkeypatch.setattr(distill_run, "Crops", Elsewhere)
    there = Distillation(crops, CONFIG, CPU, tiny())
    assert not torch.equal(here.batches(0)[0], there.batches(0)[0])
    ours, theirs = here.network.state_dict(), there.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


if __name__ == "__main__":
    torch.set_num_threads(1)
    three_steps(Path(sys.argv[1]), Team("cpu"))
