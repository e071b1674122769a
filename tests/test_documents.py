"""What the documents tell to run, and the places they name, are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from ssn.__main__ import command_line

ROOT = Path(__file__).resolve().parents[1]
RECORDS = {"docs/ablation-masked-base.md"}
"""Written by a run, with the command it was made with at the time."""
DOCUMENTS = sorted(
    name
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]
    if (name := str(path.relative_to(ROOT))) not in RECORDS
)
PLACE = re.compile(r"(?:\.ci|app|assets|benchmarks|checkpoints|docs|ssn|tests)/[\w./-]*")


def pieces(document: str) -> Iterator[str]:
    """Lines of code and spans of code, each on one line, without its comment."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for block in re.findall(r"```\w*\n(.*?)```", text, re.S):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            yield line.split(" #")[0].strip()
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))


def unknown_options(words: list[str]) -> list[str]:
    """Of the words behind ``python -m ssn``: those that look like options and are none of the command's."""
    command: click.Command = typer.main.get_command(command_line())
    left = [word.strip("[](),;.…") for word in words]
    while left and left[0] in getattr(command, "commands", {}):
        command = command.commands[left.pop(0)]
    known = {"--help"} | {name for each in command.params for name in [*each.opts, *each.secondary_opts]}
    if getattr(command, "commands", None) and left and not left[0].startswith("-"):
        return [left[0]]
    return [word for word in left if word.startswith("--") and word.split("=")[0] not in known]


def declared_options(file: str) -> set[str]:
    """The options that a program of one file declares."""
    return set(re.findall(r'"(--[\w-]+)"', (ROOT / file).read_text(encoding="utf-8")))


def test_words_that_are_no_options_are_noticed():
    assert unknown_options(["gallery", "stats", "people.db", "--json", "-"]) == []
    assert unknown_options(["gallery", "stats", "--gallery", "people.db"]) == ["--gallery"]
    assert unknown_options(["enroll", "PHOTOS"]) == ["enroll"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_of_a_document_have_the_options_it_gives_them(document):
    wrong = []
    for piece in pieces(document):
        if found := re.search(r"(?:python -m ssn|^ssn) (.+)", piece):
            wrong += [(piece, word) for word in unknown_options(found[1].split())]
        if found := re.search(r"python -m benchmarks\.(\w+)(.*)", piece):
            known = declared_options(f"benchmarks/{found[1]}.py")
            wrong += [(piece, word) for word in re.findall(r"--[\w-]+", found[2]) if word not in known]
        if found := re.search(r"(?:python app\.py|^ssn-studio) (.*)", piece):
            known = declared_options("app/flags.py")
            wrong += [(piece, word) for word in re.findall(r"--[\w-]+", found[1]) if word not in known]
    assert wrong == []


def test_the_tests_that_stand_for_security_are_there():
    """``file::test``, or ``::test`` of the file named before it in the row."""
    rows = [line for line in (ROOT / "docs/security.md").read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    assert len(rows) > 20
    for row in rows[1:]:
        file = ""
        named = re.findall(r"`(tests/[\w/.]+)?(?:::(\w+))?`", row.split("|")[3])
        assert any(where for where, _ in named), f"no test: {row}"
        for where, test in named:
            file = where or file
            assert not test or f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_a_document_names_are_there(document):
    named = {found[0] for piece in pieces(document) if (found := PLACE.fullmatch(piece))}
    assert {place for place in named if not (ROOT / place).exists()} == set()
