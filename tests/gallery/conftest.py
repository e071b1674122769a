"""An empty gallery of ``templates.MODEL``, and its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "gallery.db"


@pytest.fixture
def gallery(path):
    with Gallery(path, MODEL) as made:
        yield made
