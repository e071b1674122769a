"""The data sets: a name → its options → a protocol. A new data set is a reader in a file of its own and a row here.

A row has a frozen dataclass of options (names, defaults and help stand there once; ``fold`` is one of them where the
set has folds) and a function (options, cache folder or None) → ``Protocol``. The command line offers what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ssn.data.buaa import BuaaOptions, buaa_protocol
from ssn.data.casia import CasiaOptions, casia_protocol
from ssn.data.folder import FolderOptions, folder_protocol
from ssn.data.lamp_hq import LampHqOptions, lamp_hq_protocol
from ssn.data.lfw import LfwOptions, read_lfw
from ssn.data.oulu import OuluOptions, oulu_protocol
from ssn.data.protocol import Protocol
from ssn.data.synthetic import SyntheticOptions, read_synthetic
from ssn.errors import DataError


@dataclass(frozen=True)
class DataSet:
    """One row: what the set is ``about`` in a few words, its ``options`` and how to ``read`` it; ``folds`` are those
    that ``--fold all`` goes through, ``to_train`` the options that have another default where it is learned from."""

    about: str
    options: type
    read: Callable[[Any, Path | None], Protocol]
    folds: int = 0
    to_train: Mapping[str, object] = field(default_factory=dict)


DATA_SETS: dict[str, DataSet] = {
    "synthetic": DataSet("drawn people, needs no data", SyntheticOptions, read_synthetic, 10, {"train_people": 200}),
    "lfw": DataSet("Labeled Faces in the Wild, NIR simulated", LfwOptions, read_lfw, 10),
    "folder": DataSet("your own photos, a folder for each person", FolderOptions, folder_protocol),
    "casia": DataSet("CASIA NIR-VIS 2.0", CasiaOptions, casia_protocol, 10),
    "lamp-hq": DataSet("LAMP-HQ", LampHqOptions, lamp_hq_protocol, 10),
    "buaa": DataSet("BUAA-VisNir", BuaaOptions, buaa_protocol),
    "oulu": DataSet("Oulu-CASIA NIR-VIS", OuluOptions, oulu_protocol),
}


def data_set(name: str) -> DataSet:
    """The row of that name. Raises DataError for one that is not there."""
    if name not in DATA_SETS:
        raise DataError(f"There is no protocol {name!r}.", f"Use one of {', '.join(DATA_SETS)}.")
    return DATA_SETS[name]


@dataclass(frozen=True)
class DataRequest:
    """Which data set is asked for, which ``fold`` (a number as text, ``all``, or None), and the options that were given
    by name: those left out keep the set's defaults."""

    protocol: str = "synthetic"
    fold: str | None = None
    given: dict[str, object] = field(default_factory=dict)

    def to_train(self) -> DataRequest:
        """The same, to learn from it."""
        return replace(self, given={**data_set(self.protocol).to_train, **self.given})

    def by_fold(self) -> list[DataRequest]:
        """One request for each fold of ``all``; of any other this one alone. Raises DataError for a set without
        folds."""
        if self.fold != "all":
            return [self]
        row = data_set(self.protocol)
        if not row.folds:
            raise DataError(f"{self.protocol} has no folds.", "Leave --fold out.")
        return [replace(self, fold=str(number)) for number in range(1, row.folds + 1)]

    def read(self, cache: Path | None = None) -> Protocol:
        """The one protocol asked for. Raises DataError for all folds at once."""
        protocols = self.read_folds(cache)
        if self.fold == "all":
            raise DataError("One fold is wanted here.", "Pass its number.")
        return protocols[0]

    def read_folds(self, cache: Path | None = None) -> list[Protocol]:
        """A protocol for every fold asked for. Raises DataError for an option or a fold that the set does not have."""
        row = data_set(self.protocol)
        known = {option.name for option in fields(row.options)}
        if unread := sorted(set(self.given) - known):
            raise DataError(f"{self.protocol} does not read {flag(unread[0])}.", f"It reads {_flags(known)}.")
        options = row.options(**self.given)
        if self.fold is None:
            return [row.read(options, cache)]
        if "fold" not in known:
            raise DataError(f"{self.protocol} has no folds.", "Leave --fold out.")
        if self.fold == "all":
            return [row.read(replace(options, fold=number), cache) for number in range(1, row.folds + 1)]
        if not (self.fold.isascii() and self.fold.isdecimal() and len(self.fold) < 6):
            raise DataError(f"{self.fold!r} is no fold.", f"Use 1 to {row.folds}, or all.")
        return [row.read(replace(options, fold=int(self.fold)), cache)]


def flag(name: str) -> str:
    """An option's field → how it is written on the command line."""
    return "--" + name.replace("_", "-")


def _flags(names: set[str]) -> str:
    return ", ".join(flag(name) for name in sorted(names)) or "no options"
