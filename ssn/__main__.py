"""``python -m ssn COMMAND``: everything the library does, without a screen."""

from __future__ import annotations

from ssn.commands.early import hear_again

# isort: split

import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import typer

from ssn.commands.ablate import ablate
from ssn.commands.cohort import cohort
from ssn.commands.data_options import with_data_options
from ssn.commands.embed import embed
from ssn.commands.enrol import enrol
from ssn.commands.evaluate import evaluate
from ssn.commands.explain import explain
from ssn.commands.export import export
from ssn.commands.gallery import gallery_commands
from ssn.commands.import_weights import import_weights
from ssn.commands.match import match
from ssn.commands.report import report
from ssn.commands.sweep import sweep
from ssn.commands.synth import synth
from ssn.commands.thresholds import thresholds
from ssn.commands.train import train
from ssn.commands.visibility import visibility
from ssn.console import print_anything
from ssn.errors import SSNError
from ssn.files import printable

COMMANDS = (
    *(embed, enrol, match, explain, sweep, evaluate, report, train, ablate, synth, visibility, cohort, thresholds),
    import_weights,
    export,
)
NAMES: dict[Callable[..., Any], str] = {import_weights: "import"}
"""Of commands whose name is a word of the language; the others are called as their function."""


def command_line() -> typer.Typer:
    """All commands, with the options of the data sets that are registered now."""
    made = typer.Typer(help="SSN Studio: partial NIR-VIS face recognition.", no_args_is_help=True, add_completion=False)
    for command in COMMANDS:
        made.command(NAMES.get(command))(with_data_options(command))
    made.add_typer(gallery_commands, name="gallery")
    return made


app = command_line()


def _json_to_screen(arguments: list[str]) -> list[str]:
    """``--json`` without a file prints: give it the name ``-``."""
    full = []
    for word, following in pairwise([*arguments, "--"]):
        full.append(word)
        if word == "--json" and following.startswith("--"):
            full.append("-")
    return full


def main(arguments: list[str] | None = None) -> None:
    """Run a command; a typed error becomes one line on standard error and exit status 2."""
    hear_again()
    print_anything()
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # of a damaged file we say what is wrong
    try:
        words = sys.argv[1:] if arguments is None else arguments
        command_line()(args=_json_to_screen(words), prog_name="python -m ssn")
    except SSNError as error:
        typer.echo(f"error: {printable(error)}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
