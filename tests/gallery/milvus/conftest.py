"""A Milvus server, and an empty gallery on it."""

from __future__ import annotations

import pytest

from benchmarks.milvus_process import MilvusProcess
from ssn.gallery.milvus import MilvusGallery
from ssn.gallery.registry import open_store
from tests.gallery.templates import MODEL


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    process = MilvusProcess(tmp_path_factory.mktemp("milvus"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def shared(server):
    """One gallery for most tests: to make one takes seconds."""
    with open_store(f"{server.address}/shared", MODEL) as gallery:
        assert isinstance(gallery, MilvusGallery)
        yield gallery


@pytest.fixture
def gallery(shared):
    """Empty, and with numbers that go on."""
    with shared._book.change() as changing:
        for kind in ("person", "template", "picture", "change"):
            changing.drop(changing.rows(kind=kind))
    assert shared.people() == []
    return shared
