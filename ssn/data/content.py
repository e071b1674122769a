"""Files by what is in them: a copy of a data set elsewhere is the same set, a changed picture is another one."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from ssn.files import atomically


class Fingerprints:
    """SHA-256 of files, remembered in ``memory`` as long as a file's size and time of change stay what they were."""

    def __init__(self, memory: str | Path):
        self.memory = Path(memory)
        self._known: dict[str, list] = {}
        self._new = False
        if self.memory.is_file():
            with contextlib.suppress(
                OSError, ValueError, TypeError
            ):  # it only saves reading: what is lost is computed again
                self._known = dict(json.loads(self.memory.read_text(encoding="utf-8")))

    def of(self, path: Path) -> str | None:
        """40 hex digits of a file's content; None where there is no such file, or it cannot be read."""
        try:
            state = path.stat()
            name, now = str(path.resolve()), [state.st_size, state.st_mtime_ns]
            known = self._known.get(name)
            if known is not None and known[:2] == now:
                return known[2]
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:40]
        except OSError:
            return None
        self._known[name] = [*now, digest]
        self._new = True
        return digest

    def save(self) -> None:
        """Remember what was computed since."""
        if not self._new:
            return
        with atomically(self.memory) as part:
            part.write_text(json.dumps(self._known), encoding="utf-8")
        self._new = False
