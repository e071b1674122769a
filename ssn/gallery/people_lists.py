"""Photos of people in a ZIP file, or listed in a CSV file. Nothing of a ZIP is written to the disk."""

from __future__ import annotations

import csv
import io
import lzma
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ssn.errors import DataError
from ssn.faces.read import MAX_BYTES, SUFFIXES
from ssn.gallery.people_folder import SUBJECT, PeopleFolder, Photo, Skipped, set_aside

MOST_ENTRIES = 200_000
LONGEST_LIST = 64 * 2**20
"""Bytes of a CSV file."""
ENCRYPTED = 0x1
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


def read_zip(path: Path) -> PeopleFolder:
    """``Name/…/photo.jpg`` and ``Name.jpg`` in a ZIP file → whose photos these are, as :func:`read_folder`. The file
    stays open as long as the photos are. Raises DataError for no ZIP file, too many entries, or no photos."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"{path} is no readable ZIP file.", "Pack it again.") from error
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_ENTRIES:
        raise DataError(f"{path} has {len(entries)} entries; the limit is {MOST_ENTRIES}.", "Split it.")
    photos, skipped = [], []
    for entry in sorted(entries, key=lambda entry: entry.filename):
        place, parts = path / entry.filename.lstrip("/"), PurePosixPath(entry.filename).parts
        if reason := _refused(entry, parts):
            skipped.append(Skipped(place, reason))
        else:
            name = parts[0] if len(parts) > 1 else PurePosixPath(parts[0]).stem
            photos.append(Photo(place, name, len(parts) > 2, Zipped(archive, entry)))
    if not photos:
        raise DataError(f"{path} holds no photos.", SUBJECT)
    return PeopleFolder(tuple(photos), tuple(skipped))


def _refused(entry: zipfile.ZipInfo, parts: tuple[str, ...]) -> str:
    """Why an entry is not read; empty where it may be a photo."""
    if not parts or ".." in parts or parts[0] == "/" or "\\" in entry.filename or ":" in parts[0]:
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
        if len(content) > LONGEST_LIST:
            raise DataError(f"{path} has more than {LONGEST_LIST // 2**20} MB.", "Split it.")
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no readable CSV file.", "Save it in UTF-8, a line path,name a photo.") from error
    photos, skipped = [], []
    for number, cells in enumerate(lines, start=1):
        words = [cell.strip() for cell in cells]
        if not any(words) or (number == 1 and [word.lower() for word in words] == ["path", "name"]):
            continue
        if len(words) != 2 or not all(words) or "\0" in words[0]:
            skipped.append(Skipped(path, f"line {number} is not of the form path,name"))
        else:
            photos.append(Photo(path.parent / words[0], words[1], False))
    if not photos:
        raise DataError(f"{path} lists no photos.", "Write a line path,name for each.")
    return PeopleFolder(tuple(photos), tuple(skipped))
