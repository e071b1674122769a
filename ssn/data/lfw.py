"""Labeled Faces in the Wild: where its photos and lists are, and what the lists say.

``ROOT/images/Name/Name_0001.jpg`` with the lists beside ``images``; a plain ``ROOT/Name/Name_0001.jpg`` is read too.
LFW is visible light only: NIR probes made from it are simulated, and every figure says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ssn.data.lists import Line, read_lines
from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError

FOLDS = 10
PEOPLE = "a name and a number of photos"
PAIRS = "a name and two numbers, or name, number, name, number"


@dataclass(frozen=True)
class LfwOptions:
    """Which copy of the set, and what is compared: a list of pairs (View 1), or one fold of View 2."""

    root: Path | None = field(default=None, metadata={"help": "the data set's folder; SSN_LFW where it is not given"})
    pairs: str | None = field(
        default=None,
        metadata={"help": "the list of pairs to verify, pairsDevTest.txt where no fold is asked for; '' for none"},
    )
    identify: str | None = field(
        default=None, metadata={"help": "a people list, e.g. peopleDevTest.txt; adds Rank-1 … Rank-5"}
    )
    fold: int | None = field(default=None, metadata={"help": "a fold of View 2, pairs.txt and people.txt"})


@dataclass(frozen=True)
class Pair:
    """Two photos, and whether they show one person."""

    first: Path
    second: Path
    same: bool


class LFW:
    """One copy of the set on disk. Raises DataError where the tree is not as described."""

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self.images = self.root / "images" if (self.root / "images").is_dir() else self.root
        if not self.root.is_dir():
            raise DataError(
                f"There is no folder {self.root}.", "Pass --root the folder that holds LFW's images and lists."
            )

    def photo(self, name: str, number: int | str) -> Path:
        return self.images / name / f"{name}_{int(number):04d}.jpg"

    def people(self, list_name: str) -> dict[str, list[Path]]:
        """A list such as ``peopleDevTest.txt`` → {name: photos in order}."""
        return {name: photos for fold in self.people_by_fold(list_name) for name, photos in fold.items()}

    def people_by_fold(self, list_name: str) -> list[dict[str, list[Path]]]:
        """As ``people``, a dict for each fold of a list that counts the people of each; one dict of another list."""
        lines = self._lines(list_name, PEOPLE)
        sizes = [int(line.text) for line in lines if len(line.text.split()) == 1 and _is_number(line.text)]
        rows = [self._words(line, PEOPLE, 2) for line in lines if not _is_count(line)]
        people = [(name, [self.photo(name, n) for n in range(1, int(count) + 1)]) for name, count in rows]
        sizes = sizes[1:] if len(sizes) > 1 and sizes[0] == len(sizes) - 1 else sizes
        if sum(sizes) != len(people):
            return [dict(people)]
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        return [dict(people[start : start + size]) for start, size in zip(starts, sizes, strict=True)]

    def pairs(self, list_name: str) -> list[Pair]:
        """A list such as ``pairsDevTest.txt`` → its pairs, in order."""
        pairs = []
        for line in self._lines(list_name, PAIRS):
            if _is_count(line):
                continue
            words = self._words(line, PAIRS, 3, 4)
            if len(words) == 3:
                name, a, b = words
                pairs.append(Pair(self.photo(name, a), self.photo(name, b), True))
            else:
                name, a, other, b = words
                pairs.append(Pair(self.photo(name, a), self.photo(other, b), False))
        return pairs

    def fold(self, list_name: str, number: int) -> list[Pair]:
        """The pairs of one fold of View 2, of a list such as ``pairs.txt``: as many genuine and then impostor pairs for
        each of the folds that its first line counts."""
        first, pairs = self._lines(list_name, PAIRS)[0], self.pairs(list_name)
        counts = [int(word) for word in first.text.split() if _is_number(word)]
        if len(counts) != 2 or 2 * counts[0] * counts[1] != len(pairs) or len(first.text.split()) != 2:
            raise first.wrong(
                f"does not count the {len(pairs)} pairs that follow", "how many folds, and pairs of each kind"
            )
        if not 1 <= number <= counts[0]:
            raise DataError(f"There is no fold {number}.", f"Folds of {list_name} are 1 to {counts[0]}.")
        size = 2 * counts[1]
        return pairs[(number - 1) * size : number * size]

    def _lines(self, list_name: str, expected: str) -> list[Line]:
        path = self.list_path(list_name)
        lines = read_lines(path, expected)
        if all(_is_count(line) for line in lines):
            raise DataError(f"The list {path} is empty.", f"Expected lines of {expected}.")
        return lines

    def list_path(self, list_name: str) -> Path:
        """The set's own list of that name, or the file of that name."""
        path = self.root / list_name
        return path if path.is_file() or not Path(list_name).is_file() else Path(list_name)

    @staticmethod
    def _words(line: Line, expected: str, *widths: int) -> list[str]:
        row = line.text.split()
        numbers = row[1:] if len(row) in (2, 3) else [row[1], row[-1]] if len(row) == 4 else []
        if len(row) not in widths or not all(_is_number(word) and int(word) for word in numbers):
            raise line.wrong("is no LFW entry", expected)
        return row


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 7


def _is_count(line: Line) -> bool:
    """The first line of a list, which counts, or a line that counts the people of a fold."""
    words = line.text.split()
    return all(map(_is_number, words)) and (len(words) == 1 or line.number == 1)


def lfw_protocol(
    lfw: LFW,
    pairs_list: str | None = "pairsDevTest.txt",
    people_list: str | None = None,
    fold: int | None = None,
) -> Protocol:
    """The pairs of one list (or of ``fold`` of it); and of one people list those with two or more photos: one enrolled,
    the rest probes. Without a fold ``peopleDevTrain.txt`` is learned from, with one the other folds of ``people.txt``;
    where that list is not there, nobody is."""
    samples: dict[Path, Sample] = {}

    def sample(path: Path) -> Sample:
        return samples.setdefault(path, Sample(path.parent.name, "vis", path))

    listed = [] if not pairs_list else lfw.pairs(pairs_list) if fold is None else lfw.fold(pairs_list, fold)
    pairs = [(sample(p.first), sample(p.second), p.same) for p in listed]
    people = lfw.people(people_list) if people_list else {}
    photos = [list(map(sample, paths)) for paths in people.values() if len(paths) > 1]
    learned, withheld = _train_people(lfw, fold)
    notes = ["LFW is visible light; NIR probes are simulated from it."]
    notes += [] if fold is None else ["Accuracy within the fold, by thresholds of its other pairs."]
    return Protocol(
        name="lfw" if fold is None else f"lfw, fold {fold}",
        gallery=[own[0] for own in photos],
        probes=[other for own in photos for other in own[1:]],
        pairs=pairs,
        train=[Sample(name, "vis", path) for name, paths in learned.items() for path in paths],
        notes=tuple(notes),
        withheld=[Sample(name, "vis", path) for name, paths in withheld.items() for path in paths],
        train_source="lfw-peopleDevTrain" if fold is None else f"lfw-fold{fold}",
    )


def _train_people(lfw: LFW, fold: int | None) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Who is learned from, and everybody who may be tested."""
    if fold is None:
        names = ("peopleDevTrain.txt", "peopleDevTest.txt")
        learned, withheld = (lfw.people(name) if lfw.list_path(name).is_file() else {} for name in names)
        return learned, withheld
    if not lfw.list_path("people.txt").is_file():
        return {}, {}
    folds = lfw.people_by_fold("people.txt")
    if not 1 <= fold <= len(folds):
        raise DataError(f"people.txt has {len(folds)} folds.", "Use a fold of both lists.")
    others = [people for number, people in enumerate(folds, start=1) if number != fold]
    return {name: photos for people in others for name, photos in people.items()}, folds[fold - 1]


def read_lfw(options: LfwOptions, _cache: Path | None = None) -> Protocol:
    """The protocol the options ask for. Raises DataError where the set is nowhere, or a list is not as described."""
    root = options.root or os.environ.get("SSN_LFW") or None
    if root is None:
        raise DataError("LFW must be somewhere.", "Pass --root FOLDER, or set SSN_LFW.")
    usual = "pairsDevTest.txt" if options.fold is None else "pairs.txt"
    pairs = usual if options.pairs is None else options.pairs
    return lfw_protocol(LFW(root), pairs, options.identify, options.fold)
