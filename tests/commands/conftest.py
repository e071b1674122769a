"""Commands with a recogniser without a network: what they read, say and write, and how they end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ssn.recognizer import Recognizer
from tests.commands.running import run
from tests.gallery.toys import ToyFinder, ToyRecognizer
from tests.pixel_recognizer import PixelRecognizer, TracedPixels


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
def ask(toy, toy_finder, tmp_path_factory, capsys, monkeypatch):
    """Run a command with ``--json`` into a file. Nothing looks for covers: a toy's picture shows no face."""
    for module in ("match", "alike"):
        monkeypatch.setattr(f"ssn.commands.{module}.shared_visibility", lambda _: None)

    def asked(*words: object) -> Answer:
        file: Path = tmp_path_factory.mktemp("json") / "out.json"
        status, said = run(*words, "--json", file), capsys.readouterr()
        data = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
        return Answer(status, said.out, said.err, data)

    return asked


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """``evaluate`` with a network as fast as the machine → its JSON."""
    monkeypatch.setattr(Recognizer, "load", lambda *_: PixelRecognizer(TracedPixels()))

    def do(*words) -> dict:
        out = tmp_path / "out.json"
        common = ("--cache", tmp_path / "cache", "--workers", 1, "--device", "cpu", "--json", out)
        assert run("evaluate", *words, *common) == 0
        return json.loads(out.read_text())

    return do
