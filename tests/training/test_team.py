"""Several processes: who waits for whom, what all get, and that a cache is built once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from ssn.errors import DataError, TeamError
from ssn.training.runner import run_stage
from ssn.training.search.algorithm1 import Search
from ssn.training.search.warm_up import warm_start
from ssn.training.states import load_state, save_state
from ssn.training.team import Team
from tests.training.toys import Toys, toy_base

ROOT = Path(__file__).resolve().parents[2]

PATIENCE = 15
"""Seconds that the processes' backend waits for the others: more than a busy machine needs, less than a slow start."""


def test_alone_everything_is_done_here():
    team = Team("cpu")
    calls = []
    assert team.first_does(lambda: calls.append(1) or 7) == 7
    assert team.first_before_others(lambda: calls.append(2) or 8) == 8
    assert calls == [1, 2]
    with pytest.raises(DataError, match="as it was"):
        team.first_does(lambda: (_ for _ in ()).throw(DataError("as it was")))
    team.broadcast([torch.ones(2)])
    team.wait()


def slow_start(folder: Path, team: Team) -> dict:
    """The first process works for longer than an exchange of gradients may take."""

    def build() -> str:
        made = folder / "built"
        if not made.exists():
            time.sleep(1.5 * PATIENCE)
            with open(folder / "builders", "a") as file:
                file.write(f"{team.rank}\n")
            made.write_text("cache")
        return made.read_text()

    found = team.first_before_others(build)
    team.wait()
    alone = team.first_does(lambda: time.sleep(1.2 * PATIENCE) or {"of": team.rank})
    return {"found": found, "alone": alone}


def failing(team: Team) -> str:
    """What each process raises when the first one fails."""

    def fail() -> None:
        raise DataError("No faces here.", "Bring some.")

    try:
        team.first_does(fail)
    except DataError as error:
        return f"data: {error}"
    except TeamError as error:
        return f"team: {error}"
    return "nothing"


def apart_and_together(folder: Path, team: Team) -> dict:
    """A stage whose weights differ from process to process before it begins, and a warm start that only has a piece
    for one of them."""
    toys = Toys()
    start = warm_start(toy_base(), toys.faces, toys.people, toys.recipe, team, False, folder / "warm.pt")
    with torch.no_grad():
        toys.objective.network.backbone.fc.weight.add_(team.rank)
    toys.team = team
    stage = toys.make(Search)
    run_stage(stage, folder / "search", stop_at=1, progress=False)
    return {
        "targets": start.targets,
        "classifier": start.classifier,
        "weights": list(stage.objective.state_dict().values()),
    }


def everything(folder: Path) -> None:
    """What each process of two does; it keeps what it saw."""
    dist.init_process_group("gloo", timeout=timedelta(seconds=PATIENCE))
    team = Team("cpu")
    seen = {**slow_start(folder, team), "failure": failing(team), **apart_and_together(folder, team)}
    save_state(seen, folder / f"seen{team.rank}.pt")
    team.wait()


@pytest.mark.slow
def test_two_processes_build_once_wait_as_long_as_it_takes_and_start_alike(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*start, "-m", "tests.training.test_team", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load_state(tmp_path / f"seen{rank}.pt") for rank in (0, 1))
    assert (tmp_path / "builders").read_text() == "0\n", "the others find what the first has built"
    assert one["found"] == two["found"] == "cache"
    assert one["alone"] == two["alone"] == {"of": 0}
    assert one["failure"] == "data: No faces here. Bring some."
    assert two["failure"].startswith("team: The team's first process gave up: DataError: No faces here.")
    for name in ("targets", "classifier"):
        assert torch.equal(one[name], two[name])
    for mine, theirs in zip(one["weights"], two["weights"], strict=True):
        assert torch.equal(mine, theirs), "the first process's weights are everybody's"
    toys, team = Toys(), Team("cpu")
    alone = warm_start(toy_base(), toys.faces, toys.people, toys.recipe, team, False)
    assert torch.allclose(alone.targets, one["targets"], atol=1e-5)
    assert torch.allclose(alone.classifier, one["classifier"], atol=1e-3)


if __name__ == "__main__":
    torch.set_num_threads(1)
    everything(Path(sys.argv[1]))
