"""Dataclasses as options of the command line: what a field says of itself is what ``--help`` prints.

A command whose parameter is a dataclass gets an option for every field made by ``option``, nested ones included, and is
called with the dataclass filled in. An option that two fields share is one option and fills both.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Protocol, cast

import typer

from ssn.errors import OptionError

Path = tuple[str, ...]
"""Where a value belongs: a parameter of the command, then names of fields."""


@dataclass(frozen=True)
class FieldOption:
    """One option: ``name`` as an identifier, the ``path`` of the field it fills, and what the field says of itself."""

    name: str
    path: Path
    kind: type
    default: Any
    help: str
    low: float | None
    high: float | None
    read: Callable[[str], Any] | None
    write: Callable[[Any], str]

    @property
    def parameter(self) -> inspect.Parameter:
        """The option as typer reads it from a signature."""
        declared = typer.Option("--" + self.name.replace("_", "-"), help=self.help, min=self.low, max=self.high)
        kind, default = (self.kind, self.default) if self.read is None else (str, self.write(self.default))
        if kind is bool:
            word = self.name.replace("_", "-")
            declared = typer.Option(f"--{word}/--no-{word}", help=self.help)
        keyword = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(self.name, keyword, default=default, annotation=Annotated[kind, declared])

    def value(self, given: Any) -> Any:
        """What the command line gave → what the field holds."""
        return given if self.read is None else self.read(given)


@cache
def field_help(kind: type) -> dict[str, str]:
    """The docstring under each field of a dataclass, on one line."""
    declaration = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    body = declaration.body if isinstance(declaration, ast.ClassDef) else []
    helps: dict[str, str] = {}
    for declared, below in pairwise(body):
        text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
        if isinstance(declared, ast.AnnAssign) and isinstance(declared.target, ast.Name) and isinstance(text, str):
            helps[declared.target.id] = " ".join(text.split())
    return helps


def options_of(start: Any, path: Path = ()) -> Iterator[FieldOption]:
    """The options of a dataclass, whose defaults are what ``start``, an instance, holds."""
    kind = type(start)
    hints = typing.get_type_hints(kind)
    for each in fields(kind):
        value = getattr(start, each.name)
        if is_dataclass(value):
            yield from options_of(value, (*path, each.name))
        elif "option" in each.metadata:
            facts = dict(each.metadata["option"])
            name = (facts.pop("name") or each.name).replace("-", "_")
            words = field_help(kind)[each.name]  # type: ignore[arg-type]
            yield FieldOption(name, (*path, each.name), hints[each.name], value, words, **facts)


def filled(start: Any, values: dict[Path, Any]) -> Any:
    """``start`` with the fields at these paths replaced, all at once."""
    here = {path[0]: value for path, value in values.items() if len(path) == 1}
    for name in dict.fromkeys(path[0] for path in values if len(path) > 1):
        below = {path[1:]: value for path, value in values.items() if path[0] == name}
        here[name] = filled(getattr(start, name), below)
    return replace(start, **here)


@dataclass(frozen=True)
class Presets:
    """Several starts of one dataclass: the command's option ``chosen_by`` names the one that holds what the command
    line does not say. The first is what ``--help`` shows. The command takes ``context``."""

    chosen_by: str
    starts: Mapping[str, Any]

    @property
    def first(self) -> Any:
        """The start where none is named."""
        return next(iter(self.starts.values()))

    def filled(self, given: dict[str, Any], values: dict[str, dict[Path, Any]]) -> Any:
        """The start that was chosen with ``values``, by option, of the options on the command line alone. Raises
        OptionError for one that is not there."""
        name, word = given[self.chosen_by], self.chosen_by.replace("_", "-")
        if name not in self.starts:
            raise OptionError(f"There is no {word} {name!r}.", f"Use one of {', '.join(self.starts)}.")
        said = on_command_line(given["context"])
        places = (places for option, places in values.items() if option in said)
        return filled(self.starts[name], {path: value for each in places for path, value in each.items()})


class WithOptions(Protocol):
    """A command whose dataclasses are spelt out; ``paths`` says which fields each option fills."""

    __name__: str
    paths: dict[str, list[Path]]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it."""


def with_options(**starts: Any) -> Callable[[Callable[..., Any]], WithOptions]:
    """Decorate a command: each parameter named here is an instance of a dataclass, or ``Presets`` of one, whose options
    take its place."""
    shown = {name: start.first if isinstance(start, Presets) else start for name, start in starts.items()}
    options = [each for name, start in shown.items() for each in options_of(start, (name,))]
    named: dict[str, list[FieldOption]] = {}
    for each in options:
        named.setdefault(each.name, []).append(each)

    def decorate(command: Callable[..., Any]) -> WithOptions:
        own = inspect.signature(command, eval_str=True).parameters
        if twice := sorted(named.keys() & own.keys()):
            raise TypeError(f"--{twice[0]} is declared by the command and by a dataclass")

        def call(**given: Any) -> Any:
            values: dict[str, dict[str, dict[Path, Any]]] = {name: {} for name in starts}
            for each in options:
                places = values[each.path[0]].setdefault(each.name, {})
                places[each.path[1:]] = each.value(given[each.name])
            own_values = {name: value for name, value in given.items() if name not in named}
            built = {
                name: start.filled(given, values[name])
                if isinstance(start, Presets)
                else filled(start, {path: value for each in values[name].values() for path, value in each.items()})
                for name, start in starts.items()
            }
            return command(**own_values, **built)

        plain = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, p in own.items() if name not in starts]
        made = [places[0].parameter for places in named.values()]
        call.__name__, call.__doc__, call.__module__ = command.__name__, command.__doc__, command.__module__
        call.__signature__ = inspect.Signature([*plain, *made])  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in (*plain, *made)}
        call.paths = {name: [each.path for each in places] for name, places in named.items()}  # type: ignore[attr-defined]
        return cast(WithOptions, call)

    return decorate


def on_command_line(context: typer.Context) -> set[str]:
    """Names of the parameters that were given on the command line, not by the environment or a default."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def refuse_unread(
    context: typer.Context,
    paths: dict[str, list[Path]],
    unread: Iterable[str],
    asked: str,
    suffix: str = "",
    but: Iterable[str] = (),
) -> None:
    """Raise OptionError for the first option on the command line that what was ``asked`` does not read.

    ``unread``: names of parameters, or dotted paths of a command's dataclasses and of parts of them; ``but`` names
    options that are read all the same.
    """
    closed, given = [tuple(each.split(".")) for each in unread], on_command_line(context)
    for name in context.params:
        places = paths.get(name, [(name,)])
        if name not in given or name in but:
            continue
        if all(any(place[: len(each)] == each for each in closed) for place in places):
            raise OptionError(f"--{name.replace('_', '-')} is not read by {asked}.", "Leave it out." + suffix)
