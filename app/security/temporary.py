"""The process's own folder for temporary files: nobody else may read it, and it is emptied at start and end."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ssn.errors import OptionError


def folder_of(host: str, port: int) -> Path:
    """One a listening address: only one process can have it, so what lies there at its start was left by one that was
    killed."""
    user = os.getuid() if os.name == "posix" else "user"
    return Path(tempfile.gettempdir()) / f"ssn-studio-{user}-{re.sub(r'[^0-9A-Za-z.]', '_', host)}-{port}"


@contextlib.contextmanager
def private_folder(path: Path) -> Iterator[Path]:
    """``path``, made anew with rights for its owner alone (0700), and gone afterwards. Raises OptionError where
    somebody else has put something there, or it cannot be made."""
    try:
        _remove_own(path)
        path.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise OptionError(
            f"The folder for temporary files {path} cannot be made ({error.strerror or error}).",
            "Free some space, or set TMPDIR to another folder.",
        ) from error
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _remove_own(path: Path) -> None:
    """What an earlier process left. A link, or a folder of another user, is not followed."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    foreign = os.name == "posix" and found.st_uid != os.getuid()
    if foreign or not stat.S_ISDIR(found.st_mode):
        raise OptionError(f"{path} belongs to somebody else.", "Remove it, or set TMPDIR to another folder.")
    shutil.rmtree(path)
