"""CASIA NIR-VIS 2.0: ``{s1,s2,s3,s4}/{NIR,VIS}/<5-digit id>/<nnn>.{bmp|jpg}`` and its lists in ``protocols``.

View 1 (development) is ``{nir_train,vis_train,vis_gallery,nir_probe}_dev.txt``, fold k of View 2 the same with ``_k``.
A line is a path with backslashes whose extension may disagree with the file's. A flattened variant of the set has lines
``NIR/s2_NIR_10039_001.jpg 232``: path and label.
"""

from __future__ import annotations

import re
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
EXPECTED = r"a path such as s1\NIR\00159\001.bmp, or NIR/s2_NIR_10039_001.jpg and a label"
_FLAT = re.compile(r"s\d+_(NIR|VIS)_(\d+)_\d+")


@dataclass(frozen=True)
class CasiaOptions:
    """Which copy of the set, and which of its lists."""

    root: Path | None = field(default=None, metadata={"help": "the data set's folder"})
    view: int = field(default=2, metadata={"help": "1, the development lists, or 2, the ten folds"})
    fold: int = field(default=1, metadata={"help": "the fold of View 2"})


def casia_protocol(options: CasiaOptions, _cache: Path | None = None) -> Protocol:
    """One VIS picture of each person enrolled, NIR probes, and the training people of that view and fold.

    Raises DataError where the tree or a list is not as described.
    """
    if options.view not in (1, 2):
        raise DataError(f"CASIA NIR-VIS 2.0 has no view {options.view}.", "Use --view 1 or 2.")
    if options.view == 1 and options.fold != 1:
        raise DataError("View 1 has no folds.", "Leave --fold out, or use --view 2.")
    if not 1 <= options.fold <= FOLDS:
        raise DataError(f"There is no fold {options.fold}.", f"Folds are 1 to {FOLDS}.")
    root = folder_of(options.root, "CASIA NIR-VIS 2.0", "NIR-VIS-2.0", "")
    lists = folder_of(root, "its lists", "protocols", "Protocols", "protocol", "")
    end = "dev" if options.view == 1 else str(options.fold)
    names = ("vis_gallery", "nir_probe", "vis_train", "nir_train")
    gallery, probes, vis, nir = (_entries(lists / f"{name}_{end}.txt", name[:3].upper()) for name in names)
    all_enrolled(gallery, probes)
    disjoint([*vis, *nir], [*gallery, *probes], lambda entry: entry.identity)
    where = "View 1" if options.view == 1 else f"fold {options.fold}"
    return Protocol(
        name=f"casia, {where}",
        gallery=samples_of(root, gallery, "vis"),
        probes=samples_of(root, probes, "nir"),
        train=[*samples_of(root, vis, "vis"), *samples_of(root, nir, "nir")],
        notes=("CASIA NIR-VIS 2.0: real NIR probes, VIS gallery.",),
        train_source=f"casia-{end}",
    )


def _entries(path: Path, spectrum: str) -> list[Entry]:
    return once_each([_entry(line, spectrum) for line in read_lines(path, EXPECTED)])


def _entry(line: Line, spectrum: str) -> Entry:
    words = line.text.split()
    path = picture_path(words[0])
    if path is None or len(words) > 2 or (len(words) == 2 and not words[1].isdecimal()):
        raise line.wrong("is no picture of this set", EXPECTED)
    flat = _FLAT.fullmatch(path.stem)
    seen = flat[1] if flat else next((part.upper() for part in path.parts if part.upper() in ("NIR", "VIS")), None)
    identity = flat[2] if flat else path.parent.name
    if seen is None or not identity.isdecimal():
        raise line.wrong("does not say whose picture it is, or which spectrum", EXPECTED)
    if seen != spectrum:
        raise line.wrong(f"is a {seen} picture", f"{spectrum} pictures in this list")
    return Entry(line, path, f"casia-{identity}")
