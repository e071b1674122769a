"""Options made from dataclasses: what a field says of itself is what the command line offers, fills and refuses."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import typer
from typer.testing import CliRunner

from ssn.commands.options_of import filled, options_of, refuse_unread, with_options
from ssn.errors import DataError, OptionError
from ssn.training.option import option


def numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(":")))


@dataclass(frozen=True)
class Inner:
    rate: float = option(0.5, name="inner-rate", low=0)
    """How fast, in a sentence that
    goes on."""
    seed: int = option(0)
    """Decides it."""
    fixed: int = 3
    """No option."""


@dataclass(frozen=True)
class Outer:
    sides: tuple[int, ...] = option((1, 2), read=numbers, write=lambda sides: ":".join(map(str, sides)))
    """Two sides."""
    even: int = option(2)
    """Even with ``odd``."""
    odd: int = option(3)
    """Odd with ``even``."""
    fast: bool = option(False)
    """Be fast."""
    seed: int = option(0)
    """Decides it too."""
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        if self.odd - self.even != 1:
            raise DataError("These two do not go together.", "Change both.")


@with_options(outer=Outer(inner=Inner(rate=0.25)))
def command(context: typer.Context, kind: str = "all", *, outer: Outer) -> None:
    """A command."""
    refuse_unread(context, command.paths, {"all": (), "outer": ("outer.inner",), "inner": ("outer",)}[kind], kind)
    typer.echo(repr(outer))


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(command)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_fields_become_options_with_their_own_defaults_bounds_and_help():
    options = {each.name: each for each in options_of(Outer(), ("outer",)) if each.path[1:2] != ("seed",)}
    assert set(options) == {"sides", "even", "odd", "fast", "inner_rate", "seed"}
    rate = options["inner_rate"]
    assert rate.path == ("outer", "inner", "rate")
    assert (rate.default, rate.low, rate.high) == (0.5, 0, None)
    assert rate.help == "How fast, in a sentence that goes on."


def test_the_command_gets_the_dataclass_filled_in(run):
    assert run().stdout.strip() == repr(Outer(inner=Inner(rate=0.25))), "the instance's defaults, not the class's"
    given = run("--sides", "4:5", "--inner-rate", "2", "--seed", "7", "--fast")
    wanted = Outer(sides=(4, 5), fast=True, seed=7, inner=Inner(rate=2.0, seed=7))
    assert given.stdout.strip() == repr(wanted), "one option that two fields share fills both"
    assert run("--inner-rate", "-1").exit_code == 2


def test_values_that_belong_together_are_filled_in_together(run):
    assert repr(Outer(even=8, odd=9, inner=Inner(rate=0.25))) == run("--even", "8", "--odd", "9").stdout.strip()
    assert isinstance(run("--even", "8").exception, DataError)
    assert filled(Outer(), {("inner", "seed"): 4, ("even",): 4, ("odd",): 5}) == Outer(
        even=4, odd=5, inner=Inner(seed=4)
    )


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--kind", "outer", "--inner-rate", "0.25"), "--inner-rate"),
        (("--kind", "inner", "--even", "2"), "--even"),
        (("--kind", "inner", "--fast"), "--fast"),
    ],
)
def test_an_option_that_is_not_read_is_refused_by_name_even_with_its_default(run, words, named):
    error = run(*words).exception
    assert isinstance(error, OptionError)
    assert named in str(error)


def test_an_option_that_somebody_reads_is_not_refused(run):
    assert run("--kind", "outer", "--seed", "3").exit_code == 0
    assert run("--kind", "outer", "--even", "4", "--odd", "5").exit_code == 0


def test_a_name_that_stands_twice_is_a_mistake():
    with pytest.raises(TypeError, match="--even"):

        @with_options(outer=Outer())
        def twice(even: int = 1, *, outer: Outer) -> None:
            """No command."""
