"""Labeled Faces in the Wild: where its photos and lists are, and what the lists say.

``ROOT/images/Name/Name_0001.jpg`` with the lists beside ``images``; a plain ``ROOT/Name/Name_0001.jpg`` is read too.
LFW is visible light only: NIR probes made from it are simulated, and every figure says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError


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
        people = {}
        for words in self._lines(list_name, 2):
            people[words[0]] = [self.photo(words[0], n) for n in range(1, int(words[1]) + 1)]
        return people

    def pairs(self, list_name: str) -> list[Pair]:
        """A list such as ``pairsDevTest.txt`` → its pairs, in order."""
        pairs = []
        for words in self._lines(list_name, 3, 4):
            if len(words) == 3:
                name, a, b = words
                pairs.append(Pair(self.photo(name, a), self.photo(name, b), True))
            else:
                name, a, other, b = words
                pairs.append(Pair(self.photo(name, a), self.photo(other, b), False))
        return pairs

    def _lines(self, list_name: str, *widths: int) -> list[list[str]]:
        path = self.root / list_name
        if not path.is_file() and Path(list_name).is_file():
            path = Path(list_name)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"The list {path} cannot be read.", "LFW's lists belong beside its images folder."
            ) from error
        rows = [line.split() for line in text.splitlines() if line.strip()]
        body = rows[1:] if rows and all(map(_is_number, rows[0])) else rows
        rows = [row for row in body if not (len(row) == 1 and _is_number(row[0]))]
        for row in rows:
            numbers = row[1:] if len(row) in (2, 3) else [row[1], row[-1]] if len(row) == 4 else []
            if len(row) not in widths or not all(_is_number(word) and int(word) for word in numbers):
                raise DataError(
                    f"{path.name} has a line that is no LFW entry: {' '.join(row)[:60]!r}.", "Check the list."
                )
        if not rows:
            raise DataError(f"{path.name} is empty.", "Check the list.")
        return rows


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 7


def lfw_protocol(lfw: LFW, pairs_list: str | None = "pairsDevTest.txt", people_list: str | None = None) -> Protocol:
    """The pairs of one list; and of one people list those with two or more photos: one enrolled, the rest probes."""
    samples: dict[Path, Sample] = {}

    def sample(path: Path) -> Sample:
        return samples.setdefault(path, Sample(path.parent.name, "vis", path))

    pairs = [(sample(p.first), sample(p.second), p.same) for p in lfw.pairs(pairs_list)] if pairs_list else []
    people = lfw.people(people_list) if people_list else {}
    photos = [list(map(sample, paths)) for paths in people.values() if len(paths) > 1]
    return Protocol(
        name="lfw",
        gallery=[own[0] for own in photos],
        probes=[other for own in photos for other in own[1:]],
        pairs=pairs,
        notes=("LFW is visible light; NIR probes are simulated from it.",),
    )
