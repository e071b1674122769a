"""Training states: the round trip, kills while writing, and files that are none."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch

from ssn.errors import CheckpointError
from ssn.training import states as checkpoints
from ssn.training.states import load_state, save_state

SPAWN = multiprocessing.get_context("spawn")
STATE = {"step": 3, "weights": {"a": torch.arange(6.0)}, "list": [torch.ones(2), 1.5], "sizes": ((64, 0.5), (96, 0.5))}


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_a_state_comes_back_as_it_was_and_alone(tmp_path):
    save_state(STATE, tmp_path / "deep" / "state.pt")
    assert same(load_state(tmp_path / "deep" / "state.pt"), STATE)
    assert os.listdir(tmp_path / "deep") == ["state.pt"]


def save_and_die(path: Path, moment: str) -> None:
    def die(*_) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def write_a_part(state, file) -> None:
        file.write(b"a part of a state")
        file.flush()
        die()

    if moment == "while writing":
        checkpoints.torch.save = write_a_part
    else:
        setattr(checkpoints.os, {"before flushing": "fsync", "before renaming": "replace"}[moment], die)
    save_state({"step": 4}, path)


@pytest.mark.parametrize("moment", ["while writing", "before flushing", "before renaming"])
def test_a_kill_leaves_the_old_state(tmp_path, moment):
    path = tmp_path / "state.pt"
    save_state(STATE, path)
    process = SPAWN.Process(target=save_and_die, args=(path, moment))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert same(load_state(path), STATE)
    save_state({"step": 5}, path)
    assert load_state(path) == {"step": 5}
    assert os.listdir(tmp_path) == ["state.pt"], "what the kill left behind is used up by the next save"


def test_a_failed_save_leaves_the_old_state_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    save_state(STATE, path)
    before = path.read_bytes()

    def full_disk(state, file) -> None:
        file.write(b"a part")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.torch, "save", full_disk)
    with pytest.raises(CheckpointError, match=r"cannot be written.*No space"):
        save_state({"step": 4}, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["state.pt"]


def test_a_missing_state_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="no training state"):
        load_state(tmp_path / "none.pt")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x80\x02}q\x00.", bytes(range(256)) * 9])
def test_a_file_that_is_no_state_is_refused(tmp_path, content):
    (tmp_path / "odd.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="not a training state"):
        load_state(tmp_path / "odd.pt")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_state_that_was_cut_off_is_refused(tmp_path, part):
    path = tmp_path / "state.pt"
    save_state(STATE, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(CheckpointError, match="not a training state"):
        load_state(path)


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(3), 5])
def test_a_torch_file_that_is_no_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "else.pt")
    with pytest.raises(CheckpointError, match="not a training state"):
        load_state(tmp_path / "else.pt")


class Bomb:
    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_code_in_a_state_is_not_run(tmp_path):
    torch.save({"step": Bomb(tmp_path / "trace")}, tmp_path / "bomb.pt")
    with pytest.raises(CheckpointError, match="not a training state"):
        load_state(tmp_path / "bomb.pt")
    assert not (tmp_path / "trace").exists()
