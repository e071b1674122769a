"""LAMP-HQ: ten folds of lists ``Protocol/train/{train_vis,train_nir}k.txt`` and ``Protocol/test/{gallery_vis,
probe_nir}k.txt`` (some copies spell it ``Protocols``) with lines ``path label``; some copies carry one header line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ssn.data.lists import (
    Entry,
    Line,
    all_enrolled,
    disjoint,
    folder_of,
    once_each,
    picture_path,
    read_lines,
    samples_of,
)
from ssn.data.protocol import Protocol
from ssn.errors import DataError

FOLDS = 10
EXPECTED = "a picture's path and a whole number, separated by a space"


@dataclass(frozen=True)
class LampHqOptions:
    """Which copy of the set, and which fold."""

    root: Path | None = field(default=None, metadata={"help": "the data set's folder"})
    fold: int = field(default=1, metadata={"help": "fold 1 to 10"})


def lamp_hq_protocol(options: LampHqOptions, _cache: Path | None = None) -> Protocol:
    """The gallery and the probes of a fold, and its training people. Labels count anew in training and test, so that
    the two are held apart by their pictures. Raises DataError where the tree or a list is not as described."""
    if not 1 <= options.fold <= FOLDS:
        raise DataError(f"There is no fold {options.fold}.", f"Folds are 1 to {FOLDS}.")
    root = folder_of(options.root, "LAMP-HQ")
    lists = folder_of(root, "LAMP-HQ's lists", "Protocol", "Protocols")
    k = options.fold
    gallery, probes = (_entries(lists / "test" / f"{name}{k}.txt", "test") for name in ("gallery_vis", "probe_nir"))
    vis, nir = (_entries(lists / "train" / f"{name}{k}.txt", "train") for name in ("train_vis", "train_nir"))
    all_enrolled(gallery, probes)
    disjoint([*vis, *nir], [*gallery, *probes], lambda entry: entry.path)
    return Protocol(
        name=f"lamp-hq, fold {k}",
        gallery=samples_of(root, gallery, "vis"),
        probes=samples_of(root, probes, "nir"),
        train=[*samples_of(root, vis, "vis"), *samples_of(root, nir, "nir")],
        notes=("LAMP-HQ: real NIR probes, VIS gallery.",),
        train_source=f"lamp-hq-{k}",
    )


def _entries(path: Path, part: str) -> list[Entry]:
    lines = read_lines(path, EXPECTED)
    body = lines[1:] if _is_header(lines[0]) else lines
    if not body:
        raise lines[0].wrong("is the only line", EXPECTED)
    return once_each([_entry(line, part) for line in body])


def _is_header(line: Line) -> bool:
    words = line.text.split()
    return all(picture_path(word) is None for word in words) and not (len(words) > 1 and words[-1].isdecimal())


def _entry(line: Line, part: str) -> Entry:
    name, _, label = line.text.rpartition(" ")
    path = picture_path(name.strip())
    if path is None or not label.isdecimal():
        raise line.wrong("is no picture with its label", EXPECTED)
    return Entry(line, path, f"lamp-hq-{part}-{int(label)}")
