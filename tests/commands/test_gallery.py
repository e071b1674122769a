"""``gallery``: looking after a gallery from the command line."""

from __future__ import annotations

import io
import sqlite3

import pytest

from ssn.__main__ import main
from ssn.gallery.sqlite import Gallery
from tests.gallery.test_people_lists import pack, png
from tests.gallery.toys import TOY, ToyRecognizer, save


@pytest.fixture
def gallery(ask, tmp_path):
    """Ada with two templates, Ben and Cid with one."""
    for place, seed, noise in (("Ada/a.png", 1, 0), ("Ada/b.png", 1, 5), ("Ben.png", 2, 0), ("Cid.png", 3, 0)):
        save(tmp_path / "people" / place, seed, noise)
    assert ask("enrol", tmp_path / "people", "--gallery", tmp_path / "g.db").status == 0
    return tmp_path / "g.db"


def people(gallery) -> dict[str, int]:
    with Gallery(gallery, TOY) as store:
        return {person.name: person.stored for person in store.people()}


def test_people_are_renamed_merged_and_moved_and_all_of_it_is_undone(ask, gallery):
    assert ask("gallery", "rename", gallery, "Ada", "Ada Lovelace").data == {"old": "Ada", "new": "Ada Lovelace"}
    assert ask("gallery", "merge", gallery, "Ben", "Cid").status == 0
    assert people(gallery) == {"Ada Lovelace": 2, "Cid": 2}
    number = ask("gallery", "templates", gallery, "Ada Lovelace").data["templates"][1]["template"]
    assert ask("gallery", "move", gallery, number, "Dee").status == 0
    assert ask("gallery", "note", gallery, "Dee", "moved").data["notes"] == "moved"
    assert people(gallery) == {"Ada Lovelace": 1, "Cid": 2, "Dee": 1}
    kinds = [row["kind"] for row in ask("gallery", "changes", gallery).data["changes"]]
    assert kinds == ["notes", "move", "merge", "rename", "enrol", "enrol", "enrol", "enrol"]
    for kind in kinds[:4]:
        assert ask("gallery", "undo", gallery).data["undone"]["kind"] == kind
    assert people(gallery) == {"Ada": 2, "Ben": 1, "Cid": 1}


def test_a_deletion_asks_and_is_final(ask, gallery, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    refused = ask("gallery", "delete", gallery, "Ada")
    assert refused.status == 2
    assert "Nothing was deleted" in refused.err
    assert people(gallery)["Ada"] == 2
    assert ask("gallery", "delete", gallery, "Ada", "--yes").status == 0
    assert people(gallery) == {"Ben": 1, "Cid": 1}
    assert ask("gallery", "undo", gallery).status == 2
    assert ask("gallery", "delete", gallery, "--template", "3", "--yes").status == 0
    assert people(gallery) == {"Cid": 1}
    assert "of a person or of a template" in ask("gallery", "delete", gallery, "--yes").err


def test_a_gallery_is_exported_imported_verified_and_counted(ask, gallery, tmp_path):
    assert ask("gallery", "export", gallery, tmp_path / "all.zip").data["templates"] == 4
    done = ask("gallery", "import", tmp_path / "new.db", tmp_path / "all.zip")
    assert done.data == {"people": 3, "templates": 4, "already": 0}
    assert people(tmp_path / "new.db") == people(gallery)
    assert ask("gallery", "verify", gallery).data["sound"]
    assert ask("gallery", "stats", gallery).data["models"] == {TOY: 4}
    assert [row["templates"] for row in ask("gallery", "list", gallery).data["people"]] == [2, 1, 1]
    db = sqlite3.connect(gallery)
    with db:
        db.execute("UPDATE templates SET face = x'00' WHERE id = 2")
    db.close()
    spoilt = ask("gallery", "verify", gallery)
    assert spoilt.status == 1
    assert "template 2: its picture" in spoilt.out


def test_a_gallery_or_person_that_is_not_there_is_refused(ask, gallery, tmp_path):
    assert "no gallery" in ask("gallery", "list", tmp_path / "none.db").err
    assert not (tmp_path / "none.db").exists()
    answer = ask("gallery", "rename", gallery, "ada", "X")
    assert answer.status == 2
    assert 'There is "Ada"' in answer.err


def test_all_pictures_are_embedded_again_and_only_once(ask, gallery, monkeypatch):
    from ssn.recognizer import Recognizer

    other = ToyRecognizer("other-toy")
    monkeypatch.setattr(Recognizer, "load", lambda *_: other)
    monkeypatch.setattr("ssn.gallery.enrol.BATCH", 2)
    seen = []
    embed = other.embed_batch

    def killed(faces, enrolled=False):
        if len(seen) == 1:
            raise KeyboardInterrupt
        seen.append(len(faces))
        return embed(faces)

    other.embed_batch = killed
    with pytest.raises(SystemExit):
        main(["gallery", "re-embed", str(gallery)])
    with Gallery(gallery, TOY) as store:
        assert [person.templates for person in store.people()] == [2, 1, 1], "the old ones stay valid"
    other.embed_batch = embed
    done = ask("gallery", "re-embed", gallery)
    assert (done.data["added"], done.data["left"]) == (2, 0), "it goes on where it was"
    assert ask("gallery", "re-embed", gallery).data["added"] == 0
    assert ask("gallery", "re-embed", gallery, "--drop-old", TOY).data["dropped"] == 4
    with Gallery(gallery, "other-toy") as store:
        assert [person.templates for person in store.people()] == [2, 1, 1]
        assert store.pictures_of_other_models() == []


def test_photos_come_from_a_zip_or_a_list_with_a_row_a_file(ask, tmp_path):
    packed = pack(tmp_path / "p.zip", {"Ada/a.png": png(1), "Ben.png": png(2), "../e.png": png(3), "Cid.png": b"no"})
    done = ask("enrol", packed, "--gallery", tmp_path / "z.db")
    assert people(tmp_path / "z.db") == {"Ada": 1, "Ben": 1}
    assert (len(done.data["enrolled"]), len(done.data["refused"]), len(done.data["skipped"])) == (2, 1, 1)
    assert all(row["quality"]["eyes"] >= 0 for row in done.data["enrolled"])
    save(tmp_path / "x" / "1.png", 1)
    (tmp_path / "l.csv").write_text("path,name\nx/1.png,Ada\nx/none.png,Ben\n", encoding="utf-8")
    done = ask("enrol", tmp_path / "l.csv", "--gallery", tmp_path / "c.db")
    assert people(tmp_path / "c.db") == {"Ada": 1}
    assert len(done.data["refused"]) == 1


def test_a_face_that_looks_like_two_people_is_told(ask, tmp_path):
    for name, noise in (("Ada", 0), ("Bea", 3), ("Cleo", 4)):
        save(tmp_path / "people" / f"{name}.png", 1, noise)
    rows = ask("enrol", tmp_path / "people", "--gallery", tmp_path / "g.db").data["enrolled"]
    assert "looks_like" not in rows[0]
    assert rows[1]["looks_like"]["person"] == "Ada"
    assert {rows[2]["looks_like"]["person"], rows[2]["looks_like_too"]["person"]} == {"Ada", "Bea"}
