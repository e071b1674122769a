"""What somebody marked is read as it was drawn, or refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.marked_photos import drawn, read_marks
from ssn.errors import DataError

SQUARE = [[10, 20], [40, 20], [40, 60], [10, 60]]
HOLE = [[20, 30], [29, 30], [29, 39], [20, 39]]
PHOTO = {"photo": "A/A_0001.jpg", "kind": "hand", "rings": [["+", SQUARE], ["-", HOLE]], "ignored": [HOLE]}


def written(folder, data) -> str:
    path = folder / "marks.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return str(path)


def test_rings_hide_and_show_again_in_their_order():
    expected = np.zeros((128, 128), bool)
    expected[20:61, 10:41] = True
    assert (drawn([("+", SQUARE)]) == expected).all()
    expected[30:40, 20:30] = False
    assert (drawn([("+", SQUARE), ("-", HOLE)]) == expected).all()
    assert drawn([("-", HOLE), ("+", SQUARE)]).sum() == 31 * 41, "what is drawn later lies above"
    assert not drawn([]).any()
    assert drawn([("+", [[0, 0], [128, 0], [128, 128], [0, 128]])]).all()


def test_marks_are_read_with_what_is_not_judged(tmp_path):
    marks = read_marks(written(tmp_path, {"photos": [PHOTO], "clear": ["B/B_0001.jpg"]}))
    marked = marks.photos[0]
    assert (marked.photo, marked.kind, marks.clear) == ("A/A_0001.jpg", "hand", ("B/B_0001.jpg",))
    assert marked.hidden.sum() == 31 * 41 - 100
    assert (~marked.judged).sum() == 100
    assert marks.named() == ["A/A_0001.jpg", "B/B_0001.jpg"]


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"photos": [PHOTO]},
        {"photos": [{**PHOTO, "rings": []}], "clear": []},
        {"photos": [{**PHOTO, "rings": [["+", HOLE]]}], "clear": []},
        {"photos": [{**PHOTO, "rings": [["*", SQUARE]]}], "clear": []},
        {"photos": [{**PHOTO, "rings": [["+", SQUARE[:2]]]}], "clear": []},
        {"photos": [{**PHOTO, "rings": [["+", [[0, 0], [200, 0], [0, 50]]]]}], "clear": []},
        {"photos": [{**PHOTO, "rings": [["+", "no ring"]]}], "clear": []},
        {"photos": [PHOTO, PHOTO], "clear": []},
        {"photos": [PHOTO], "clear": ["A/A_0001.jpg"]},
    ],
    ids=["list", "no clear", "nothing", "all ignored", "sign", "two points", "outside", "text", "twice", "both"],
)
def test_what_is_no_file_of_marks_is_refused(tmp_path, data):
    with pytest.raises(DataError, match=r"marks|twice"):
        read_marks(written(tmp_path, data))


def test_a_file_that_is_not_there_or_no_json_is_refused(tmp_path):
    (tmp_path / "marks.json").write_bytes(b"\xff{")
    for name in ("marks.json", "none.json"):
        with pytest.raises(DataError, match="no file of marks"):
            read_marks(tmp_path / name)
