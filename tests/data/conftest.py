"""Trees whose pictures are not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data import miniature


@pytest.fixture
def nothing_is_drawn(monkeypatch):
    """Readers look at names only: empty files are enough."""

    def touch(path: Path, *_) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr(miniature, "write_picture", touch)
