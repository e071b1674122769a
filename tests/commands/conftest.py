"""Commands with a recogniser without a network: what they read, say and write, and how they end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ssn.__main__ import main
from ssn.recognizer import Recognizer
from tests.gallery.toys import ToyFinder, ToyRecognizer


@dataclass(frozen=True)
class Answer:
    """What a command left behind: its exit status, what it said, and its JSON."""

    status: int
    out: str
    err: str
    data: Any


@pytest.fixture
def toy(monkeypatch) -> ToyRecognizer:
    """What every command takes for the recogniser of the checkpoint."""
    made = ToyRecognizer()
    monkeypatch.setattr(Recognizer, "load", lambda *_: made)
    return made


@pytest.fixture
def toy_finder(monkeypatch) -> ToyFinder:
    """What every command finds faces with."""
    made = ToyFinder()
    monkeypatch.setattr("ssn.commands.options.shared_finder", lambda _: made)
    return made


@pytest.fixture
def ask(toy, toy_finder, tmp_path_factory, capsys):
    """Run a command with ``--json`` into a file."""

    def run(*words: object) -> Answer:
        file: Path = tmp_path_factory.mktemp("json") / "out.json"
        with pytest.raises(SystemExit) as stop:
            main([*map(str, words), "--json", str(file)])
        said = capsys.readouterr()
        data = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
        return Answer(stop.value.code or 0, said.out, said.err, data)

    return run
