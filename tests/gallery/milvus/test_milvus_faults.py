"""What servers and wires do to a gallery on Milvus: nothing acknowledged is lost, and who waits is told in time."""

from __future__ import annotations

import threading
import time

import pytest

from ssn.errors import GalleryError, GalleryUnreachableError
from ssn.gallery import milvus_book, milvus_server
from ssn.gallery.milvus_book import Row
from ssn.gallery.registry import open_store
from tests.gallery.templates import MODEL, template
from tests.gallery.wire import Wire

pytest.importorskip("pymilvus")
pytest.importorskip("milvus", reason="this platform has no wheel of a server")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def see_everything(gallery) -> None:
    """Also what another machine did in the last second."""
    gallery._book.rows("Strong", kind="counters")


def test_a_change_that_was_interrupted_leaves_nothing(gallery, monkeypatch):
    gallery.enrol("Ada", template(1))
    write = gallery._server.write

    def broken(collection, rows, seconds=None):
        if collection == gallery._server.book:
            raise GalleryUnreachableError("The wire is cut.", "")
        write(collection, rows, seconds)

    monkeypatch.setattr(gallery._server, "write", broken)
    with pytest.raises(GalleryUnreachableError):
        gallery.enrol("Ben", template(2))
    monkeypatch.undo()
    assert [person.name for person in gallery.people()] == ["Ada"]
    assert [match.person for match in gallery.search(template(2), 9)] == ["Ada"]
    gallery.enrol("Cid", template(3))
    assert len(gallery._server.rows(gallery._server.vectors, "id > 0", ["id"], "Strong")) == 2


def test_two_machines_enrol_the_same_name_at_once(gallery, server):
    with open_store(f"{server.address}/shared", MODEL) as other:
        stores, start = (gallery, other), threading.Barrier(2)
        errors = []

        def enrol(place: int) -> None:
            try:
                start.wait()
                for number in range(2):
                    stores[place].enrol("Ada", template(10 * place + number))
            except GalleryError as error:
                errors.append(error)

        threads = [threading.Thread(target=enrol, args=(place,)) for place in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        see_everything(other)
        assert [(person.name, person.templates) for person in other.people()] == [("Ada", 4)]
        assert len({number for number, *_ in other.templates_of(other.person("Ada").id)}) == 4


def test_the_lease_of_a_dead_machine_lapses(gallery, monkeypatch):
    monkeypatch.setattr(milvus_book, "DEAD", 6.0)
    gallery._book.let_go()
    gallery._book.write([Row("lease:of-the-dead", "lease")])
    monkeypatch.setattr(milvus_book, "PATIENCE", 0.3)
    with pytest.raises(GalleryError, match="Another machine is changing"):
        gallery.enrol("Ada", template(1))
    monkeypatch.setattr(milvus_book, "PATIENCE", 40.0)
    gallery.enrol("Ada", template(1))
    assert gallery._book.rows("Strong", key="lease:of-the-dead") == []


def test_a_cut_wire_is_told_and_nothing_acknowledged_is_lost(server, gallery, monkeypatch):
    wire = Wire(server.port)
    try:
        with open_store(f"http://127.0.0.1:{wire.port}/shared", MODEL) as far:
            far.enrol("Ada", template(1), b"picture")
            wire.cut()
            monkeypatch.setattr(milvus_server, "SECONDS", 2.0)
            for ask in (lambda: far.enrol("Ben", template(2)), lambda: far.search(template(1))):
                with pytest.raises(GalleryUnreachableError, match="does not answer within 2 s"):
                    ask()
            wire.mend()
            monkeypatch.setattr(milvus_server, "SECONDS", 60.0)
            assert far.search(template(1), 1)[0].person == "Ada"
            assert [person.name for person in far.people()] == ["Ada"]
            far.enrol("Cid", template(3))
        see_everything(gallery)
        assert [person.name for person in gallery.people()] == ["Ada", "Cid"]
    finally:
        wire.close()


def test_a_server_that_says_nothing_is_given_up_in_time(server, gallery, monkeypatch):
    monkeypatch.setattr(milvus_server, "SECONDS", 2.0)
    gallery.enrol("Ada", template(1))
    server.pause()
    try:
        start = time.monotonic()
        with pytest.raises(GalleryUnreachableError, match="within 2 s"):
            gallery.people()
        assert time.monotonic() - start < 60
    finally:
        server.go_on()
    monkeypatch.setattr(milvus_server, "SECONDS", 60.0)
    assert [person.name for person in gallery.people()] == ["Ada"]


def test_a_killed_server_comes_back_with_all_that_was_acknowledged(server, gallery, monkeypatch):
    monkeypatch.setattr(milvus_server, "SECONDS", 3.0)
    acknowledged, stop = [], threading.Event()

    def enrol() -> None:
        for number in range(1000):
            try:
                gallery.enrol(f"P{number}", template(number), b"picture %d" % number)
            except GalleryUnreachableError:
                return
            acknowledged.append(number)
            if len(acknowledged) > 12:
                stop.set()

    writer = threading.Thread(target=enrol)
    writer.start()
    assert stop.wait(60)
    server.kill()
    writer.join()
    with pytest.raises(GalleryUnreachableError):
        gallery.people()
    server.start()
    monkeypatch.setattr(milvus_server, "SECONDS", 60.0)
    names = {person.name for person in gallery.people()}
    assert {f"P{number}" for number in acknowledged} <= names <= {f"P{n}" for n in range(len(acknowledged) + 1)}
    for number in acknowledged:
        best = gallery.search(template(number), 1)[0]
        assert (best.person, gallery.face_image(best.template_id)) == (f"P{number}", b"picture %d" % number)
    gallery.enrol("After", template(5000))
    assert gallery.search(template(5000), 1)[0].person == "After"


def test_nobody_there(monkeypatch):
    monkeypatch.setattr(milvus_server, "SECONDS", 1.0)
    with pytest.raises(GalleryUnreachableError, match=r"127\.0\.0\.1:9"):
        open_store("http://127.0.0.1:9", MODEL)
