"""Files and folders that are there whole or not at all: the only place that writes them so.

What is written lies beside its destination under a name of its own, reaches the disk, and is then moved into place. An
exception removes it; a killed process leaves at most a hidden ``.part``, which no other writer takes for its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssn.errors import DataError

TURNS_OF_WRITING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that show what follows in another order."""
LONGEST_NAME = 100
"""Characters of a name that its temporary name repeats: a file system holds names of 255 bytes."""


@contextlib.contextmanager
def atomically(path: str | Path, *, keep: bool = False) -> Iterator[Path]:
    """``with atomically(path) as part: write(part)``: the file ``path``, all of it or as it was before.

    Missing folders are made; the rights of a file that is replaced stay, and so does a link to it. With ``keep`` a file
    that is there by then wins. Raises FileExistsError in that case, OSError where ``path`` cannot be written.
    """
    path = _destination(path)
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no regular file")
    part = _beside(path)
    try:
        yield part
        if path.exists():
            shutil.copymode(path, part)
        _to_disk(part)
        if keep:
            os.link(part, path)
        else:
            os.replace(part, path)
        _to_disk(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def atomically_folder(path: str | Path) -> Iterator[Path]:
    """``with atomically_folder(path) as part: write(part / …)``: the new folder ``path``, complete or not there.

    Raises FileExistsError where a folder with anything in it is there by then, OSError where none can be written.
    """
    path = _destination(path)
    part = _beside(path)
    part.mkdir()
    try:
        yield part
        for folder, _, names in os.walk(part):
            for name in names:
                _to_disk(Path(folder) / name)
            _to_disk(Path(folder))
        if path.is_dir() and any(path.iterdir()):
            raise FileExistsError(f"{path} is there already")
        os.replace(part, path)
        _to_disk(path.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def printable(words: object, lines: bool = False) -> str:
    """``words`` as they can be shown to a person: what would steer a terminal, begin a line or turn the writing round,
    as a file name may, becomes an escape. ``lines``: line breaks are meant."""
    return "".join(_escaped(c) if _steers(c) and not (lines and c == "\n") else c for c in str(words))


def _steers(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in TURNS_OF_WRITING


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def json_text(data: Any, encoding: str | None = "utf-8") -> str:
    """``data`` as indented JSON that can be written in ``encoding``: where a character cannot, all beyond ASCII become
    escapes, which mean the same."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    try:
        text.encode(encoding or "ascii")
    except UnicodeEncodeError:
        return json.dumps(data, indent=2)
    return text


def write_json(data: Any, path: str | Path) -> None:
    """``data`` as a JSON file in UTF-8, atomically. A file name that is no text is written as escapes. Raises DataError
    where that is not possible."""
    try:
        with atomically(path) as part:
            part.write_text(json_text(data) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written.", "Choose another place for the file.") from error


def _destination(path: str | Path) -> Path:
    """Where a path leads; its folder is made."""
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:LONGEST_NAME]}.{secrets.token_hex(6)}.part")


def _to_disk(path: Path) -> None:
    """Wait until a file or, where the system can, a folder is on the disk."""
    if path.is_dir() and os.name != "posix":
        return
    number = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
