"""A gallery on a real Milvus server does what one in a file does, and can be migrated."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.errors import GalleryError, TemplateMismatchError
from ssn.gallery.contents import write_file
from ssn.gallery.migrate import migrate
from ssn.gallery.milvus_book import Row
from ssn.gallery.milvus_contents import drop_unfinished
from ssn.gallery.milvus_server import read_address
from ssn.gallery.registry import open_store
from ssn.gallery.sqlite import Gallery
from tests.gallery.histories import Plain, history, state_of, tell
from tests.gallery.templates import MODEL, template

pytest.importorskip("pymilvus")
pytest.importorskip("milvus", reason="this platform has no wheel of a server")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("seed", [1, 2])
def test_histories_end_as_in_a_gallery_written_plainly(gallery, seed):
    plain = Plain()
    for step in history(seed, 25):
        tell(gallery, *step)
        plain.do(*step)
        assert state_of(gallery) == plain.state(), step
    seeds = {name: seeds for name, (_, seeds) in plain.state().items()}
    for name, known in seeds.items():
        best = gallery.search(template(known[0]), 1)[0]
        assert (best.person, round(best.score, 5)) == (name, 1.0)
        assert gallery.face_image(best.template_id) == b"picture %d" % known[0]


def test_ranks_scores_and_ties_are_those_of_a_file(gallery):
    rng = np.random.default_rng(3)
    with Gallery(":memory:", MODEL) as file:
        for number in range(60):
            one = template(int(rng.integers(40)))  # some are the same: ties
            for store in (gallery, file):
                store.enrol(f"P{number % 25}", one)
        for over in ("best", "mean"):
            for k in (1, 5, 60):
                probes = [template(seed) for seed in (1, 2, 300)]
                mine, right = (store.search_many(probes, k, over=over) for store in (gallery, file))
                for got, want in zip(mine, right, strict=True):
                    assert [match.person for match in got] == [match.person for match in want]
                    assert [match.score for match in got] == pytest.approx([match.score for match in want], abs=1e-9)
        assert gallery.size() == file.size() == (60, 25)
        assert gallery.search_many([]) == []


def test_digests_notes_namesakes_and_models(gallery, server):
    first = gallery.enrol('Ada "\\ Ω', template(1), b"x" * 130_000, "päth", b"d" * 32)
    assert gallery.enrol('Ada "\\ Ω', template(2), digest=b"d" * 32) == first
    assert gallery.with_digest('Ada "\\ Ω', b"d" * 32) == first
    assert gallery.with_digest("Nobody", b"d" * 32) is None
    assert gallery.face_images([first, 99]) == {first: b"x" * 130_000}
    assert [person.name for person in gallery.namesakes('aDA "\\ ω')] == ['Ada "\\ Ω']
    person = gallery.person('Ada "\\ Ω')
    assert gallery.first_templates([person.id]) == {person.id: first}
    assert [one.pictured for one in gallery.roster()] == [True]
    assert np.array_equal(gallery.template(first).vector, template(1).vector)
    with open_store(f"{server.address}/shared", "model-b") as other:
        with pytest.raises(TemplateMismatchError, match="enrolled with model-a"):
            other.search(template(1, "model-b"))
        assert other.pictures_of_other_models() == [first]
        again = other.enrol('Ada "\\ Ω', template(5, "model-b"), source=first)
        assert other.pictures_of_other_models(everybody=True) == []
        assert other.size() == (1, 1)
        assert other.delete_model(MODEL) == 1
        assert [row[0] for row in other.all_templates_of(person.id)] == [again]
    with pytest.raises(TemplateMismatchError):
        gallery.enrol("Ben", template(1, "model-b"))


def test_what_is_deleted_is_in_no_row(gallery):
    gallery.enrol("Ada", template(1), b"picture of Ada")
    gallery.enrol("Ben", template(2), b"picture of Ben")
    gallery.delete_person(gallery.person("Ada").id)
    rows = gallery._server.rows(gallery._server.book, "number >= 0", ["key", "kind", "value"], "Strong")
    assert not any("Ada" in row["value"] for row in rows)
    assert sorted(row["kind"] for row in rows if not row["kind"].startswith("lease")) == [
        "counters",
        "person",
        "picture",
        "template",
    ]
    assert len(gallery._server.rows(gallery._server.vectors, "id > 0", ["id"], "Strong")) == 1


def test_hnsw_finds_everybody_and_scores_them_exactly(server):
    vectors = [template(seed) for seed in range(300)]
    with open_store(f"{server.address}/graph?index=hnsw", MODEL) as graph, Gallery(":memory:", MODEL) as file:
        assert graph._server.index_kind() == "HNSW"
        for seed, one in enumerate(vectors):
            file.enrol(f"P{seed}", one)
        migrate(file, graph)
        for seed in range(0, 300, 30):
            assert graph.search(vectors[seed], 1) == file.search(vectors[seed], 1)
    with open_store(f"{server.address}/graph?index=flat", MODEL) as flat:
        assert flat._server.index_kind() == "FLAT"
        assert flat.search(vectors[7], 1)[0].person == "P7"
        with pytest.raises(GalleryError, match="is not empty"):
            migrate(file_with(vectors[:1]), flat)


def file_with(templates) -> Gallery:
    file = Gallery(":memory:", MODEL)
    for number, one in enumerate(templates):
        file.enrol(f"P{number}", one, b"picture", "origin", bytes([number]) * 32)
    return file


def test_there_and_back_again_is_the_same(server, path, monkeypatch):
    file = file_with(template(seed) for seed in range(30))
    file.merge(3, 4)
    file.set_notes(5, "a note\nof two lines")
    where = f"{server.address}/moved"
    with open_store(where, MODEL) as there:
        there._book.write([Row("filling", "filling")])  # as an interrupted migration leaves it
    with pytest.raises(GalleryError, match="being filled"):
        open_store(where, MODEL)
    drop_unfinished(where)
    with open_store(where, MODEL) as there:
        done = migrate(file, there)
        assert (done.people, done.templates, done.pictures) == (29, 30, 30)
        with Gallery(path, MODEL) as back:
            assert migrate(there, back) == done
            assert state_of_all(back) == state_of_all(file) == state_of_all(there)
            assert back.enrol("New", template(99)) == there.enrol("New", template(99)) == 31
    monkeypatch.setattr(
        "ssn.gallery.migrate.write_file", lambda store, people, rows: write_file(store, people, rows[1:])
    )
    monkeypatch.setattr("ssn.gallery.migrate._told", lambda rows, *_: list(rows))
    with Gallery(":memory:", MODEL) as less, pytest.raises(GalleryError, match="is not what was in"):
        migrate(file, less)


def state_of_all(store) -> list:
    return [(p.name, store.notes(p.id), store.templates_of(p.id)) for p in store.people()]


@pytest.mark.parametrize(
    "where",
    [
        "http://",
        "http://host/a-b",
        "http://host/a?index=best",
        "http://host/a?x=1",
        "http://u:p@host",
        "http://h:99999",
    ],
)
def test_what_is_no_address_is_refused(where):
    with pytest.raises(GalleryError):
        read_address(where)
    assert read_address("HTTP://h/people?index=hnsw").shown == "http://h:19530/people"


def test_the_command_line_speaks_to_a_server(server, path, tmp_path, capsys):
    from ssn.__main__ import main

    with Gallery(path, MODEL) as file:
        for seed, name in enumerate(("Ada", "Ben", "Cid")):
            file.enrol(name, template(seed), b"picture %d" % seed)
    where = f"{server.address}/spoken_to"
    for words in (
        ["migrate", str(path), where],
        ["rename", where, "Ada", "Ada Lovelace"],
        ["merge", where, "Ben", "Cid"],
        ["undo", where],
        ["note", where, "Ben", "text"],
        ["delete", where, "Cid", "--yes"],
        ["migrate", where, str(tmp_path / "back.db")],
    ):
        with pytest.raises(SystemExit) as stop:
            main(["gallery", *words])
        assert not stop.value.code, capsys.readouterr().err
    with Gallery(tmp_path / "back.db", MODEL) as back:
        assert [(person.name, back.notes(person.id)) for person in back.people()] == [
            ("Ada Lovelace", ""),
            ("Ben", "text"),
        ]
        assert back.search(template(1), 1)[0].person == "Ben"
