"""A folder of people's photos: whose each is, and what is no photo. Nothing in it goes unsaid."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from ssn.errors import DataError
from ssn.faces.read import SUFFIXES

SERVICE_FOLDERS = {"__macosx", "@eadir", "$recycle.bin", "#recycle", "system volume information", "lost+found"}
"""What systems and network drives leave beside photos, in lower case."""
DEEPEST = 100
"""Folders within each other that are looked into."""
SUBJECT = "Put them as FOLDER/Name/photo.jpg or FOLDER/Name.jpg."


@dataclass(frozen=True)
class Photo:
    """A file and the name of the person it is of. ``deeper``: it lies in a folder below the person's; ``by_file``: it
    lies in none, and the name is its own. ``content`` reads it where it is no file of its own."""

    path: Path
    name: str
    deeper: bool
    content: Callable[[], bytes] | None = None
    by_file: bool = False


@dataclass(frozen=True)
class Skipped:
    """What is not read, and why: a file, a link to a folder, or a folder that cannot be opened."""

    path: Path
    reason: str


@dataclass(frozen=True)
class PeopleFolder:
    """Everything below a folder, sorted by path; each entry is in one of the two."""

    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...]

    def all_of(self, name: str) -> PeopleFolder:
        """The same photos, all of one person."""
        return replace(self, photos=tuple(replace(p, name=name, deeper=False, by_file=False) for p in self.photos))


def read_folder(folder: Path) -> PeopleFolder:
    """``FOLDER/Name.jpg`` and ``FOLDER/Name/…/any.jpg`` → whose photos these are: the name is that of the first folder
    below the root, however deep a file lies. Raises DataError where there is no folder, or no photo in it."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.", "Name a folder of photos or a gallery file.")
    photos: list[Photo] = []
    skipped: list[Skipped] = []
    _walk(folder, folder, photos, skipped)
    if not photos:
        raise no_photos(folder, skipped)
    return PeopleFolder(tuple(photos), tuple(skipped))


def no_photos(called: object, skipped: list[Skipped]) -> DataError:
    """What is there instead is said."""
    other = f"; {len(skipped)} other files, such as {skipped[0].path}: {skipped[0].reason}" if skipped else ""
    return DataError(f"{called} holds no photos{other}.", SUBJECT)


def _walk(root: Path, folder: Path, photos: list[Photo], skipped: list[Skipped], aside: str = "") -> None:
    """``aside`` is the reason why nothing in ``folder`` is read."""
    if len(folder.parts) - len(root.parts) > DEEPEST:
        skipped.append(Skipped(folder, f"more than {DEEPEST} folders within each other"))
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        skipped.append(Skipped(folder, f"the folder cannot be opened: {error.strerror}"))
        return
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            _walk(root, path, photos, skipped, aside or set_aside(entry.name))
        elif reason := aside or _unreadable(entry):
            skipped.append(Skipped(path, reason))
        else:
            photos.append(by_folder(path, path.relative_to(root)))


def by_folder(path: Path, below: PurePath, content: Callable[[], bytes] | None = None) -> Photo:
    """Whose photo ``path`` is that lies ``below`` the root: the first folder's, or that of its own name."""
    parts = below.parts
    return Photo(path, parts[0] if len(parts) > 1 else below.stem, len(parts) > 2, content, len(parts) == 1)


def set_aside(name: str) -> str:
    """Why nothing in a folder of this name is read; empty for any other."""
    if name.startswith("."):
        return f"it lies in the hidden folder {name}"
    return f"it lies in the service folder {name}" if name.lower() in SERVICE_FOLDERS else ""


def _unreadable(entry: os.DirEntry) -> str:
    """Why an entry that is no folder is not read; empty where it may be a photo."""
    try:
        return _no_photo(entry)
    except OSError as error:  # a link to itself, say
        return f"it cannot be looked at: {error.strerror}"


def _no_photo(entry: os.DirEntry) -> str:
    """As :func:`_unreadable`. Raises OSError."""
    if entry.is_dir():
        return "a link to a folder, which is not followed"
    if entry.is_symlink() and not os.path.exists(entry.path):
        return "a link that leads nowhere"
    if entry.name.startswith("."):
        return "a hidden file"
    if not entry.is_file():
        return "no regular file"
    suffix = Path(entry.name).suffix.lower()
    if suffix in SUFFIXES:
        return ""
    return f"{suffix} is no kind of picture that is read" if suffix else "no suffix says that it is a picture"
