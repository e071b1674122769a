"""Drawn crops, full precision, and a run that nobody interrupted."""

from __future__ import annotations

import pytest

from ssn.data.face_store import StoredFaces
from ssn.training.distill.run import Distillation
from tests.training.distill.runs import finish, make_exact
from tests.training.drawn_crops import drawn_crops


@pytest.fixture(scope="module")
def crops() -> StoredFaces:
    return drawn_crops()


@pytest.fixture
def exact(monkeypatch) -> None:
    make_exact(monkeypatch)


@pytest.fixture(scope="module")
def uninterrupted(crops, tmp_path_factory) -> Distillation:
    with pytest.MonkeyPatch.context() as patch:
        make_exact(patch)
        return finish(crops, tmp_path_factory.mktemp("uninterrupted"))
