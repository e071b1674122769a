"""Protocol files of data sets: lines with their numbers, so that whatever is wrong can be found; and the pictures they
name, whatever the disk has made of the extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ssn.data.protocol import Sample
from ssn.errors import DataError
from ssn.faces.types import Spectrum

EXTENSIONS = (".bmp", ".jpg", ".png", ".jpeg")


@dataclass(frozen=True)
class Line:
    """One line of a list that is not blank: the file, its number counted from 1, and its text."""

    file: Path
    number: int
    text: str

    def wrong(self, what: str, expected: str) -> DataError:
        """The error that names file and line."""
        return DataError(f"{self.file}, line {self.number}: {self.text[:80]!r} {what}.", f"Expected {expected}.")


@dataclass(frozen=True)
class Entry:
    """A line of a list of pictures, understood: the ``path`` it names below the root, and whose picture it is."""

    line: Line
    path: PurePosixPath
    identity: str


def folder_of(root: Path | None, what: str, *parts: str) -> Path:
    """The first of ``root / part`` that is a folder; an empty part is the root. Raises DataError where none is."""
    if root is None:
        raise DataError(f"It is not said where {what} is.", "Pass --root FOLDER.")
    for part in parts or ("",):
        if (Path(root) / part).is_dir():
            return Path(root) / part
    wanted = " or ".join(str(Path(root) / part) for part in parts or ("",))
    raise DataError(f"There is no folder {wanted}.", f"Pass --root the folder that holds {what}.")


def read_lines(path: Path, expected: str) -> list[Line]:
    """A list's lines that are not blank. Raises DataError where it is missing, no text, or empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"There is no list {path}.", f"Expected a text file, in each line {expected}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The list {path} cannot be read.", f"Expected a text file, in each line {expected}."
        ) from error
    lines = [Line(path, i, line.strip()) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise DataError(f"The list {path} is empty.", f"Expected {expected}.")
    return lines


def picture_path(text: str) -> PurePosixPath | None:
    """A path as lists write it, with slashes or backslashes → that below the root; None where it leaves the root or
    names no picture."""
    path = PurePosixPath(text.replace("\\", "/").removeprefix("./"))
    fine = path.suffix.lower() in EXTENSIONS and not path.is_absolute() and ".." not in path.parts and ":" not in text
    return path if fine else None


def on_disk(root: Path, path: PurePosixPath) -> Path:
    """The picture of that path; the listed extension may disagree with the file's. Where there is none, the path as it
    was listed: whoever reads it reports it missing."""
    listed = root / path
    if listed.is_file():
        return listed
    for extension in EXTENSIONS:
        for spelt in (extension, extension.upper()):
            if (other := listed.with_suffix(spelt)).is_file():
                return other
    return listed


def samples_of(root: Path, entries: Iterable[Entry], spectrum: Spectrum | Callable[[Entry], Spectrum]) -> list[Sample]:
    """Entries of one list → samples. Raises DataError where not one of the pictures is there: the tree is another."""
    entries = list(entries)
    made = [
        Sample(entry.identity, spectrum(entry) if callable(spectrum) else spectrum, on_disk(root, entry.path))
        for entry in entries
    ]
    if made and not any(on_disk(root, entry.path).is_file() for entry in entries):
        raise entries[0].line.wrong(
            f"names no picture below {root}, nor does any other line", f"{root / entries[0].path}"
        )
    return made


def once_each(entries: list[Entry]) -> list[Entry]:
    """The same entries. Raises DataError for a picture that is listed twice."""
    seen: dict[PurePosixPath, Line] = {}
    for entry in entries:
        if first := seen.get(entry.path):
            raise entry.line.wrong(f"stands in line {first.number} too", "every picture once")
        seen[entry.path] = entry.line
    return entries


def disjoint(learned: Iterable[Entry], tested: Iterable[Entry], key: Callable[[Entry], object]) -> None:
    """Raises DataError where somebody (or something, by ``key``) learned from is tested."""
    known = {key(entry): entry.line for entry in learned}
    for entry in tested:
        if other := known.get(key(entry)):
            raise entry.line.wrong(
                f"is learned from too, in {other.file.name}, line {other.number}", "people of the test list alone"
            )


def all_enrolled(gallery: Iterable[Entry], probes: Iterable[Entry]) -> None:
    """Raises DataError where a probe shows somebody who is not in the gallery list."""
    known = {entry.identity for entry in gallery}
    for entry in probes:
        if entry.identity not in known:
            raise entry.line.wrong("shows somebody without a gallery picture", "people of the gallery list")
