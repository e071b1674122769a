"""The gallery's benchmark: the documented fields, and the same ranks as the index it is compared with."""

from __future__ import annotations

import json
import sys

import pytest

pytest.importorskip("faiss")

FIELDS = {"templates", "search_p50_ms", "search_p95_ms", "faiss_p50_ms", "milvus_p50_ms", "after_enrol_ms"}
FIELDS |= {"enrol_per_s", "startup_s", "memory_mb"}


def test_it_writes_the_documented_row_for_every_size(tmp_path, monkeypatch, capsys):
    from benchmarks import gallery

    monkeypatch.setattr(gallery, "SEARCHES", 32)
    monkeypatch.setattr(gallery, "CHANGES", 2)
    asked = ["--sizes", "40,3000", "--milvus", "none", "--json", str(tmp_path / "out.json")]
    monkeypatch.setattr(sys, "argv", ["gallery", *asked])
    gallery.main()
    written = json.loads((tmp_path / "out.json").read_text())
    rows = written["rows"]
    assert [row["templates"] for row in rows] == [40, 3000]
    for row in rows:
        assert set(row) == FIELDS
        assert row["milvus_p50_ms"] is None
        assert row["search_p95_ms"] >= row["search_p50_ms"] > 0
    assert [more["agrees_with_faiss"] for more in written["more"]] == [1, 1]
    assert capsys.readouterr().out.count("\n") == 2
