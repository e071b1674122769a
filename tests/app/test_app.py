"""The entry point: its flags, and errors of the user's making as one line with status 2."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ENTRY = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture
def entry(monkeypatch):
    """app.py as a module: its name is taken by the package beside it."""
    for name in ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_OFFLINE", "GRADIO_SHARE", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "")
    spec = importlib.util.spec_from_file_location("entry_point", ENTRY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_help_tells_every_flag(entry, capsys):
    with pytest.raises(SystemExit) as left:
        entry.main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for flag in ("--host", "--port", "--checkpoint", "--beside", "--gallery", "--device"):
        assert flag in said


def test_it_listens_on_this_machine_only_unless_told_otherwise(entry):
    assert entry.parse_arguments([]).host == "127.0.0.1"


@pytest.mark.parametrize("flag", ["--checkpoint", "--beside"])
@pytest.mark.parametrize("content", [None, b"no weights"])
def test_a_checkpoint_that_does_not_fit_is_one_line(entry, capsys, tmp_path, checkpoint, flag, content):
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    flags = ["--checkpoint", str(checkpoint), flag, str(path), "--gallery", str(tmp_path / "g.db"), "--device", "cpu"]
    assert entry.main(flags) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "weights.safetensors" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "g.db").exists()


def test_a_gallery_that_cannot_be_opened_is_one_line(entry, capsys, checkpoint, tmp_path):
    path = tmp_path / "gallery.db"
    path.write_bytes(b"no database, but long enough to look at" * 30)
    flags = ["--checkpoint", str(checkpoint), "--gallery", str(path), "--device", "cpu"]
    assert entry.main(flags) == 2
    assert "cannot be opened as a gallery" in capsys.readouterr().err
