"""The options of every data set on the command line, made from the registry as it stands when the program starts.

A command that takes a parameter ``data: DataRequest`` gets ``--protocol``, ``--fold`` and one option for each field of
the sets' dataclasses in its place. What the chosen set does not read is refused by ``DataRequest``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from ssn.data.registry import DATA_SETS, DataRequest

DEFAULT_SET = "synthetic"


def with_data_options(command: Callable, default: str = DEFAULT_SET) -> Callable:
    """The command with its ``data`` parameter spelt out; one without such a parameter as it is."""
    if "data" not in inspect.signature(command).parameters:
        return command
    options = {p.name: p for p in [_protocol(default), _fold(), *_set_options()]}
    hints = get_type_hints(command, include_extras=True)
    own = [
        p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for p in inspect.signature(command).parameters.values()
        if p.name != "data"
    ]
    if taken := sorted(options.keys() & {p.name for p in own}):
        raise TypeError(f"{command.__name__} and a data set both have an option {taken[0]}")

    @functools.wraps(command)
    def run(**values: Any) -> Any:
        asked = {name: values.pop(name) for name in options}
        protocol, fold = asked.pop("protocol"), asked.pop("fold")
        given = {name: value for name, value in asked.items() if value is not None}
        return command(data=DataRequest(protocol, fold, given), **values)

    parameters = [*options.values(), *own]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    del run.__wrapped__  # or inspect would look through to the command
    return run


def _option(name: str, kind: Any, help_text: str, default: Any = None) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Option(help=help_text)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _protocol(default: str) -> inspect.Parameter:
    about = "; ".join(f"{name}: {row.about}" for name, row in DATA_SETS.items())
    return _option("protocol", str, f"The data set. {about}.", default)


def _fold() -> inspect.Parameter:
    sets = ", ".join(name for name, row in DATA_SETS.items() if any(f.name == "fold" for f in fields(row.options)))
    return _option("fold", str | None, f"{sets}: a fold's number, or all for mean and deviation over the folds.")


def _set_options() -> list[inspect.Parameter]:
    """One option for each field name; sets that share one share its type, and the help says which they are."""
    kinds: dict[str, Any] = {}
    words: dict[str, dict[str, list[str]]] = {}
    for name, row in DATA_SETS.items():
        hints = get_type_hints(row.options)
        for field in fields(row.options):
            if field.name == "fold":
                continue
            kind = _plain_type(hints[field.name])
            if kinds.setdefault(field.name, kind) is not kind:
                raise TypeError(f"two data sets have an option {field.name} of different types")
            said = field.metadata.get("help", "")
            usual = "" if field.default in (None, MISSING, "") else f", {field.default} by default"
            words.setdefault(field.name, {}).setdefault(said + usual, []).append(name)
    return [
        _option(
            name, kinds[name] | None, "; ".join(f"{', '.join(sets)}: {said}" for said, sets in by_help.items()) + "."
        )
        for name, by_help in words.items()
    ]


def _plain_type(hint: Any) -> Any:
    """``Path | None`` → ``Path``."""
    inner = [kind for kind in get_args(hint) if kind is not type(None)]
    return inner[0] if inner else hint


CacheFolder = Annotated[Path, typer.Option(help="Where aligned faces and casts are kept between runs.")]
