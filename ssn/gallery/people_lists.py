"""Photos of people in a ZIP file, or listed in a CSV file. Nothing of a ZIP is written to the disk."""

from __future__ import annotations

import csv
import io
import lzma
import posixpath
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from ssn.errors import DataError
from ssn.faces.read import MAX_BYTES, SUFFIXES
from ssn.gallery.people_folder import PeopleFolder, Photo, Skipped, by_folder, no_photos, set_aside

MOST_ENTRIES = 200_000
LONGEST_LIST = 64 * 2**20
"""Bytes of a CSV file."""
LIST = "people.csv"
"""What a list is called in a ZIP file."""
ENCRYPTED, UTF8 = 0x1, 0x800
UNPACKING = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError, ValueError)


class Zipped:
    """One entry of a ZIP file, read when it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo):
        self._archive, self._entry = archive, entry

    def __call__(self) -> bytes:
        """Its content, of which no more than ``MAX_BYTES`` + 1 is unpacked. Raises OSError where it is damaged."""
        try:
            with self._archive.open(self._entry) as file:
                return file.read(MAX_BYTES + 1)
        except UNPACKING as error:
            raise OSError("the entry is damaged") from error


def read_zip(source: Path | IO[bytes], most_entries: int | None = None, most_bytes: int | None = None) -> PeopleFolder:
    """``Name/…/photo.jpg`` and ``Name.jpg`` in a ZIP file → whose photos these are, as :func:`read_folder`; or, where
    there is a list ``people.csv`` in it, as that says, with paths from its folder. The file stays open as long as the
    photos are, whose paths are the entries' names where it was open already. ``most_bytes`` is what its entries may
    unpack to. Raises DataError for no ZIP file, too much in it, or no photos."""
    place, called = (source, str(source)) if isinstance(source, Path) else (Path(), "The file")
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"{called} is no readable ZIP file.", "Pack it again.") from error
    entries: dict[str, zipfile.ZipInfo] = {}
    skipped: list[Skipped] = []
    for entry in archive.infolist():
        if not entry.is_dir() and (name := _name_of(entry)):
            if name in entries:  # unpacked, the last would be left
                skipped.append(Skipped(place / name.lstrip("/"), "a later entry of the file has the same name"))
            entries[name] = entry
    _check_limits(called, entries, MOST_ENTRIES if most_entries is None else most_entries, most_bytes)
    usable: dict[str, Zipped] = {}
    for name, entry in sorted(entries.items()):
        parts = PurePosixPath(name).parts
        if parts[-1:] == (LIST,):
            continue
        if reason := _refused(entry, name, parts):
            skipped.append(Skipped(place / name.lstrip("/"), reason))
        else:
            usable[name] = Zipped(archive, entry)
    lists = sorted((name for name in entries if PurePosixPath(name).name == LIST), key=lambda name: name.count("/"))
    photos = _listed(place, lists[0], archive, entries, usable, skipped) if lists else _by_folder(place, usable)
    if not photos:
        raise no_photos(called, skipped)
    return PeopleFolder(tuple(photos), tuple(skipped))


def _check_limits(called: str, entries: dict[str, zipfile.ZipInfo], most_entries: int, most_bytes: int | None) -> None:
    if len(entries) > most_entries:
        raise DataError(f"{called} has {len(entries)} entries; the limit is {most_entries}.", "Split it.")
    size = sum(entry.file_size for entry in entries.values())
    if most_bytes is not None and size > most_bytes:
        raise DataError(f"{called} unpacks to {size / 2**20:.0f} MB; the limit is {most_bytes // 2**20}.", "Split it.")


def _name_of(entry: zipfile.ZipInfo) -> str:
    """Of an entry. One that is not said to be in UTF-8, and is, was packed on a Mac."""
    if entry.flag_bits & UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename


def _by_folder(place: Path, usable: dict[str, Zipped]) -> list[Photo]:
    return [by_folder(place / name, PurePosixPath(name), content) for name, content in usable.items()]


def _listed(
    place: Path,
    listing: str,
    archive: zipfile.ZipFile,
    entries: dict[str, zipfile.ZipInfo],
    usable: dict[str, Zipped],
    skipped: list[Skipped],
) -> list[Photo]:
    """The photos that a list in the file names, in its order. What it names and is not there, and what is there and not
    named, is skipped."""
    path = place / listing
    try:
        with archive.open(entries[listing]) as file:
            content = file.read(LONGEST_LIST + 1)
    except UNPACKING as error:
        raise DataError(f"{path} is no readable CSV file.", "Pack it again.") from error
    lines, wrong = _lines(path, content)
    skipped += wrong
    photos, named, refused = [], set(), {other.path for other in skipped}
    for number, where, who in lines:
        name = posixpath.normpath(posixpath.join(posixpath.dirname(listing), where))
        if name in usable:
            named.add(name)
            photos.append(Photo(place / name, who, False, usable[name]))
        elif place / name not in refused:
            skipped.append(Skipped(place / name, f"line {number} of {LIST} names it, and it is not there"))
    skipped += [Skipped(place / name, f"{LIST} does not name it") for name in usable if name not in named]
    return photos


def _refused(entry: zipfile.ZipInfo, name: str, parts: tuple[str, ...]) -> str:
    """Why an entry is not read; empty where it may be a photo."""
    if not parts or ".." in parts or parts[0] == "/" or "\\" in name or ":" in parts[0]:
        return "its path leads out of the file"
    for folder in parts[:-1]:
        if reason := set_aside(folder):
            return reason
    suffix = PurePosixPath(parts[-1]).suffix.lower()
    if parts[-1].startswith("."):
        return "a hidden file"
    if suffix not in SUFFIXES:
        return f"{suffix or 'without a suffix, it'} is no kind of picture that is read"
    if entry.flag_bits & ENCRYPTED:
        return "it is encrypted"
    if entry.file_size > MAX_BYTES:
        return f"it has {entry.file_size / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20}"
    return ""


def read_csv(path: Path) -> PeopleFolder:
    """Lines ``path,name`` in UTF-8, a first line of these words being none → whose photos these are. Paths are counted
    from the file's own folder. Raises DataError where it cannot be read, or lists no photo."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_LIST + 1)
    except OSError as error:
        raise DataError(f"{path} is no readable CSV file.", "Save it in UTF-8, a line path,name a photo.") from error
    lines, skipped = _lines(path, content)
    photos = [Photo(path.parent / where, who, False) for _, where, who in lines]
    if not photos:
        raise DataError(f"{path} lists no photos.", "Write a line path,name for each.")
    return PeopleFolder(tuple(photos), tuple(skipped))


def _lines(path: Path, content: bytes) -> tuple[list[tuple[int, str, str]], list[Skipped]]:
    """A list's content → number, path and name of each line, and the lines that are not of this form. Raises
    DataError."""
    if len(content) > LONGEST_LIST:
        raise DataError(f"{path} has more than {LONGEST_LIST // 2**20} MB.", "Split it.")
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no readable CSV file.", "Save it in UTF-8, a line path,name a photo.") from error
    lines, wrong = [], []
    for number, cells in enumerate(rows, start=1):
        words = [cell.strip() for cell in cells]
        if not any(words) or (number == 1 and [word.lower() for word in words] == ["path", "name"]):
            continue
        if len(words) != 2 or not all(words) or "\0" in words[0]:
            wrong.append(Skipped(path, f"line {number} is not of the form path,name"))
        else:
            lines.append((number, words[0], words[1]))
    return lines, wrong
