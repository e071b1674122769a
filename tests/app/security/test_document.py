"""Every threat that docs/security.md names has a measure, and a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if line.startswith("| ")][1:]


def named_tests(cell: str) -> list[tuple[str, str]]:
    """(file, test) pairs. No test stands for the whole file, no file for the one before."""
    pairs, file = [], ""
    for name in re.findall(r"`([^`]+)`", cell):
        path, _, test = name.partition("::")
        file = path or file
        pairs.append((file, test))
    return pairs


def test_the_table_is_read():
    assert len(ROWS) > 15


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_threat_has_its_measure_and_its_test(row):
    assert len(row) == 3
    assert row[1]
    tests = named_tests(row[2])
    assert tests
    for file, test in tests:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test or 'test_'}", text, re.M), f"{file} has no {test}"
