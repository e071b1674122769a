"""The index follows the file: what another process changed costs what changed."""

from __future__ import annotations

from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template


def test_a_change_costs_what_changed(path):
    with Gallery(path, MODEL) as here, Gallery(path, MODEL) as there:
        for seed in range(50):
            here.enrol(f"P{seed}", template(seed))
        assert there.search(template(1))[0].person == "P1"
        index = there._in_step.current()
        vectors_read = []
        rows = there._in_step._rows
        there._in_step._rows = lambda sql, *values: [
            vectors_read.append(row) or row if "t.vector" in sql else row for row in rows(sql, *values)
        ]
        here.enrol("New", template(99))
        here.delete_person(here.person("P7").id)
        assert there.search(template(99))[0].person == "New"
        assert there.search(template(7), 60)[-1].rank == 50
        assert there._in_step.current() is index, "changed in place"
        assert len(vectors_read) == 1
        assert index.templates == [number for number in range(1, 52) if number != 8]


def test_who_missed_part_of_the_log_reads_everything_again(path, monkeypatch):
    monkeypatch.setattr("ssn.gallery.database.LOGGED", 3)
    with Gallery(path, MODEL) as here, Gallery(path, MODEL) as there:
        numbers = [here.enrol(f"P{seed}", template(seed)) for seed in range(10)]
        assert len(there.search(template(0), 99)) == 10
        for number in numbers[:6]:
            here.delete_template(number)
        assert here._rows("SELECT COUNT(*) FROM altered") == [(3,)]
        assert {m.template_id for m in there.search(template(0), 99)} == set(numbers[6:])
        assert {m.template_id for m in here.search(template(0), 99)} == set(numbers[6:])


def test_catching_up_sorts_nothing(gallery, monkeypatch):
    """Otherwise the search after an enrolment costs a look at every template, and a start as many as it has parts."""
    gallery.enrol("Ann", template(1))
    asked, rows = [], gallery._in_step._rows
    monkeypatch.setattr(
        gallery._in_step, "_rows", lambda sql, *values: asked.append((sql, values)) or rows(sql, *values)
    )
    gallery.search(template(1))
    plans = [step[3] for sql, values in asked for step in gallery._rows(f"EXPLAIN QUERY PLAN {sql}", *values)]
    assert any("SEARCH t USING INTEGER PRIMARY KEY (rowid>?)" in step for step in plans)
    assert not any("TEMP B-TREE" in step for step in plans)


def test_a_search_reads_names_once_and_never_remembers_one_that_is_gone(path):
    with Gallery(path, MODEL) as here, Gallery(path, MODEL) as there:
        for seed, name in ((1, "Ann"), (2, "Ben"), (3, "Cid")):
            here.enrol(name, template(seed))
        ann, ben, cid = (here.person(name).id for name in ("Ann", "Ben", "Cid"))
        for _ in range(2):
            assert there.search(template(1), 3)[0].person == here.search(template(1), 3)[0].person == "Ann"
        asked: list[str] = []
        there._db.set_trace_callback(asked.append)
        there.search(template(2), 3)
        assert [line for line in asked if "SELECT" in line] == [], "nothing has changed"
        there._db.set_trace_callback(None)
        here.rename(ann, "Zoe")
        assert there.search(template(1), 1)[0].person == "Zoe"
        here.delete_person(ben)
        assert here._names == {}, "out of memory at once"
        assert {match.person for match in there.search(template(2), 3)} == {"Zoe", "Cid"}
        assert set(there._names) == {ann, cid}
